import { fileURLToPath } from 'node:url';

import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';

import type { AuditActivities } from '../activities/types.ts';
import type { Logger } from '../observability/logger.ts';
import type { TemporalAccess } from '../temporal/connection.ts';
import { TemporalUnreachableError } from '../temporal/connection.ts';
import { RECORDING_QUEUE } from '../temporal/identifiers.ts';

const WORKFLOWS_PATH = fileURLToPath(
  new URL(`../workflows/index${extensionOf(import.meta.url)}`, import.meta.url),
);

export interface WorkerOptions {
  readonly temporal: TemporalAccess;
  readonly activities: AuditActivities;
  /** How long activities in flight may take to end after a shutdown. */
  readonly shutdownGraceSeconds: number;
  readonly logger: Logger;
  /** Default: the recording queue. */
  readonly taskQueue?: string;
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
    const worker = await Worker.create({
      connection,
      namespace: options.temporal.namespace,
      taskQueue: options.taskQueue ?? RECORDING_QUEUE,
      workflowBundle: await bundleWorkflowCode({
        workflowsPath: WORKFLOWS_PATH,
        logger: new DefaultLogger('WARN'),
      }),
      activities: options.activities,
      maxConcurrentActivityTaskExecutions: 100,
      maxCachedWorkflows: 500,
      // At 0, the default, every deploy cancels what is being recorded.
      shutdownGraceTime: `${options.shutdownGraceSeconds}s`,
      shutdownForceTime: `${options.shutdownGraceSeconds + 5}s`,
    });
    return supervise(worker, connection);
  } catch (error: unknown) {
    await connection.close();
    throw error;
  }
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
