import { request } from 'node:http';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createBrowserGuard } from '../../src/api/http/browser-guard.ts';
import type { Route } from '../../src/api/http/route.ts';
import { type RunningApi, startApi } from '../../src/api/http/server.ts';
import { createCodecEndpoint } from '../../src/temporal/codec-endpoint.ts';
import { PLAIN_PAYLOADS } from '../../src/temporal/connection.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const EVIL = 'https://evil.example';
const UI = 'http://127.0.0.1:8233';
const RECORDS = '/api/v1/audit/kubernetes-execution';
const PROBES = ['/healthz', '/readyz', '/metrics'];

let database: TestDatabase;
let routes: readonly Route[];
/** Nobody is asked who calls. */
let open: RunningApi;
/** Callers show a token. */
let guarded: RunningApi;

beforeAll(async () => {
  database = await createTestDatabase();
  const endpoint = createCodecEndpoint(createPayloadCodec(PLAIN_PAYLOADS));
  const options = testApiOptions(database, {
    codec: { endpoint, origins: [UI] },
    allowedHosts: ['Audit.example.com'],
  });
  routes = options.routes;
  open = await startApi(options);
  guarded = await startApi({ ...testApiOptions(database), authMode: 'token' });
});
afterAll(async () => {
  await open.stop();
  await guarded.stop();
  await database.close();
});

interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Over a socket and with nothing added: `fetch` chooses `Host` and `Origin` itself. */
function send(
  api: RunningApi,
  path: string,
  { method = 'GET', headers = {}, body }: Sending = {},
): Promise<{ status: number; type: string; text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof send>>>();
  const url = new URL(path, api.url);
  const given = {
    host: url.host,
    ...(body === undefined ? {} : { 'content-length': body.length }),
    ...headers,
  };
  request(url, { method, setHost: false, headers: given }, (answer) => {
    let text = '';
    answer.setEncoding('utf8').on('data', (part: string) => (text += part));
    answer.on('end', () => {
      const [, type = ''] = /"type":"urn:remediation-audit:problem:([a-z-]+)"/.exec(text) ?? [];
      resolve({ status: answer.statusCode ?? 0, type, text });
    });
  })
    .on('error', reject)
    .end(body);
  return promise;
}

const pathOf = ({ path }: Route): string => path.replace(':month', '2026-01').replaceAll(/:\w+/g, 'x');

/** Everything that a page could make the service do by one request. */
const CHANGES: readonly (readonly [string, object])[] = [
  [RECORDS, { execution_id: 'from-a-page' }],
  ['/api/v1/holds', { namespace: 'payments', reason: 'from a page' }],
  ['/api/v1/retention/approvals', { month: '2026-01' }],
];

async function changes(): Promise<number> {
  const { rows } = await database.owner.query<{ count: string }>(
    'select (select count(*) from audit_ledger) + (select count(*) from audit_hold) + ' +
      '(select count(*) from audit_partition where approved_by is not null) as count',
  );
  return Number(rows[0]?.count);
}

