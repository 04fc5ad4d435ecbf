import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createDurability } from '../../src/api/intake/durability.ts';
import { createPool } from '../../src/database/pool.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { connectTemporalLazily } from '../../src/temporal/connection.ts';
import type { DeferredRecords } from '../../src/temporal/deferred-records.ts';
import { createDeferredRecords } from '../../src/temporal/deferred-records.ts';
import { createTestApi } from '../support/api.ts';
import { type FaultyProxy, startFaultyProxy } from '../support/faulty-proxy.ts';
import { inspectRecords } from '../support/record-checks.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import { until } from '../support/until.ts';

const silent = createLogger('silent', 'test');
const ACTIONS = '/api/v1/audit/kubernetes-execution';
const WAIT_MS = 500;
const PATIENCE_MS = 20_000;

let stage: RecordingStage;
let proxy: FaultyProxy;
let pool: ReturnType<typeof createPool>;
let api: FastifyInstance;
let deferral: DeferredRecords;

beforeAll(async () => {
  stage = await openRecordingStage();
  const address = new URL(stage.database.url('audit_writer'));
  proxy = await startFaultyProxy(Number(address.port));
  address.port = String(proxy.port);
  pool = createPool({
    connectionString: address.href,
    applicationName: 'posts through a proxy',
    statementTimeoutMs: WAIT_MS,
    connectTimeoutMs: WAIT_MS,
    logger: silent,
  });
  const { client, taskQueue } = stage.temporal;
  // A development server on a busy machine: what is tested is that nothing is lost, not how fast it starts workflows.
  deferral = createDeferredRecords(client, { taskQueue, deadlineMs: PATIENCE_MS });
  api = openApi(deferral);
});
afterAll(async () => {
  await api.close();
  await pool.end();
  await proxy.close();
  await stage.close();
});

function openApi(rung: DeferredRecords | undefined, deferredStatusCode = 202): FastifyInstance {
  const metrics = createMetrics();
  const batcher = createBatcher({ store: createRecordStore(pool), maxWaitMs: WAIT_MS });
  return createTestApi(stage.database, {
    durability: createDurability({
      batcher,
      deferral: rung,
      deferTimeoutMs: PATIENCE_MS,
      metrics,
      logger: silent,
    }),
    pool,
    writer: pool,
    deferral: rung,
    deferredStatusCode,
    metrics,
  });
}

async function post(body: unknown, { url = ACTIONS, to = api } = {}) {
  return to.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  });
}

async function countOf(prefix: string): Promise<number> {
  const { rows } = await stage.database.owner.query<{ count: string }>(
    'select count(*) from kubernetes_execution_audit where starts_with(execution_id, $1)',
    [prefix],
  );
  return Number(rows[0]?.count);
}

test('a post while the database hangs is kept by Temporal, and stored once, with the id that was answered', async () => {
  const record = { execution_id: 'hang-1', success: true };
  proxy.freeze();
  const answer = await post(record);
  expect(answer.statusCode, answer.body).toBe(202);
  const { id, created_at } = answer.json<{ id: string; created_at: string }>();
  expect((await api.inject({ url: '/readyz' })).statusCode).toBe(200);
  expect((await api.inject({ url: ACTIONS })).statusCode).toBe(503);
  proxy.thaw();
  await until(async () => (await countOf('hang-1')) === 1, 'the record is stored');
  const again = await post(record);
  expect(again.statusCode).toBe(201);
  expect(again.json()).toMatchObject({ id });
  const { contradictions } = await inspectRecords(stage.database.owner);
  expect(contradictions).toEqual([]);
  expect(created_at).toMatch(/^2\d{3}-/);
});

test('a batch while the database is away is kept whole', async () => {
  const batch = Array.from({ length: 50 }, (_, index) => ({ execution_id: `away-${index}`, success: true }));
  proxy.freeze();
  const answer = await post(batch, { url: `${ACTIONS}/batch` });
  proxy.thaw();
  expect(answer.statusCode, answer.body).toBe(202);
  expect(answer.json<{ results: { status: number }[] }>().results.every(({ status }) => status === 202)).toBe(
    true,
  );
  await until(async () => (await countOf('away-')) === 50, 'all of them are stored', 3 * PATIENCE_MS);
});

async function placedTexts(prefix: string): Promise<unknown[]> {
  const { rows } = await stage.database.owner.query<{ text: string }>(
    `select investigation_text as text from ai_investigation_embeddings
     where starts_with(investigation_text, $1) and embedding is not null`,
    [prefix],
  );
  return rows.map(({ text }) => text);
}

function analysis(name: string, text: string) {
  return { crd_name: name, crd_namespace: 'audited', investigation_report: text };
}

test('the texts of posted analyses are placed among the others, also of those that waited for the database', async () => {
  const url = '/api/v1/audit/ai-analysis';
  expect((await post(analysis('ai-1', 'posted: the pod ran out of memory'), { url })).statusCode).toBe(201);
  await until(async () => (await placedTexts('posted: the pod')).length === 1, 'the text is placed');
  proxy.freeze();
  const late = await post(analysis('ai-2', 'posted: the disk was full'), { url });
  proxy.thaw();
  expect(late.statusCode, late.body).toBe(202);
  await until(async () => (await placedTexts('posted: the disk')).length === 1, 'the late text is placed');
  const { contradictions } = await inspectRecords(stage.database.owner);
  expect(contradictions).toEqual([]);
  const similar = await api.inject({
    url: '/api/v1/investigations/similar',
    query: { text: 'posted: the pod ran out of memory', limit: '1' },
  });
  expect(similar.json<{ items: unknown[] }>().items, similar.body).toMatchObject([
    { investigation_text: 'posted: the pod ran out of memory' },
  ]);
});

test('for clients that know no other success the status is 201', async () => {
  const own = openApi(deferral, 201);
  proxy.freeze();
  const answer = await post({ execution_id: 'as-201', success: true }, { to: own });
  proxy.thaw();
  expect(answer.statusCode).toBe(201);
  await until(async () => (await countOf('as-201')) === 1, 'the record is stored');
  await own.close();
});

test('with both away the client is asked to keep the record, and the service is not ready', async () => {
  const { client, close } = connectTemporalLazily({
    connectionOptions: { address: '127.0.0.1:1' },
    namespace: 'default',
  });
  const own = openApi(createDeferredRecords(client, { deadlineMs: 200 }));
  proxy.freeze();
  const answer = await post({ execution_id: 'nowhere', success: true }, { to: own });
  expect(answer.statusCode, answer.body).toBe(503);
  expect(answer.headers['retry-after']).toBe('5');
  expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:storage-unavailable' });
  expect((await own.inject({ url: '/readyz' })).statusCode).toBe(503);
  proxy.thaw();
  await own.close();
  await close();
});
