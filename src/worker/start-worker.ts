/*
 * The worker of Temporal: runs workflows and activities of the two task queues, `audit-recording` and `audit-maintenance`.
 *
 * What comes in: a connection, the activities with their dependencies, the names of the queues. What goes out: a running
 * worker that ends in order: it takes no new tasks, finishes what it has, and gives up after a bound.
 *
 * Workflows are bundled in a process of its own (bundle-process.ts), because the bundler needs memory only once. Code in
 * the bundle may import neither Node nor anything that opens a connection; test/support/import-rules.ts holds that.
 */
import type { Context } from '@temporalio/activity';
import type { ActivityInterceptors, WorkflowBundle } from '@temporalio/worker';
import { NativeConnection, Worker } from '@temporalio/worker';

import type { TemporalAccess } from '../temporal/connection.ts';
import { pingTemporal, PLAIN_PAYLOADS, TemporalUnreachableError } from '../temporal/connection.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { bundleWorkflows } from './workflow-bundle.ts';

/** Activities of one queue at the same time. */
export const RECORDING_SLOTS = 100;

/** How much longer than the grace the worker waits before it gives up what does not end. */
const FORCE_AFTER_SECONDS = 5;

/** Says which build of which deployment runs, so that Temporal can move runs from one to the next. */
interface WorkerVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

interface ServedQueue {
  readonly taskQueue: string;
  /** Activities by name; none for a queue of workflows alone. */
  readonly activities: object;
}

interface WorkerOptions {
  readonly temporal: TemporalAccess;
  readonly queues: readonly ServedQueue[];
  /** How long activities in flight may take to end after a shutdown. */
  readonly shutdownGraceSeconds: number;
  /**
   * Turns worker versioning on: nothing then runs until somebody sets a current version of the deployment. Default: off.
   */
  readonly version?: WorkerVersion | undefined;
}

export interface RunningWorker {
  /** Settles when all queues have ended: rejects when something fatal ended one of them, and then the others. */
  readonly ended: Promise<void>;
  isPolling(): boolean;
  /** Rejects when Temporal does not answer. */
  ping(): Promise<void>;
  stop(): Promise<void>;
}

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const connection = await connect(options.temporal);
  try {
    await requireNamespace(connection, options.temporal);
    const { failureConverterPath } = createDataConverter(options.temporal.payloads ?? PLAIN_PAYLOADS);
    const bundle = await bundleWorkflows(failureConverterPath);
    const workers = options.queues.map((queue) => createWorker(options, queue, { connection, bundle }));
    return supervise(await Promise.all(workers), connection);
  } catch (error: unknown) {
    await connection.close();
    // A worker asks for its namespace once more: the server has gone while the workflows were bundled.
    const isUnreached = error instanceof Error && error.message.includes('could not be described');
    throw isUnreached ? new TemporalUnreachableError(options.temporal, error) : error;
  }
}

function createWorker(
  { temporal, shutdownGraceSeconds, version }: WorkerOptions,
  { taskQueue, activities }: ServedQueue,
  { connection, bundle }: { readonly connection: NativeConnection; readonly bundle: WorkflowBundle },
): Promise<Worker> {
  return Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    workflowBundle: bundle,
    activities,
    dataConverter: createDataConverter(temporal.payloads ?? PLAIN_PAYLOADS),
    interceptors: { activity: [beatForActivities] },
    // They share the batcher: fewer slots would only make smaller batches.
    maxConcurrentActivityTaskExecutions: RECORDING_SLOTS,
    maxCachedWorkflows: 500,
    // At 0, the default, every deploy cancels what is being recorded.
    shutdownGraceTime: `${shutdownGraceSeconds}s`,
    shutdownForceTime: `${shutdownGraceSeconds + FORCE_AFTER_SECONDS}s`,
    ...SLOW_ACTIVATIONS,
    ...(version === undefined ? {} : { workerDeploymentOptions: deploymentOf(version) }),
  });
}

/**
 * Thousands of signals that waited are one activation of their workflow. It may take longer than the five seconds after which the SDK
 * takes a workflow for hanging; then the same was begun anew for ever. The SDK reads the option and does not list it.
 */
const SLOW_ACTIVATIONS: object = { isolateExecutionTimeout: '30s' };

function deploymentOf(version: WorkerVersion) {
  return {
    version,
    useWorkerVersioning: true as const,
    // Our runs are short, and their code stays replayable: whoever runs goes on with the newest build.
    defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
  };
}

function supervise(workers: readonly Worker[], connection: NativeConnection): RunningWorker {
  const shutDown = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const runs = workers.map((worker) => worker.run().finally(shutDown));
  const end = async (): Promise<void> => {
    try {
      await Promise.all(runs);
    } finally {
      await Promise.allSettled(runs);
      await connection.close();
    }
  };
  const ended = end();
  // Observed by whoever awaits `ended`; this only keeps a rejection before that from ending the process.
  ended.catch(() => undefined);
  return {
    ended,
    isPolling: () => workers.every((worker) => worker.getState() === 'RUNNING'),
    ping: () => pingTemporal(connection),
    async stop() {
      shutDown();
      await ended;
    },
  };
}

async function connect(access: TemporalAccess): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(access.connectionOptions);
  } catch (error: unknown) {
    throw new TemporalUnreachableError(access, error);
  }
}

/** Before the bundle is made, which takes seconds; a worker that is refused later leaves the thread of its workflows behind. */
async function requireNamespace(connection: NativeConnection, access: TemporalAccess): Promise<void> {
  try {
    await connection.workflowService.describeNamespace({ namespace: access.namespace });
  } catch (error: unknown) {
    throw new TemporalUnreachableError(access, error);
  }
}

/** Heartbeats within the time in which Temporal wants one: two may get lost. */
const HEARTBEATS_PER_TIMEOUT = 3;

/**
 * Beats for every activity that is expected to, so that the work of a worker that was killed is given to another one long
 * before the activity's own time is up. An activity that ends sooner never beats.
 */
function beatForActivities(context: Context): ActivityInterceptors {
  return {
    inbound: {
      async execute(input, next) {
        const { heartbeatTimeoutMs = 0 } = context.info;
        if (heartbeatTimeoutMs === 0) return next(input);
        const timer = setInterval(() => {
          context.heartbeat();
        }, heartbeatTimeoutMs / HEARTBEATS_PER_TIMEOUT);
        try {
          return await next(input);
        } finally {
          clearInterval(timer);
        }
      },
    },
  };
}
