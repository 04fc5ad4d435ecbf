import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import type { Client } from '@temporalio/client';
import type { WorkerOptions } from '@temporalio/worker';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';

import type { TemporalAccess } from '../src/temporal/connection.ts';
import { connectTemporal } from '../src/temporal/connection.ts';
import type { CeilingActivities, CeilingObservation, minimalBatched } from './ceiling-workflows.ts';
import { elapsedMs } from './harness.ts';
import { inLines } from './lines.ts';

const WORKFLOWS_PATH = fileURLToPath(new URL('ceiling-workflows.ts', import.meta.url));
const AT_ONCE = 50;
/** What the observation of an ordinary resource takes as JSON. */
const OBSERVATION_BYTES = 2_000;
const SIGNAL_DEADLINE_MS = 30_000;

/** How many observations a remediation has, and in how many signals they travel. */
export interface Shape {
  readonly observations: number;
  readonly signals: number;
}

export interface CeilingOptions {
  /** Of either server. */
  readonly access: TemporalAccess;
  /** Signals without a worker go to the same name with `-unserved`. Default: one that nobody else uses. */
  readonly taskQueue?: string;
  /** Remediations at once. Default 50. */
  readonly atOnce?: number;
  /** Of one observation as JSON. Default 2,000. */
  readonly observationBytes?: number;
  /** Settings of the worker, to run the ceiling with those of the product. Default: the SDK's own. */
  readonly worker?: Partial<WorkerOptions>;
}

/**
 * What a Temporal server gives to a workflow without any product code: the most that recording can reach on the same
 * server, with the same payload, in the same run.
 */
export interface TemporalCeiling extends AsyncDisposable {
  /** The minimal batched workflow. Resolves when its empty activity was given every observation. */
  record(remediations: number, shape: Shape): Promise<void>;
  /** The same signals to a queue without a worker: what signal-with-start alone takes. */
  signal(remediations: number, shape: Shape): Promise<void>;
  /**
   * All the signals first; then a worker comes to them. Milliseconds from when it begins until its empty activity was
   * given every observation.
   */
  backlog(remediations: number, shape: Shape): Promise<number>;
  /** Milliseconds from the call that sends one observation until the activity has it, one after the other. */
  latencies(samples: number): Promise<readonly number[]>;
}

export async function openTemporalCeiling(options: CeilingOptions): Promise<TemporalCeiling> {
  const { access, atOnce = AT_ONCE, observationBytes = OBSERVATION_BYTES } = options;
  const { client, close } = await connectTemporal(access);
  const arrivals = new Arrivals();
  const served = options.taskQueue ?? `ceiling-${randomUUID()}`;
  const unserved = `${served}-unserved`;
  const worker = await startCeilingWorker(options, served, arrivals);
  const play = async (taskQueue: string, shape: Shape): Promise<string> => {
    const remediation = randomUUID();
    for (const list of listsOf(remediation, shape, observationBytes)) {
      await signalWithStart(client, { remediation, taskQueue, expected: shape.observations, list });
    }
    return remediation;
  };
  return {
    record: (remediations, shape) =>
      inLines(atOnce, remediations, async () => {
        const remediation = await play(served, shape);
        await arrivals.until(remediation, shape.observations);
        arrivals.forget(remediation);
      }),
    signal: (remediations, shape) =>
      inLines(atOnce, remediations, async () => {
        await play(unserved, shape);
      }),
    backlog: async (remediations, shape) => {
      const waiting = `${served}-backlog-${randomUUID()}`;
      const sent: string[] = [];
      await inLines(atOnce, remediations, async () => {
        sent.push(await play(waiting, shape));
      });
      const late = await startCeilingWorker(options, waiting, arrivals);
      const taken = await elapsedMs(() =>
        Promise.all(sent.map((remediation) => arrivals.until(remediation, shape.observations))),
      );
      for (const remediation of sent) arrivals.forget(remediation);
      await late.stop();
      return taken;
    },
    latencies: async (samples) => {
      const remediation = randomUUID();
      const taken: number[] = [];
      const shape = { observations: samples, signals: samples };
      for (const list of listsOf(remediation, shape, observationBytes)) {
        const signal = { remediation, taskQueue: served, expected: samples, list };
        const sent = signalWithStart.bind(undefined, client, signal);
        taken.push(
          await elapsedMs(() => Promise.all([sent(), arrivals.until(remediation, taken.length + 1)])),
        );
      }
      arrivals.forget(remediation);
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      await worker.stop();
      await close();
    },
  };
}

