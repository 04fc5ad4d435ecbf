import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createComparisonActivities } from '../../src/activities/comparison.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { comparisonSchedule, ensureSchedule } from '../../src/temporal/schedules.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordExecutions } from '../support/retention.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';

const [JANUARY, FEBRUARY] = ['2020-01-01', '2020-02-01'] as const;
const { maintenance, registry } = createMetrics();

let temporal: TestTemporal;
let database: TestDatabase;
let ids: readonly string[];

beforeAll(async () => {
  temporal = await connectTestTemporal();
  database = await createTestDatabase();
  ids = await recordExecutions(database, JANUARY, 250);
  await recordExecutions(database, FEBRUARY, 3);
});
afterAll(async () => {
  await temporal.close();
  await database.close();
});

function activities(entriesPerSecond?: number) {
  return createComparisonActivities({
    pool: database.writer,
    metrics: maintenance,
    logger: createLogger('silent', 'test'),
    ...(entriesPerSecond === undefined ? {} : { entriesPerSecond }),
  });
}

async function runComparison(): Promise<unknown> {
  const worker = await temporal.startWorker(activities(100_000));
  try {
    const run = { workflowId: `comparison-${randomUUID()}`, taskQueue: temporal.taskQueue, args: [] };
    return await temporal.client.workflow.execute('recordComparison', run);
  } finally {
    await worker.stop();
  }
}

const setPhase = (phase: string): Promise<unknown> =>
  database.owner.query('update workflow_execution_audit set phase = $1 where id = $2', [phase, ids[0]]);

test('a run compares every month in the database; a difference is in its answer and in the metric of the alert', async () => {
  const equal = ['2020-01: 250 records, 250 ledger entries, no difference'];
  const february = '2020-02: 3 records, 3 ledger entries, no difference';
  expect(await runComparison()).toEqual([...equal, february]);
  expect(await registry.metrics()).not.toContain('remediation_audit_record_differences{');

  await setPhase('Completed');
  expect(await runComparison()).toEqual(['2020-01: 250 records, 250 ledger entries, 1 difference', february]);
  expect(await registry.metrics()).toMatch(/remediation_audit_record_differences{month="2020-01"[^}]*} 1\n/);

  // Put right, its sample goes, and with it the alert.
  await setPhase('Running');
  expect(await runComparison()).toEqual([...equal, february]);
  expect(await registry.metrics()).not.toContain('remediation_audit_record_differences{');
});

test('a month is read no faster than the rate allows', async () => {
  const begunAt = performance.now();
  // 200 entries are read at once; the other 50 follow when the first ones have used up their time.
  expect(await activities(400).compareRecords(JANUARY)).toMatchObject({ entries: 250, differences: 0 });
  expect(performance.now() - begunAt).toBeGreaterThan(499);
});

test('a month that is dropped is not planned', async () => {
  await database.owner.query(`update audit_partition set state = 'dropped' where month = $1`, [FEBRUARY]);
  const planned = await activities().planComparison();
  expect(planned).toContain(JANUARY);
  expect(planned).not.toContain(FEBRUARY);
});

test('the schedule starts the workflow once a day', async () => {
  const schedule = { ...comparisonSchedule('30 5 * * *'), taskQueue: temporal.taskQueue };
  expect(schedule.id).toBe('audit-comparison');
  const own = { ...schedule, id: `comparison-${randomUUID()}` };
  expect(await ensureSchedule(temporal.client, own)).toBe('created');
  const handle = temporal.client.schedule.getHandle(own.id);
  const { action, info } = await handle.describe();
  await handle.delete();
  expect(action).toMatchObject({ workflowType: 'recordComparison' });
  expect(info.nextActionTimes[0]?.toISOString()).toMatch(/T05:30:00/);
});