describe('where nobody is asked who calls,', () => {
  test('a Host that is none of the service is refused on every route but the probes', async () => {
    for (const route of routes) {
      const headers = { host: 'evil.example', 'content-type': 'application/json' };
      const body = route.method === 'POST' ? '{}' : undefined;
      const sending = { method: route.method, headers, ...(body === undefined ? {} : { body }) };
      const answer = await send(open, pathOf(route), sending);
      const name = `${route.method} ${route.path}: ${answer.text.slice(0, 200)}`;
      if (PROBES.includes(route.path)) expect(answer.status, name).toBe(200);
      else if (route.describe.tag === 'page') expect(answer.status, name).toBe(421);
      else expect([answer.status, answer.type], name).toEqual([421, 'unknown-host']);
    }
  });

  test.each(['127.0.0.1', '[::1]:9000', 'LOCALHOST:80', 'audit.example.com', 'AUDIT.example.com:443'])(
    'Host %s is answered',
    async (host) => {
      expect((await send(open, RECORDS, { headers: { host } })).status).toBe(200);
    },
  );

  test.each([
    '',
    'evil.example',
    'localhost.evil.example',
    'evil.example:127.0.0.1',
    'localhost@evil.example',
    'evil.example#localhost',
    '127.0.0.1.evil.example:8085',
    'sub.audit.example.com',
    '169.254.169.254',
  ])('Host %j is not, and the remedy is in the answer', async (host) => {
    const answer = await send(open, RECORDS, { headers: { host } });
    expect([answer.status, answer.type]).toEqual([421, 'unknown-host']);
    expect(answer.text).toContain('REMEDIATION_AUDIT_API_ALLOWED_HOSTS');
  });

  test('a page of another origin changes nothing, whatever its browser sends of it', async () => {
    const before = await changes();
    const senders = [
      { origin: EVIL },
      { origin: 'null' },
      { origin: UI },
      { origin: open.url.replace(/:\d+$/, ':1') },
      { origin: EVIL, 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: open.url, 'sec-fetch-site': 'same-site' },
    ];
    for (const sender of senders) {
      for (const [path, value] of CHANGES) {
        const headers = { ...sender, 'content-type': 'application/json' };
        const answer = await send(open, path, { method: 'POST', headers, body: JSON.stringify(value) });
        expect([answer.status, answer.type], JSON.stringify({ path, sender })).toEqual([403, 'foreign-page']);
        expect(answer.text).toContain('REMEDIATION_AUDIT_API_AUTH_MODE');
      }
    }
    expect(await changes()).toBe(before);
  });

  test('it is refused on every route but the probes', async () => {
    for (const route of routes) {
      const headers = { origin: EVIL, 'sec-fetch-site': 'cross-site' };
      const answer = await send(open, pathOf(route), { method: route.method, headers });
      const isProbe = PROBES.includes(route.path);
      expect(answer.status, `${route.method} ${route.path}`).toBe(isProbe ? 200 : 403);
    }
  });

  test('the service’s own page, an address that was typed, and what is no browser are answered', async () => {
    const own = [
      {},
      { 'sec-fetch-site': 'none' },
      { origin: open.url, 'sec-fetch-site': 'same-origin' },
      { origin: 'https://audit.example.com', host: 'audit.example.com' },
      // A proxy that calls the service by its address.
      { origin: 'https://audit.example.com', 'sec-fetch-site': 'same-origin' },
    ];
    for (const sender of own) {
      const headers = { ...sender, 'content-type': 'application/json' };
      const sending = { method: 'POST', headers, body: '{"execution_id":"own"}' };
      expect((await send(open, RECORDS, sending)).status, JSON.stringify(sender)).toBe(201);
    }
  });

  test('the UI of Temporal may call the codec and nothing else, and by a name of the service only', async () => {
    const headers = { origin: UI, 'sec-fetch-site': 'same-site', 'content-type': 'application/json' };
    const sending = { method: 'POST', headers, body: '{"payloads":[]}' };
    expect((await send(open, '/codec/decode', sending)).status).toBe(200);
    expect((await send(open, RECORDS, { headers: { origin: UI } })).status).toBe(403);
    const rebound = { ...sending, headers: { ...headers, host: 'evil.example' } };
    expect((await send(open, '/codec/decode', rebound)).status).toBe(421);
  });

  test('the address at which a connection arrived is one of the service’s, as IPv4 and as IPv6', () => {
    const guard = createBrowserGuard({ host: '::', allowedHosts: [] });
    const approach = (host: string, localAddress: string) => () => {
      guard({ headers: { host }, localAddress, origins: [] });
    };
    expect(approach('10.1.2.3:8085', '::ffff:10.1.2.3')).not.toThrow();
    expect(approach('[fd00::1]:8085', 'fd00::1')).not.toThrow();
    expect(approach('10.1.2.4:8085', '::ffff:10.1.2.3')).toThrow('Host');
  });
});

test('where callers show a token, every Host is answered, and pages are judged by their token', async () => {
  const headers = { host: 'audit-remediation-audit.svc', origin: EVIL, 'sec-fetch-site': 'cross-site' };
  expect((await send(guarded, RECORDS, { headers })).status).toBe(200);
});

test.each([
  ['without a media type', undefined],
  ['as a form sends it', 'text/plain'],
  ['of a media type that only begins alike', 'application/jsonp'],
])('in every mode a body %s is taken nowhere', async (_name, type) => {
  const before = await changes();
  for (const api of [open, guarded]) {
    for (const route of routes.filter(({ method }) => method === 'POST')) {
      const headers = type === undefined ? {} : { 'content-type': type };
      const answer = await send(api, pathOf(route), { method: 'POST', headers, body: '{"month":"2026-01"}' });
      if (route.describe.tag === 'page') {
        expect(answer.status, route.path).toBe(415);
        continue;
      }
      expect([answer.status, answer.type], route.path).toEqual([415, 'unsupported-media-type']);
      expect(answer.text).toContain('send content-type: application/json');
    }
  }
  expect(await changes()).toBe(before);
});
