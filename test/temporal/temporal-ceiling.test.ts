import { randomUUID } from 'node:crypto';

import type { Client } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { TemporalCeiling } from '../../bench/temporal-ceiling.ts';
import { openTemporalCeiling } from '../../bench/temporal-ceiling.ts';
import type { TestTemporal } from '../support/temporal.ts';
import { connectTestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const taskQueue = `ceiling-${randomUUID()}`;
const OBSERVATION_BYTES = 2_000;
const SHAPE = { observations: 26, signals: 5 };
const REMEDIATIONS = 3;

let temporal: TestTemporal;
let ceiling: TemporalCeiling;

beforeAll(async () => {
  temporal = await connectTestTemporal();
  ceiling = await openTemporalCeiling({ access: temporal.access, taskQueue });
});

afterAll(async () => {
  await ceiling[Symbol.asyncDispose]();
  await temporal.close();
});

test('the minimal batched workflow takes what waits in one activity, and ends with its last observation', async () => {
  await ceiling.record(REMEDIATIONS, SHAPE);
  await until(async () => (await runsOf(taskQueue, 'Completed')).length === REMEDIATIONS, 'all runs ended');
  for (const { workflowId } of await runsOf(taskQueue, 'Completed')) {
    const events = await eventsOf(temporal.client, workflowId);
    expect(events.signalBytes).toHaveLength(SHAPE.signals);
    expect(events.activities).toBeGreaterThan(0);
    expect(events.activities).toBeLessThanOrEqual(SHAPE.signals);
    expect(events.signalBytes.reduce((sum, bytes) => sum + bytes)).toBeGreaterThanOrEqual(
      SHAPE.observations * OBSERVATION_BYTES,
    );
  }
});

test('signals alone are the same signals, and no worker takes them', async () => {
  await ceiling.signal(REMEDIATIONS, SHAPE);
  const unserved = `${taskQueue}-unserved`;
  await until(async () => (await runsOf(unserved, 'Running')).length === REMEDIATIONS, 'all runs wait');
  for (const { workflowId } of await runsOf(unserved, 'Running')) {
    const events = await eventsOf(temporal.client, workflowId);
    expect(events.signalBytes).toHaveLength(SHAPE.signals);
    expect(events.activities).toBe(0);
    await temporal.client.workflow.getHandle(workflowId).terminate();
  }
});

test('a latency is taken for each observation', async () => {
  const taken = await ceiling.latencies(3);
  expect(taken).toHaveLength(3);
  expect(taken.every((ms) => ms > 0)).toBe(true);
});

async function runsOf(queue: string, status: 'Completed' | 'Running') {
  const query = `TaskQueue = '${queue}' AND ExecutionStatus = '${status}'`;
  const runs = [];
  for await (const run of temporal.client.workflow.list({ query })) runs.push(run);
  return runs;
}

async function eventsOf(client: Client, workflowId: string) {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  const signalBytes = (events ?? []).flatMap((event) => {
    const input = event.workflowExecutionSignaledEventAttributes?.input?.payloads;
    return input ? [input.reduce((sum, payload) => sum + (payload.data?.length ?? 0), 0)] : [];
  });
  const activities = (events ?? []).filter((event) => event.activityTaskScheduledEventAttributes).length;
  return { signalBytes, activities };
}
