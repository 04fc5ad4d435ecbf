import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { createPool, inTransaction } from '../../src/database/pool.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { classifyError } from '../../src/database/sqlstate.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type FaultyProxy, startFaultyProxy } from '../support/faulty-proxy.ts';
import { executionObservation } from '../support/observations.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';

const STATEMENT_TIMEOUT_MS = 500;
/** A server that forks on a busy machine may take longer for a connection than for a statement. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A pool that cannot be closed must fail its test, not wait for the whole run. */
const HOOK_TIMEOUT_MS = 20_000;

let database: TestDatabase;
let proxy: FaultyProxy;
let pool: ReturnType<typeof createPool>;
let store: RecordStore;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  proxy = await startFaultyProxy(Number(new URL(database.url('audit_writer')).port));
  pool = poolThrough(proxy.port);
  store = createRecordStore(pool);
});
afterEach(async () => {
  await pool.end();
  await proxy.close();
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
}, HOOK_TIMEOUT_MS);

function poolThrough(port: number): ReturnType<typeof createPool> {
  const address = new URL(database.url('audit_writer'));
  address.port = String(port);
  return createPool({
    connectionString: address.href,
    applicationName: 'through a faulty network',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    max: 2,
    logger: createLogger('silent', 'test'),
  });
}

const someObservations = (): Observation[] => Array.from({ length: 5 }, () => executionObservation());

async function countEntriesOf(observations: readonly Observation[]): Promise<number> {
  const keys = new Set(observations.map(entryKeyOf));
  return (await inspectRecords(database.owner)).entries.filter((entry) => keys.has(entry)).length;
}

/** The same pool, the same store: what was thrown for is stored now, each once. */
async function expectStoredNow(observations: readonly Observation[]): Promise<void> {
  const outcomes = await store.record(observations);
  expect(outcomes).toMatchObject(observations.map(() => ({ status: 'stored', revision: 1 })));
  expect(await countEntriesOf(observations)).toBe(observations.length);
}

async function expectConnectionLost(work: Promise<unknown>): Promise<void> {
  const error: unknown = await work.then(
    () => 'nothing was thrown',
    (caught: unknown) => caught,
  );
  expect(classifyError(error), String(error)).toBe('connection');
}

test.each(['find-records', 'insert-workflow_execution_audit'])(
  'a connection reset in the middle, at %s, stores nothing and costs no more than the connection',
  async (statement) => {
    const observations = someObservations();
    const lost = proxy.loseAnswerTo(statement);
    await expectConnectionLost(store.record(observations));
    await lost;
    expect(await countEntriesOf(observations)).toBe(0);
    await expectStoredNow(observations);
  },
);

test('a commit whose answer is lost is stored once, however often it is brought again', async () => {
  const observations = someObservations();
  const lost = proxy.loseAnswerTo('commit');
  await expectConnectionLost(store.record(observations));
  await lost;
  expect(await countEntriesOf(observations)).toBe(observations.length);
  await expectStoredNow(observations);
});

test('a connection that breaks while nothing is asked of it ends neither the process nor the pool', async () => {
  const observations = someObservations();
  await expectConnectionLost(
    inTransaction(pool, async (client) => {
      const ended = new Promise((resolve) => client.once('end', resolve));
      proxy.reset();
      await ended;
      await client.query('select 1');
    }),
  );
  await expectStoredNow(observations);
});

test('idle connections that break are replaced', async () => {
  await expectStoredNow(someObservations());
  const [client] = await Promise.all([pool.connect()]);
  const ended = new Promise((resolve) => client.once('end', resolve));
  client.release();
  proxy.reset();
  await ended;
  await expectStoredNow(someObservations());
});

test('a connection that is half-open is given up after a bounded time', async () => {
  const observations = someObservations();
  await expectStoredNow(someObservations());
  proxy.freeze();
  await expectConnectionLost(store.record(observations));
  // A new connection is accepted, and nobody answers on it.
  await expectConnectionLost(store.record(observations));
  proxy.thaw();
  await expectStoredNow(observations);
});

test('a server that is not there is distinguished from a record that is wrong', async () => {
  await proxy.close();
  const observations = someObservations();
  await expectConnectionLost(store.record(observations));
  await using replacement = await startFaultyProxy(Number(new URL(database.url('audit_writer')).port));
  const again = poolThrough(replacement.port);
  expect(await createRecordStore(again).record(observations)).toHaveLength(observations.length);
  await again.end();
});
