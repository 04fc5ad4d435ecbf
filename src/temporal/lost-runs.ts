import type { Client, WorkflowExecutionInfo } from '@temporalio/client';

import { REMEDIATION_AUDIT } from '../workflows/messages.ts';

/** A query takes this many at most; the next one goes on from the newest of them. */
const MOST_RUNS = 1_000;
const CALL_DEADLINE_MS = 30_000;

/** A run of an audit that ended, and not because it had nothing more to do. */
export interface LostRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly status: string;
  readonly closedAtMs: number;
  /** uid of its remediation. */
  readonly remediationUid: string;
}

export interface LostRuns {
  /** Runs of a cluster that were terminated, failed or timed out since then, the oldest first. */
  closedSince(cluster: string, sinceMs: number): Promise<readonly LostRun[]>;
}

/** Asks visibility, which shows the end of a run up to some seconds after it. */
export function createLostRuns(client: Client): LostRuns {
  return {
    async closedSince(cluster, sinceMs) {
      const query = [
        `WorkflowType = '${REMEDIATION_AUDIT}'`,
        "ExecutionStatus in ('Terminated', 'Failed', 'TimedOut')",
        `CloseTime >= '${new Date(sinceMs).toISOString()}'`,
      ].join(' and ');
      const found: LostRun[] = [];
      await client.withDeadline(Date.now() + CALL_DEADLINE_MS, async () => {
        for await (const info of client.workflow.list({ query })) {
          const run = runOf(info);
          // The search attribute with the cluster may not be registered; the id has it always.
          if (info.workflowId.startsWith(`${cluster}/`)) found.push(run);
          if (found.length >= MOST_RUNS) break;
        }
      });
      return found.sort((one, other) => one.closedAtMs - other.closedAtMs);
    },
  };
}

function runOf({ workflowId, runId, status, closeTime }: WorkflowExecutionInfo): LostRun {
  return {
    ...{ workflowId, runId, status: status.name },
    closedAtMs: closeTime?.getTime() ?? 0,
    remediationUid: workflowId.slice(workflowId.lastIndexOf('/') + 1),
  };
}
