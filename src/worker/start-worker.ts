import { fileURLToPath } from 'node:url';

import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';

import type { Logger } from '../observability/logger.ts';
import type { TemporalAccess } from '../temporal/connection.ts';
import { PLAIN_PAYLOADS, TemporalUnreachableError } from '../temporal/connection.ts';
import { createDataConverter } from '../temporal/data-converter.ts';
import { RECORDING_QUEUE } from '../temporal/identifiers.ts';

const WORKFLOWS_PATH = fileURLToPath(
  new URL(`../workflows/index${extensionOf(import.meta.url)}`, import.meta.url),
);

/** How much longer than the grace the worker waits before it gives up what does not end. */
const FORCE_AFTER_SECONDS = 5;

/** Says which build of which deployment runs, so that Temporal can move runs from one to the next. */
export interface WorkerVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

export interface WorkerOptions {
  readonly temporal: TemporalAccess;
  /** Activities by name; none for a queue of workflows alone. */
  readonly activities: object;
  /** How long activities in flight may take to end after a shutdown. */
  readonly shutdownGraceSeconds: number;
  readonly logger: Logger;
  /** Default: the recording queue. */
  readonly taskQueue?: string;
  /**
   * Turns worker versioning on: nothing then runs until somebody sets a current version of the deployment. Default: off.
   */
  readonly version?: WorkerVersion | undefined;
}

export interface RunningWorker {
  /** Settles when the worker has ended: rejects when something fatal ended it. */
  readonly ended: Promise<void>;
  isPolling(): boolean;
  stop(): Promise<void>;
}

export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const connection = await connect(options.temporal);
  try {
    return supervise(await createWorker(options, connection), connection);
  } catch (error: unknown) {
    await connection.close();
    throw error;
  }
}

async function createWorker(options: WorkerOptions, connection: NativeConnection): Promise<Worker> {
  const { temporal, activities, shutdownGraceSeconds, version, taskQueue = RECORDING_QUEUE } = options;
  const dataConverter = createDataConverter(temporal.payloads ?? PLAIN_PAYLOADS);
  const { failureConverterPath } = dataConverter;
  return Worker.create({
    connection,
    namespace: temporal.namespace,
    taskQueue,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: WORKFLOWS_PATH,
      logger: new DefaultLogger('WARN'),
      ...(failureConverterPath === undefined ? {} : { failureConverterPath }),
    }),
    activities,
    dataConverter,
    // They share the batcher: fewer slots would only make smaller batches.
    maxConcurrentActivityTaskExecutions: 100,
    maxCachedWorkflows: 500,
    // At 0, the default, every deploy cancels what is being recorded.
    shutdownGraceTime: `${shutdownGraceSeconds}s`,
    shutdownForceTime: `${shutdownGraceSeconds + FORCE_AFTER_SECONDS}s`,
    ...(version === undefined ? {} : { workerDeploymentOptions: deploymentOf(version) }),
  });
}

function deploymentOf(version: WorkerVersion) {
  return {
    version,
    useWorkerVersioning: true as const,
    // Our runs are short, and their code stays replayable: whoever runs goes on with the newest build.
    defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
  };
}

function supervise(worker: Worker, connection: NativeConnection): RunningWorker {
  const ended = worker.run().finally(() => connection.close());
  // Observed by whoever awaits `ended`; this only keeps a rejection before that from ending the process.
  ended.catch(() => undefined);
  return {
    ended,
    isPolling: () => worker.getState() === 'RUNNING',
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await ended;
    },
  };
}

async function connect(access: TemporalAccess): Promise<NativeConnection> {
  try {
    return await NativeConnection.connect(access.connectionOptions);
  } catch (error: unknown) {
    throw new TemporalUnreachableError(access.connectionOptions.address ?? 'localhost:7233', error);
  }
}

/** `.ts` in the source tree, `.js` in the built package. */
function extensionOf(url: string): string {
  return url.slice(url.lastIndexOf('.'));
}
