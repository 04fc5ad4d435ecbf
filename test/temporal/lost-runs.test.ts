import { randomUUID } from 'node:crypto';

import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createLostRuns } from '../../src/temporal/lost-runs.ts';
import { createRecordingPollers } from '../../src/temporal/recording-pollers.ts';
import { createRemediationSignals, type RemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { REMEDIATION_AUDIT } from '../../src/workflows/messages.ts';
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

/** Nobody works on it. */
async function startRun(cluster: string, uid: string) {
  return await temporal.client.workflow.start(REMEDIATION_AUDIT, {
    workflowId: `${cluster}/payments/rr/${uid}`,
    taskQueue: temporal.taskQueue,
  });
}

test('a run that was terminated is found, by the remediation it was of, and no run of another cluster', async () => {
  const [cluster, uid, before] = [`c-${randomUUID()}`, randomUUID(), Date.now()];
  const lost = await startRun(cluster, uid);
  const open = await startRun(cluster, randomUUID());
  const foreign = await startRun(`${cluster}-2`, randomUUID());
  for (const run of [lost, foreign]) await run.terminate('test');
  const lostRuns = createLostRuns(temporal.client);
  await until(
    async () => (await lostRuns.closedSince(`${cluster}-2`, before)).length > 0,
    'visibility shows the later of the two',
  );
  expect(await lostRuns.closedSince(cluster, before)).toMatchObject([
    {
      workflowId: lost.workflowId,
      runId: lost.firstExecutionRunId,
      status: 'TERMINATED',
      remediationUid: uid,
    },
  ]);
  expect(await lostRuns.closedSince(cluster, Date.now() + 60_000)).toEqual([]);
  await open.terminate('over');
});

test('a worker is known to poll a queue once it does, and none before', async () => {
  const { client, taskQueue } = temporal;
  expect(await createRecordingPollers(client, { taskQueue: randomUUID() })()).toBe(false);
  const worker = await temporal.startWorker({});
  await until(
    async () => (await createRecordingPollers(client, { taskQueue })()) === true,
    'the server knows the poller',
  );
  await worker.stop();
});

describe('what a terminated run had taken', () => {
  test('is sent again from the cluster, and is a gap with the name of the run until then', async () => {
    const taskQueue = `lost-${randomUUID()}`;
    const remediations = createRemediationSignals(temporal.client, { lateGraceSeconds: 1, taskQueue });
    // What is sent again may be back within a few milliseconds; it waits until the gap was seen.
    let mayBeSent: Promise<undefined> = Promise.resolve(undefined);
    const signals: RemediationSignals = {
      send: async (signal) => {
        await mayBeSent;
        return remediations.send(signal);
      },
    };
    const lostRuns = createLostRuns(temporal.client);
    const cluster = randomUUID();
    await using world = await WatcherWorld.create({ cluster, signals, lostRuns });
    const [name, uid] = ['a', randomUUID()];
    world.create(name, uid);
    world.startWatcher();
    const handle = temporal.client.workflow.getHandle(`${cluster}/default/${name}/${uid}`);
    const runId = async (): Promise<string | undefined> =>
      (await handle.describe().catch(() => undefined))?.runId;
    await until(async () => (await runId()) !== undefined, 'its run has begun');
    const lost = await runId();
    const named = Promise.withResolvers<undefined>();
    mayBeSent = named.promise;
    await handle.terminate('somebody thought it was not needed');
    const isNamed = (): boolean =>
      world.watcher
        .completeness()
        .gaps.some(({ reason, detail }) => reason === 'lost-run' && detail === `run ${lost ?? ''}`);
    await until(isNamed, 'the loss is named');
    named.resolve(undefined);
    await until(async () => (await runId()) !== lost, 'another run has it');
    const { values } = await world.metrics.watcher.lostRuns.get();
    expect(values).toMatchObject([{ labels: { result: 'sent-again' }, value: 1 }]);
  });

  test('is named as lost when its remediation is gone from the cluster', async () => {
    const lostRuns = createLostRuns(temporal.client);
    const lines: string[] = [];
    const logger = pino({ level: 'error' }, { write: (line: string) => lines.push(line) });
    const cluster = randomUUID();
    await using world = await WatcherWorld.create({ cluster, lostRuns, logger });
    const handle = await startRun(cluster, randomUUID());
    await handle.terminate('test');
    world.startWatcher();
    await until(() => lines.length > 0, 'it is logged as an error');
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      { workflowId: handle.workflowId, runId: handle.firstExecutionRunId, status: 'TERMINATED' },
    ]);
    const { values } = await world.metrics.watcher.lostRuns.get();
    expect(values).toMatchObject([{ labels: { result: 'gone' }, value: 1 }]);
  });
});
