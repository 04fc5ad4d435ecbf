import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { DAY_MS, HOUR_MS } from '../../src/domain/time.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { WantedSchedule } from '../../src/temporal/schedules.ts';
import {
  ensureSchedule,
  observeSchedule,
  retentionSchedule,
  rolloverSchedule,
} from '../../src/temporal/schedules.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';

let temporal: TestTemporal;
const made: string[] = [];

beforeAll(async () => {
  temporal = await connectTestTemporal();
});
afterAll(async () => {
  for (const id of made) await temporal.client.schedule.getHandle(id).delete();
  await temporal.close();
});

/** Of its own, because all files share one server. */
function wanted(given: Partial<WantedSchedule> = {}): WantedSchedule {
  const schedule = { ...rolloverSchedule('10 0 * * *'), id: `rollover-${randomUUID()}`, ...given };
  made.push(schedule.id);
  return { ...schedule, taskQueue: temporal.taskQueue };
}

const describe = (id: string) => temporal.client.schedule.getHandle(id).describe();

test('a schedule is created once, and kept without being written again', async () => {
  const schedule = wanted();
  expect(await ensureSchedule(temporal.client, schedule)).toBe('created');
  expect(await ensureSchedule(temporal.client, schedule)).toBe('unchanged');
  const { policies, action, info } = await describe(schedule.id);
  expect(policies).toMatchObject({
    overlap: 'BUFFER_ONE',
    catchupWindow: 7 * DAY_MS,
    pauseOnFailure: false,
  });
  expect(action).toMatchObject({
    workflowType: 'partitionRollover',
    workflowExecutionTimeout: 23 * HOUR_MS,
  });
  expect(info.nextActionTimes[0]?.toISOString()).toMatch(/T00:10:00/);
});

test('another time of day is taken over', async () => {
  const schedule = wanted();
  await ensureSchedule(temporal.client, schedule);
  expect(await ensureSchedule(temporal.client, { ...schedule, cron: '20 3 * * *' })).toBe('updated');
  expect((await describe(schedule.id)).info.nextActionTimes[0]?.toISOString()).toMatch(/T03:20:00/);
});

test('a pause of an operator survives an update, with its note', async () => {
  const schedule = wanted();
  await ensureSchedule(temporal.client, schedule);
  await temporal.client.schedule.getHandle(schedule.id).pause('disk is being replaced');
  expect(await ensureSchedule(temporal.client, { ...schedule, cron: '20 3 * * *' })).toBe('updated');
  expect((await describe(schedule.id)).state).toMatchObject({ paused: true, note: 'disk is being replaced' });
});

test('the metrics show the next run, what was missed, and a pause', async () => {
  const schedule = wanted();
  const metrics = createMetrics();
  await ensureSchedule(temporal.client, schedule);
  await temporal.client.schedule.getHandle(schedule.id).pause('for a test');
  await observeSchedule(temporal.client, schedule.id, metrics.maintenance);
  const page = await metrics.registry.metrics();
  expect(page).toMatch(new RegExp(`schedule_next_run_timestamp_seconds{schedule="${schedule.id}"} \\d{10}`));
  expect(page).toContain(`schedule_missed_runs{schedule="${schedule.id}"} 0`);
  expect(page).toContain(`schedule_paused{schedule="${schedule.id}"} 1`);
});

test('retention and rollover have their own ids, types and times', () => {
  expect(retentionSchedule('30 2 * * *')).toMatchObject({
    id: 'audit-retention',
    workflowType: 'retention',
    catchupWindowDays: 1,
  });
  expect(rolloverSchedule('10 0 * * *')).toMatchObject({
    id: 'audit-partition-rollover',
    workflowType: 'partitionRollover',
    catchupWindowDays: 7,
  });
});
