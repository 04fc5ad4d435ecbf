import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Route } from '../../src/api/http/route.ts';
import { type RunningApi, startApi } from '../../src/api/http/server.ts';
import { createCodecEndpoint } from '../../src/temporal/codec-endpoint.ts';
import { PLAIN_PAYLOADS } from '../../src/temporal/connection.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const UI = 'https://temporal.example.com';
const RECORDS = '/api/v1/audit/kubernetes-execution';
const SAFE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

let database: TestDatabase;
let routes: readonly Route[];
let api: RunningApi;

beforeAll(async () => {
  database = await createTestDatabase();
  const codec = { endpoint: createCodecEndpoint(createPayloadCodec(PLAIN_PAYLOADS)), origins: [UI] };
  const options = testApiOptions(database, { codec });
  routes = options.routes;
  api = await startApi(options);
  const headers = { 'content-type': 'application/json' };
  await fetch(`${api.url}${RECORDS}`, { method: 'POST', headers, body: '{"execution_id":"<script>"}' });
});
afterAll(async () => {
  await api.stop();
  await database.close();
});

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
}

/** With the address as it is written: `fetch` would mend what is wrong with it. */
function send(path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const { hostname, port } = new URL(api.url);
  request({ hostname, port, path, method, headers }, (answer) => {
    const answered = { status: answer.statusCode ?? 0, headers: answer.headers };
    // A stream of events ends when nobody listens.
    if (answer.headers['content-type']?.startsWith('text/event-stream') === true) {
      answer.destroy();
      resolve(answered);
    } else
      answer.resume().on('end', () => {
        resolve(answered);
      });
  })
    .on('error', reject)
    .end();
  return promise;
}

test('no answer of any route is kept by a cache or read as something else', async () => {
  for (const { method, path } of routes) {
    const { headers } = await send(path.replaceAll(/:\w+/g, 'x'), method);
    expect(headers, `${method} ${path}`).toMatchObject(SAFE);
  }
});

test.each(['application/json', 'application/x-ndjson', 'text/csv'])(
  'nor are records as %s',
  async (accept) => {
    const { status, headers } = await send(RECORDS, 'GET', { accept });
    expect(status).toBe(200);
    expect(headers).toMatchObject({ ...SAFE, 'content-type': expect.stringContaining(accept) as string });
  },
);

const preflight = { origin: UI, 'access-control-request-method': 'POST' };

test.each<[string, number, Parameters<typeof send>]>([
  ['an address that is none', 404, ['/nothing']],
  ['a method that is not taken', 405, [RECORDS, 'PUT']],
  ['an address that is no URL', 400, ['/api/v1/audit/%zz']],
  ['a page of another origin', 403, [RECORDS, 'GET', { origin: 'https://evil.example' }]],
  ['a question of a browser', 204, ['/codec/decode', 'OPTIONS', preflight]],
])('nor is what is answered to %s', async (_name, status, sent) => {
  const answer = await send(...sent);
  expect(answer.status).toBe(status);
  expect(answer.headers).toMatchObject(SAFE);
});

test('nor is what is answered to a request that is not HTTP', async () => {
  const { hostname, port } = new URL(api.url);
  const answer = await text(connect(Number(port), hostname).end('hello\r\n\r\n'));
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  for (const [name, value] of Object.entries(SAFE)) expect(answer).toContain(`\r\n${name}: ${value}\r\n`);
});

test('every page says what may run in it, and tells no other site where its reader came from', async () => {
  const pages: string[] = [];
  for (const { path } of routes.filter(({ method }) => method === 'GET')) {
    const { headers } = await send(path.replaceAll(/:\w+/g, 'x'));
    if (!String(headers['content-type']).startsWith('text/html')) continue;
    pages.push(path);
    expect(headers).toMatchObject({ 'referrer-policy': 'no-referrer' });
    for (const rule of [
      "default-src 'none'",
      "frame-ancestors 'none'",
      /form-action '(?:none|self)'/,
      "connect-src 'self'",
    ])
      expect(headers['content-security-policy']).toMatch(rule);
  }
  expect(pages).toEqual(expect.arrayContaining(['/docs', '/', '/history', '/reports', '/retention']));
});