/** What the activities have been given, by remediation. Counts each observation once, however often it is retried. */
class Arrivals {
  readonly #numbers = new Map<string, Set<number>>();
  readonly #waiting = new Map<string, { readonly count: number; readonly resolve: () => void }>();

  add(observations: readonly CeilingObservation[]): void {
    for (const { remediation, number } of observations) this.#numbersOf(remediation).add(number);
    const remediation = observations[0]?.remediation ?? '';
    const waiter = this.#waiting.get(remediation);
    if (waiter === undefined || this.#numbersOf(remediation).size < waiter.count) return;
    this.#waiting.delete(remediation);
    waiter.resolve();
  }

  until(remediation: string, count: number): Promise<void> {
    if (this.#numbersOf(remediation).size >= count) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.set(remediation, { count, resolve });
    });
  }

  forget(remediation: string): void {
    this.#numbers.delete(remediation);
  }

  #numbersOf(remediation: string): Set<number> {
    const known = this.#numbers.get(remediation);
    if (known !== undefined) return known;
    const numbers = new Set<number>();
    this.#numbers.set(remediation, numbers);
    return numbers;
  }
}

interface CeilingSignal {
  readonly remediation: string;
  readonly taskQueue: string;
  /** Observations until the workflow ends. */
  readonly expected: number;
  readonly list: readonly CeilingObservation[];
}

async function signalWithStart(client: Client, signal: CeilingSignal): Promise<void> {
  await client.withDeadline(Date.now() + SIGNAL_DEADLINE_MS, () =>
    client.workflow.signalWithStart<typeof minimalBatched, [readonly CeilingObservation[]]>(
      'minimalBatched',
      {
        workflowId: signal.remediation,
        taskQueue: signal.taskQueue,
        args: [signal.expected],
        signal: 'observed',
        signalArgs: [signal.list],
      },
    ),
  );
}

/** As even as they go: eight in three are three, three and two. */
function listsOf(remediation: string, shape: Shape, bytes: number): CeilingObservation[][] {
  const bare = JSON.stringify({ remediation, number: 0, content: '' }).length;
  const content = 'x'.repeat(Math.max(0, bytes - bare));
  const lists = Array.from({ length: shape.signals }, (): CeilingObservation[] => []);
  for (let number = 0; number < shape.observations; number += 1) {
    lists[Math.floor((number * shape.signals) / shape.observations)]?.push({ remediation, number, content });
  }
  return lists;
}

async function startCeilingWorker(
  { access, worker: settings }: CeilingOptions,
  taskQueue: string,
  arrivals: Arrivals,
): Promise<{ stop(): Promise<void> }> {
  const activities: CeilingActivities = {
    recordList: (observations) => {
      arrivals.add(observations);
      return Promise.resolve();
    },
  };
  const connection = await NativeConnection.connect(access.connectionOptions);
  const worker = await Worker.create({
    ...settings,
    connection,
    namespace: access.namespace,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: WORKFLOWS_PATH,
      logger: new DefaultLogger('WARN'),
    }),
    activities,
  });
  const running = worker.run();
  // Observed in `stop`; this only keeps a failure before that from ending the process.
  running.catch(() => undefined);
  return {
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
      await connection.close();
    },
  };
}
