import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Deferral } from '../../src/api/intake/deferring.ts';
import { createDurability } from '../../src/api/intake/durability.ts';
import { createPool } from '../../src/database/pool.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

const ACTIONS = '/api/v1/audit/kubernetes-execution';
const silent = createLogger('silent', 'test');

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** The service beside a database that is not there. */
function openApi(deferral: Deferral, deferTimeoutMs: number): FastifyInstance {
  const nowhere = new URL(database.url('audit_writer'));
  nowhere.port = '1';
  const pool = createPool({
    connectionString: nowhere.href,
    applicationName: 'nowhere',
    statementTimeoutMs: 100,
    connectTimeoutMs: 100,
    logger: silent,
  });
  const metrics = createMetrics();
  const batcher = createBatcher({ store: createRecordStore(pool), maxWaitMs: 100 });
  const durability = createDurability({ batcher, deferral, deferTimeoutMs, metrics, logger: silent });
  return createTestApi(database, { durability, deferral, metrics });
}

/** Takes so many at once and so many in all; whoever comes later waits for ever. */
function slowDeferral(most: number) {
  const taken: Observation[] = [];
  const seen = { atOnce: 0, most: 0 };
  const never = new Promise<never>(() => undefined);
  const deferral: Deferral = {
    async defer(observation) {
      seen.atOnce += 1;
      seen.most = Math.max(seen.most, seen.atOnce);
      await Promise.resolve();
      seen.atOnce -= 1;
      if (taken.length === most) await never;
      taken.push(observation);
    },
    ping: () => Promise.resolve(),
  };
  return { deferral, taken, seen };
}

async function postBatch(api: FastifyInstance, count: number) {
  const answer = await api.inject({
    method: 'POST',
    url: `${ACTIONS}/batch`,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(
      Array.from({ length: count }, (_, index) => ({ execution_id: `e-${count}-${index}`, success: true })),
    ),
  });
  return { answer, results: answer.json<{ results?: { status: number; type?: string }[] }>().results ?? [] };
}

test('of a batch that Temporal takes only in part, each record is answered for itself', async () => {
  const { deferral, taken } = slowDeferral(120);
  const { answer, results } = await postBatch(openApi(deferral, 20), 200);
  expect(answer.statusCode).toBe(207);
  const statuses = results.map(({ status }) => status);
  expect(statuses.filter((status) => status === 202)).toHaveLength(120);
  expect(statuses.filter((status) => status === 503)).toHaveLength(80);
  expect(results.find(({ status }) => status === 503)).toMatchObject({
    type: 'urn:remediation-audit:problem:storage-unavailable',
  });
  expect(taken).toHaveLength(120);
});

test('a batch of 1,000 is handed to Temporal few at a time, and is kept whole', async () => {
  const { deferral, taken, seen } = slowDeferral(1_000);
  const { answer, results } = await postBatch(openApi(deferral, 2_000), 1_000);
  expect(answer.statusCode).toBe(202);
  expect(results).toHaveLength(1_000);
  expect(new Set(taken.map(({ key }) => key)).size).toBe(1_000);
  expect(seen.most).toBeLessThanOrEqual(16);
});

test('a batch of which Temporal takes nothing is refused as a whole, to be sent again', async () => {
  const { deferral } = slowDeferral(0);
  const { answer } = await postBatch(openApi(deferral, 20), 10);
  expect(answer.statusCode).toBe(503);
  expect(answer.headers['retry-after']).toBe('5');
});
