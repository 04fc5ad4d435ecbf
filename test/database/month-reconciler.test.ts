import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createMonthReconciler } from '../../src/activities/partitions.ts';
import { partitionedTables, rollOver } from '../../src/database/months/partitions.ts';
import { addMonths, instantOf, monthOf } from '../../src/domain/instant.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { Metrics } from '../../src/observability/metrics.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** One clock for test and product, that stands still: the month may end while this runs. */
const nowMs = Date.now();
const now = instantOf(nowMs);
let database: TestDatabase;
let metrics: Metrics;
let keepMonthsAhead: () => Promise<void>;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

beforeEach(() => {
  metrics = createMetrics();
  keepMonthsAhead = createMonthReconciler({
    pool: database.writer,
    monthsAhead: 3,
    metrics: metrics.maintenance,
    logger: createLogger('silent', 'test'),
    nowMs: () => nowMs,
  });
});

const ahead = async () =>
  /^remediation_audit_partitions_ahead (-?\d+)$/m.exec(await metrics.registry.metrics())?.[1];

async function dropMonth(count: number): Promise<void> {
  const suffix = addMonths(monthOf(now), count).slice(0, 7).replace('-', '_');
  for (const table of await partitionedTables(database.owner))
    await database.owner.query(`drop table ${table}_${suffix}`);
}

test('a process that has not counted the months says nothing of them', async () => {
  expect(await ahead()).toBeUndefined();
});

test('the first round makes the months that are wanted', async () => {
  await keepMonthsAhead();
  expect(await ahead()).toBe('3');
});

test('a later round makes a month that is missing, with no schedule', async () => {
  await keepMonthsAhead();
  await dropMonth(3);
  await keepMonthsAhead();
  expect(await ahead()).toBe('3');
});

test('months that another process made are reported', async () => {
  await keepMonthsAhead();
  await rollOver(database.owner, now, 5);
  await keepMonthsAhead();
  expect(await ahead()).toBe('5');
});
