import { randomUUID } from 'node:crypto';

import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createRecordingPollers } from '../../src/temporal/recording-pollers.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { startWorker } from '../../src/worker/start-worker.ts';
import { startTemporalWith } from '../support/started-servers.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

/** As low as they are here, a test reaches them with a few changes of a status. */
const MAX_SIGNALS = 6;
const MAX_HISTORY_BYTES = 40_000;
const MAX_BLOB_BYTES = 20_000;

let temporal: TestTemporal;
let stopServer: () => Promise<void>;

beforeAll(async () => {
  const server = await startTemporalWith('limits', {
    'history.maximumSignalsPerExecution': String(MAX_SIGNALS),
    'limit.historySize.error': String(MAX_HISTORY_BYTES),
    'limit.blobSize.error': String(MAX_BLOB_BYTES),
    'limit.blobSize.warn': String(MAX_BLOB_BYTES),
  });
  stopServer = () => server.stop();
  temporal = await connectTestTemporal(server.access);
});
afterAll(async () => {
  await temporal.close();
  await stopServer();
});

interface Line {
  readonly reason?: string;
  readonly remediation?: string;
  readonly remedy?: string;
}

/** A watcher that signals the server with the low limits, on a queue of its own. */
async function openWorld() {
  const taskQueue = `limits-${randomUUID()}`;
  const lines: Line[] = [];
  const signals = createRemediationSignals(temporal.client, { lateGraceSeconds: 1, taskQueue });
  const world = await WatcherWorld.create({
    cluster: randomUUID(),
    signals,
    hasWorker: createRecordingPollers(temporal.client, { taskQueue }),
    logger: pino({ level: 'warn' }, { write: (line: string) => lines.push(JSON.parse(line) as Line) }),
  });
  return { world, lines, taskQueue, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() };
}

/** Until Temporal refuses one of them. */
async function changeUntilRefused(
  { world, lines }: { readonly world: WatcherWorld; readonly lines: readonly Line[] },
  reason: string,
  length = 1,
): Promise<void> {
  let phases = 0;
  const isRefused = (): Promise<boolean> => {
    phases += 1;
    world.setStatus('full', { overallPhase: `${phases}${'x'.repeat(length)}` });
    return Promise.resolve(lines.some((line) => line.reason === reason));
  };
  await until(isRefused, () => `Temporal refuses for ${reason}: ${JSON.stringify(lines)}`);
}

async function refusals(world: WatcherWorld): Promise<Record<string, number>> {
  const { values } = await world.metrics.watcher.signalErrors.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
}

describe('Temporal refuses a signal', () => {
  test('because its run is full and no worker is there: `no-worker`', async () => {
    await using opened = await openWorld();
    const { world, lines } = opened;
    world.create('full', randomUUID());
    world.startWatcher();
    await changeUntilRefused(opened, 'no-worker');
    const line = lines.find(({ reason }) => reason === 'no-worker');
    expect(line).toMatchObject({
      remediation: 'full',
      remedy: expect.stringContaining('start a worker') as string,
    });
    expect(Object.keys(await refusals(world))).toEqual(['no-worker']);
    // Others go on.
    const uid = randomUUID();
    world.create('other', uid);
    await until(
      () => world.watcher.completeness().gaps.every(({ name }) => name === 'full'),
      'the other is sent',
    );
  });

  test('because its run is full although a worker is there: `signal-limit`', async () => {
    await using opened = await openWorld();
    const { world, lines, taskQueue } = opened;
    // Its activities wait, and so the run does not end; it polls the queue all the same.
    const worker = await startWorker({
      temporal: temporal.access,
      queues: [{ taskQueue, activities: {} }],
      shutdownGraceSeconds: 1,
    });
    world.create('full', randomUUID());
    world.startWatcher();
    await changeUntilRefused(opened, 'signal-limit');
    expect(lines.find(({ reason }) => reason === 'signal-limit')).toMatchObject({
      remediation: 'full',
      remedy: expect.stringContaining('see why the run does not go on') as string,
    });
    await worker.stop();
  });

  test('because its history is full, and the run was ended: `history-limit`, and all is sent again to another one', async () => {
    await using opened = await openWorld();
    const { world, lines } = opened;
    const [name, uid] = ['full', randomUUID()];
    world.create(name, uid);
    world.startWatcher();
    const { workflow } = temporal.client;
    const handle = workflow.getHandle(`${world.watcher.completeness().cluster}/default/${name}/${uid}`);
    const runId = async (): Promise<string | undefined> =>
      (await handle.describe().catch(() => undefined))?.runId;
    await until(async () => (await runId()) !== undefined, 'its run has begun');
    const first = await runId();
    await changeUntilRefused(opened, 'history-limit', MAX_BLOB_BYTES / 4);
    expect(lines.find(({ reason }) => reason === 'history-limit')).toMatchObject({
      remediation: 'full',
      remedy: expect.stringContaining('sent again from the cluster') as string,
    });
    await until(async () => (await runId()) !== first, 'another run has what was lost');
    expect(Object.keys(await refusals(world))).toContain('history-limit');
  });

  test('because one observation is larger than it takes: `payload-too-large`, and others are sent', async () => {
    await using opened = await openWorld();
    const { world, lines } = opened;
    world.create('full', randomUUID());
    world.create('other', randomUUID());
    world.setStatus('full', { overallPhase: 'x'.repeat(MAX_BLOB_BYTES) });
    world.startWatcher();
    await until(() => lines.some(({ reason }) => reason === 'payload-too-large'), 'it is refused');
    expect(lines.find(({ reason }) => reason === 'payload-too-large')).toMatchObject({
      remediation: 'full',
      remedy: expect.stringContaining('limit.blobSize.error') as string,
    });
    await until(
      () => world.watcher.completeness().gaps.every(({ name }) => name === 'full'),
      'the other is sent',
    );
  });
});
