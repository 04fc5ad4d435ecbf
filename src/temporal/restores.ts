import { type Client, WorkflowNotFoundError } from '@temporalio/client';

import { rootReasonOf } from '../domain/errors.ts';
import type { RestoreMonthInput } from '../workflows/messages.ts';
import { RESTORE_MONTH, restoreProgress } from '../workflows/messages.ts';
import { MAINTENANCE_QUEUE } from './identifiers.ts';

const DEADLINE_MS = 5_000;
/** A worker that is away must not keep whoever asks: what is running is known without it. */
const PROGRESS_DEADLINE_MS = 2_000;

/** How the last restore of a month stands. */
export interface RestoreStatus {
  readonly status: 'running' | 'done' | 'failed';
  /** What it is doing, what came of it, or why it failed. */
  readonly detail: string;
}

/** For whom and for how long is what Temporal's UI shows; the steps read it from the database. */
interface RequestedRestore extends RestoreMonthInput {
  readonly days: number;
  readonly by: string;
}

/** Restores of months, each in a workflow of its own. */
export interface Restores {
  /** Resolves when Temporal has it; the database must have the request before. While one of the same month is running, that one is it. Answers its workflow id. */
  start(request: RequestedRestore): Promise<string>;
  /** Undefined when none is known any more. */
  status(month: string): Promise<RestoreStatus | undefined>;
}

interface RestoresOptions {
  /** Default: the maintenance queue. */
  readonly taskQueue?: string;
}

export function createRestores(client: Client, options: RestoresOptions = {}): Restores {
  const { taskQueue = MAINTENANCE_QUEUE } = options;
  return {
    async start({ month, days, by }) {
      const workflowId = restoreWorkflowId(month);
      await client.withDeadline(Date.now() + DEADLINE_MS, () =>
        client.workflow.start(RESTORE_MONTH, {
          workflowId,
          taskQueue,
          args: [{ month }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          staticSummary: `${month.slice(0, 7)} for ${days} days, for ${by}`,
        }),
      );
      return workflowId;
    },
    status: (month) => statusOf(client, restoreWorkflowId(month)),
  };
}

function restoreWorkflowId(month: string): string {
  return `restore/${month.slice(0, 7)}`;
}

async function statusOf(client: Client, workflowId: string): Promise<RestoreStatus | undefined> {
  const handle = client.workflow.getHandle(workflowId);
  const within = <T>(deadlineMs: number, work: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + deadlineMs, work);
  try {
    const { status } = await within(DEADLINE_MS, () => handle.describe());
    if (status.name === 'RUNNING') {
      // Without a worker nobody answers a query; that it runs is known all the same.
      const detail = await within(PROGRESS_DEADLINE_MS, () => handle.query(restoreProgress)).catch(
        () => 'waiting for a worker of the queue audit-maintenance',
      );
      return { status: 'running', detail };
    }
    const detail = await within(DEADLINE_MS, () => handle.result()).then(String, rootReasonOf);
    return { status: status.name === 'COMPLETED' ? 'done' : 'failed', detail };
  } catch (error: unknown) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}
