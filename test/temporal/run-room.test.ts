import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { RunRoom } from '../../src/temporal/run-room.ts';
import { observed, REMEDIATION_AUDIT } from '../../src/workflows/messages.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const LIMITS = {
  unseenBytes: 1_000_000,
  unseenSignals: 1,
  runBytes: 1_000_000,
  runEvents: 5,
  standstillMs: 600_000,
  laterStandstillMs: 600_000,
};

let temporal: TestTemporal;

beforeAll(async () => {
  temporal = await connectTestTemporal();
});
afterAll(() => temporal.close());

/** A workflow that nobody works on, and whose run has more events than it may. */
async function fillRun(room: RunRoom): Promise<string> {
  const workflowId = `run-room/${randomUUID()}`;
  await room.wait(workflowId, 1);
  for (let sent = 0; sent < LIMITS.runEvents; sent += 1) {
    const { signaledRunId } = await temporal.client.workflow.signalWithStart(REMEDIATION_AUDIT, {
      ...{ workflowId, taskQueue: temporal.taskQueue, args: [], signal: observed },
      signalArgs: [[]],
    });
    room.took(workflowId, signaledRunId);
  }
  return workflowId;
}

/** How many of the given signals are let through, at any moment. */
function waitFor(room: RunRoom, workflowId: string, signals: number): () => number {
  let through = 0;
  for (let number = 0; number < signals; number += 1)
    void room.wait(workflowId, 1).then(() => {
      through += 1;
    });
  return () => through;
}

async function lookSomeTimes(workflowId: string): Promise<void> {
  for (let time = 0; time < 5; time += 1) await temporal.client.workflow.getHandle(workflowId).describe();
}

test('a signal to a full run waits until another run has taken its place', async () => {
  const room = new RunRoom(temporal.client, LIMITS);
  const workflowId = await fillRun(room);
  const through = waitFor(room, workflowId, 1);
  await lookSomeTimes(workflowId);
  expect(through()).toBe(0);
  await temporal.client.workflow.getHandle(workflowId).terminate('as if it continued as new');
  await temporal.client.workflow.start(REMEDIATION_AUDIT, { workflowId, taskQueue: temporal.taskQueue });
  await until(() => through() === 1, 'the signal is let through');
});

test('signals to a full run that nothing happens to are let through one at a time', async () => {
  const room = new RunRoom(temporal.client, { ...LIMITS, standstillMs: 0 });
  const workflowId = await fillRun(room);
  const through = waitFor(room, workflowId, 3);
  await until(() => through() === 1, 'the first of them is let through');
  await lookSomeTimes(workflowId);
  expect(through()).toBe(1);
  await temporal.client.workflow.getHandle(workflowId).terminate('test');
});

test('signals to other workflows are not held back, nor is one of which nothing is known', async () => {
  const room = new RunRoom(temporal.client, LIMITS);
  const full = await fillRun(room);
  const held = waitFor(room, full, 1);
  const through = waitFor(room, `run-room/${randomUUID()}`, 3);
  await until(() => through() === 3, 'all are let through');
  expect(held()).toBe(0);
  await temporal.client.workflow.getHandle(full).terminate('test');
});
