import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { remediationWorkflowId } from '../../src/temporal/identifiers.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import type { TestTemporal } from '../support/temporal.ts';
import { connectTestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

let temporal: TestTemporal;

beforeAll(async () => {
  temporal = await connectTestTemporal();
});
afterAll(async () => {
  await temporal.close();
});

/** Phases of the signals in the history of a remediation's one workflow; none while it does not exist. */
async function signalled(name: string, uid: string): Promise<string[]> {
  const workflowId = remediationWorkflowId({ cluster: 'test', namespace: 'default', name, uid });
  const handle = temporal.client.workflow.getHandle(workflowId);
  const history = await handle.fetchHistory().catch(() => undefined);
  return (history?.events ?? []).flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => {
    const data = signal?.input?.payloads?.[0]?.data;
    if (!data) return [];
    return (JSON.parse(Buffer.from(data).toString()) as { phase: string }[]).map(({ phase }) => phase);
  });
}

test('each remediation has one workflow, in which Temporal keeps what was seen in its order, also across a restart', async () => {
  const taskQueue = `watcher-${randomUUID()}`;
  const signals = createRemediationSignals(temporal.client, { lateGraceSeconds: 1, taskQueue });
  await using world = await WatcherWorld.create({ signals });
  const uids = ['a', 'b', 'c'].map((name) => ({ name, uid: `${name}-${randomUUID()}` }));
  for (const { name, uid } of uids) world.create(name, uid);
  world.startWatcher();
  for (const { name, uid } of uids) {
    await until(async () => (await signalled(name, uid)).length === 1, `${name} is signalled`);
  }
  await world.stopWatchers();
  for (const { name } of uids) world.setStatus(name, { overallPhase: 'Completed' });
  world.startWatcher();
  for (const { name, uid } of uids) {
    await until(async () => (await signalled(name, uid)).at(-1) === 'closure', `${name} is closed`);
    expect(await signalled(name, uid)).toEqual(['progress', 'progress', 'closure']);
  }
});
