import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { Gate } from '../../src/api/auth/gate.ts';
import { forbidden, unauthenticated } from '../../src/api/auth/gate.ts';
import { type ApiOptions, type RunningApi, startApi } from '../../src/api/http/server.ts';
import type { ApiServices } from '../../src/api/routes/api-routes.ts';
import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { EventReader } from '../support/event-reader.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { executionObservation } from '../support/observations.ts';
import { until } from '../support/until.ts';

/*
 * Server-sent events against a real database: nothing is missed, nobody hears of what is not theirs, and what is not read, not
 * allowed or too much is bounded.
 */

/** The promise is a second; a machine that does five things at once gets more. */
const MOST_LATE_MS = 5_000;
const log = createLogger('silent', 'test');
let database: TestDatabase;
let api: RunningApi;
const opened: { close: () => Promise<void> }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  api = await startApi(testApiOptions(database));
});
afterAll(async () => {
  await api.stop();
  await database.close();
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

type Given = Partial<ApiServices> & Partial<ApiOptions>;

/** Another service on the same database, until the test ends. */
async function startAnother(given: Given): Promise<RunningApi> {
  const another = await startApi(testApiOptions(database, given));
  opened.push({ close: () => another.stop() });
  return another;
}

async function listenTo(query: string, { url = api.url, headers = {} } = {}): Promise<EventReader> {
  const reader = await EventReader.open(`${url}/api/v1/events${query}`, headers);
  opened.push(reader);
  return reader;
}

const nameOf = (uid: string): string => `?cluster=test&namespace=payments&name=${uid}`;

/** One more observation of a remediation; on the clock of `performance`, when it was committed. */
async function record(uid: string, version: number): Promise<number> {
  await createRecordStore(database.writer).record([
    executionObservation({
      ...{ table: 'remediation_audit', key: naturalKey(uid), sourceVersion: String(version) },
      columns: {
        remediation_id: uid,
        remediation_uid: uid,
        namespace: 'payments',
        overall_phase: `Phase${version}`,
      },
    }),
  ]);
  return performance.now();
}

test('a commit is told within a second, to who listens to everything and to who listens to its remediation', async () => {
  await record('rr-told', 1);
  const [all, own, other] = await Promise.all(
    ['', nameOf('rr-told'), nameOf('rr-other')].map((query) => listenTo(query)),
  );
  if (all === undefined || own === undefined || other === undefined) throw new Error('three were opened');
  await Promise.all([all, own, other].map((reader) => reader.next('ready')));
  const late: number[] = [];
  for (const version of [2, 3, 4, 5]) {
    const committed = await record('rr-told', version);
    const events = await Promise.all([all, own].map((reader) => reader.next('change', version - 1)));
    late.push(...events.map(({ at }) => at - committed));
  }
  process.stderr.write(`events came ${late.map(Math.round).join(', ')} ms after the commit\n`);
  expect(Math.max(...late)).toBeLessThan(MOST_LATE_MS);
  await record('rr-other', 1);
  await other.next('change');
  expect(other.named('change').length).toBe(1);
  expect(own.named('change').length).toBe(4);
  expect(all.response.headers.get('content-type')).toContain('text/event-stream');
});

test('a transaction that ends long after its entry got a number is told when it ends', async () => {
  await record('rr-long', 1);
  await using client = await databaseClient();
  const [all, own] = [await listenTo(''), await listenTo(nameOf('rr-long'))];
  await Promise.all([all.next('ready'), own.next('ready')]);
  await client.query('begin');
  await client.query(`insert into audit_ledger (record_id, created_at, source_version, content_hash, observed_at, table_name,
      cluster, remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
    select record_id, created_at, 99, content_hash, observed_at, table_name, cluster, remediation_uid, phase, actor,
      canonical, salt, payload_hash, leaf_hash
    from audit_ledger where remediation_uid = 'rr-long'`);
  // Others move on meanwhile.
  await record('rr-meanwhile', 1);
  await all.next('change');
  const before = all.named('change').length;
  expect(own.named('change')).toEqual([]);
  await client.query('commit');
  await own.next('change');
  await all.next('change', before + 1);
});

async function databaseClient() {
  const client = await database.owner.connect();
  return Object.assign(client, {
    [Symbol.asyncDispose]: () => {
      client.release();
      return Promise.resolve();
    },
  });
}

test('who connects again learns what came meanwhile, and nothing where nothing came', async () => {
  await record('rr-again', 1);
  for (const query of ['', nameOf('rr-again')]) {
    let id = '';
    // The end of a transaction in any database of the server is a change of everything, and other files have some meanwhile.
    await until(async () => {
      const first = await listenTo(query);
      ({ id = '' } = await first.next('ready'));
      await first.close();
      const same = await listenTo(query, { headers: { 'last-event-id': id } });
      await same.next('ready');
      const changes = same.named('change');
      await same.close();
      if (query !== '') expect(changes).toEqual([]);
      return changes.length === 0;
    }, 'nothing is told where nothing came');
    const headers = { 'last-event-id': id };
    await record('rr-again', 2 + (query === '' ? 0 : 1));
    const missed = await listenTo(query, { headers });
    await missed.next('change');
    const asParameter = await listenTo(`${query}${query === '' ? '?' : '&'}last_event_id=${id}`);
    await asParameter.next('change');
  }
});

test.each(['another', '-1', '1.', '<script>'])('an id that nobody gave out, %j, is a reset', async (id) => {
  const reader = await listenTo('', { headers: { 'last-event-id': id } });
  await reader.next('reset');
});

test.each([
  ['?cluster=test', 'namespace must be there: cluster, namespace and name come together'],
  ['?name=x&namespace=y', 'cluster must be there: cluster, namespace and name come together'],
  ['?cluster=a&cluster=b&namespace=y&name=x', 'cluster must be given once'],
  ['?cluster=a&namespace=y&name=%00', undefined],
  ['?phase=Failed', undefined],
])('%s is refused', async (query, detail) => {
  const answer = await fetch(`${api.url}/api/v1/events${query}`);
  expect(answer.status).toBe(400);
  const body = (await answer.json()) as { detail: string };
  if (detail !== undefined) expect(body.detail).toBe(detail);
});

test('who accepts no stream gets none', async () => {
  const answer = await fetch(`${api.url}/api/v1/events`, { headers: { accept: 'application/json' } });
  expect(answer.status).toBe(406);
});

test('one remediation takes the right to get, everything the right to list', async () => {
  const gate: Gate = {
    admit(authorization, verb) {
      if (authorization === undefined) throw unauthenticated('send a token');
      if (verb !== 'get') throw forbidden('getter', verb);
      return { name: 'getter' };
    },
    close: () => Promise.resolve(),
  };
  const { url } = await startAnother({ gate, authMode: 'token' });
  const headers = { authorization: 'Bearer x' };
  expect((await listenTo('', { url })).response.status).toBe(401);
  expect((await listenTo('', { url, headers })).response.status).toBe(403);
  const own = await listenTo(nameOf('rr-1'), { url, headers });
  await own.next('ready');
  const id = own.response.headers.get('x-request-id');
  const { rows } = await database.owner.query(
    'select caller, route from audit_access where request_id = $1',
    [id],
  );
  expect(rows).toEqual([{ caller: 'getter', route: 'GET /api/v1/events' }]);
  // The cookie of the page opens no route of the API.
  const byCookie = await listenTo(nameOf('rr-1'), { url, headers: { cookie: 'remediation-audit-token=x' } });
  expect(byCookie.response.status).toBe(401);
  // The page has an address of its own for the same stream.
  const page = await EventReader.open(`${url}/events${nameOf('rr-1')}`, {
    cookie: 'remediation-audit-token=x',
  });
  opened.push(page);
  await page.next('ready');
  expect((await fetch(`${url}/events${nameOf('rr-1')}`)).status).toBe(401);
});

test('streams are bounded for each caller and for the process, and those that are closed make room', async () => {
  const gate: Gate = {
    admit: (authorization = '') => ({ name: authorization }),
    close: () => Promise.resolve(),
  };
  const metrics = createMetrics();
  const { url } = await startAnother({
    ...{ gate, metrics, authMode: 'token' },
    streams: { perCaller: 2, perProcess: 3 },
  });
  const by = (authorization: string) => listenTo('', { url, headers: { authorization } });
  const [first] = [await by('a'), await by('a'), await by('b')];
  const tooMany = await by('a');
  expect([tooMany.response.status, tooMany.response.headers.get('retry-after')]).toEqual([429, '10']);
  const full = await by('c');
  expect([full.response.status, full.response.headers.get('retry-after')]).toEqual([503, '10']);
  await first.close();
  await until(
    async () => (await metrics.api.eventStreams.get()).values[0]?.value === 2,
    'the stream is released',
  );
  await (await by('a')).next('ready');
  expect((await metrics.api.eventStreamsRefused.get()).values[0]?.value).toBe(2);
});

test('a stream whose trace cannot be stored is none, and is released', async () => {
  const metrics = createMetrics();
  const audit = {
    trace: () => Promise.reject(new Error('the trace is away')),
    counts: { count: () => undefined },
  };
  const { url } = await startAnother({ metrics, audit });
  expect((await listenTo('', { url })).response.status).toBe(500);
  expect((await metrics.api.eventStreams.get()).values[0]?.value).toBe(0);
});

test('streams end in order when the process ends, and at the end of their time', async () => {
  const ending = await startApi(testApiOptions(database, { shutdownGraceMs: 60_000 }));
  const reader = await listenTo('', { url: ending.url });
  await reader.next('ready');
  const begun = performance.now();
  await ending.stop();
  await reader.ended;
  expect(JSON.parse((await reader.next('end')).data)).toEqual({ reason: 'the process is ending' });
  expect(performance.now() - begun).toBeLessThan(30_000);

  const { url } = await startAnother({ streams: { lifetimeMs: 50, heartbeatMs: 5 } });
  const short = await listenTo('', { url });
  await short.ended;
  expect(JSON.parse((await short.next('end')).data)).toEqual({ reason: 'connect again' });
  expect(JSON.parse((await short.next('ready')).data)).toEqual({ alive_every_ms: 5 });
  expect(short.named('alive')).not.toEqual([]);
});

describe('over a connection of its own to the database', () => {
  test('a hundred who listen hold none, and one is enough for all', async () => {
    const pool = createPool({
      ...{ connectionString: database.url('audit_reader'), applicationName: 'events, one connection' },
      ...{ max: 1, statementTimeoutMs: 5_000, logger: log },
    });
    opened.push({ close: () => pool.end() });
    const { url } = await startAnother({ pool, reports: pool, streams: { perCaller: 100 } });
    const readers: EventReader[] = [];
    for (let count = 0; count < 100; count += 1)
      readers.push(await listenTo(nameOf(`rr-${count % 20}`), { url }));
    expect((await fetch(`${url}/api/v1/remediations`)).status).toBe(200);
    await record('rr-7', 1);
    const told = readers.filter((_, index) => index % 20 === 7);
    await Promise.all(told.map((reader) => reader.next('change')));
    expect(readers.filter((reader) => reader.named('change').length > 0)).toEqual(told);
    expect(pool.totalCount).toBe(1);
  });

  test('nobody is asked while nobody listens', async () => {
    const pool = createPool({
      ...{ connectionString: database.url('audit_reader'), applicationName: 'events, nobody' },
      ...{ max: 1, statementTimeoutMs: 5_000, logger: log },
    });
    opened.push({ close: () => pool.end() });
    let asked = 0;
    pool.on('acquire', () => {
      asked += 1;
    });
    const metrics = createMetrics();
    const { url } = await startAnother({ pool, reports: pool, metrics });
    const reader = await listenTo('', { url });
    await until(() => asked > 3, 'it is asked again and again');
    await reader.close();
    await until(async () => (await metrics.api.eventStreams.get()).values[0]?.value === 0, 'nobody listens');
    await until(() => pool.idleCount === pool.totalCount, 'the last question is answered');
    const before = asked;
    // Another service, which is asked at the same pace, learns of three changes one after the other.
    const clock = await listenTo('');
    for (const version of [1, 2, 3]) {
      await record('rr-nobody', version);
      await clock.next('change', version);
    }
    expect(asked).toBe(before);
  });

  test('that is away is told once, and what was recorded meanwhile when it is back', async () => {
    await using proxy = await startFaultyProxy(Number(new URL(database.url('audit_reader')).port));
    const through = new URL(database.url('audit_reader'));
    through.port = String(proxy.port);
    const pool = createPool({
      ...{ connectionString: through.href, applicationName: 'events, away', max: 2 },
      ...{ statementTimeoutMs: 30_000, connectTimeoutMs: 30_000, logger: log },
    });
    opened.push({ close: () => pool.end() });
    await record('rr-away', 1);
    const { url } = await startAnother({ pool, reports: pool });
    const [all, own] = [await listenTo('', { url }), await listenTo(nameOf('rr-away'), { url })];
    await Promise.all([all.next('ready'), own.next('ready')]);
    proxy.refuse();
    await Promise.all([all.next('away'), own.next('away')]);
    const late = await listenTo('', { url });
    expect([late.response.status, late.response.headers.get('retry-after')]).toEqual([503, '2']);
    await record('rr-away', 2);
    proxy.admit();
    await Promise.all([all.next('back'), own.next('back'), all.next('change'), own.next('change')]);
    const events = own.events.map(({ event }) => event).filter((event) => event !== 'alive');
    expect(events).toEqual(['ready', 'away', 'back', 'change']);
  });
});
