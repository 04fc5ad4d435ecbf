import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  log,
  patched,
  proxyActivities,
  setCurrentDetails,
  upsertMemo,
} from '@temporalio/workflow';

import type { PartitionActivities, RetentionActivities } from '../activities/types.ts';
import { rootReasonOf } from '../domain/errors.ts';
import { MONTH_STEP_OPTIONS, retainMonth } from './retain-month.ts';

const steps = proxyActivities<RetentionActivities>(MONTH_STEP_OPTIONS);

const { removeOrphans } = proxyActivities<Pick<RetentionActivities, 'removeOrphans'>>({
  startToCloseTimeout: '2h',
  heartbeatTimeout: '30s',
  // They are only in the way: a store that does not let us remove them must not stop the run.
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumAttempts: 5 },
});

/**
 * One run of retention: every month that is due is taken as far as it gets, the oldest first. One that stops (a damaged
 * archive, a store that lies) loses no row, says why, and does not stop the others.
 */
export async function retention(): Promise<string[]> {
  const report: string[] = [];
  for (const due of await steps.planRetention()) {
    const name = due.month.slice(0, 7);
    const showProgress = (progress: string): void => {
      setCurrentDetails([...report, `${name}: ${progress}`].join('\n\n'));
    };
    try {
      report.push(`${name}: ${await retainMonth(steps, due, showProgress)}`);
    } catch (error: unknown) {
      if (isCancellation(error)) throw error;
      const reason = rootReasonOf(error);
      if (isNotDue(error)) {
        // A hold or a record came since the plan was made: the next run has another plan.
        report.push(`${name}: left as it is: ${reason}`);
        continue;
      }
      log.error('retention stopped at a month; nothing of it is dropped', { month: name, reason });
      report.push(`${name}: STOPPED: ${reason}`);
      await steps.noteRetentionFault(due.month, reason);
    }
    setCurrentDetails(report.join('\n\n'));
  }
  if (patched('remove-orphans')) report.push(...(await clearOrphans()));
  setCurrentDetails(report.join('\n\n'));
  upsertMemo({ report: report.length === 0 ? 'nothing was due' : report.join('; ') });
  return report;
}

function isNotDue(error: unknown): boolean {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure && cause.type === 'StepNotDueError';
}

async function clearOrphans(): Promise<string[]> {
  try {
    const count = await removeOrphans();
    return count === 0 ? [] : [`orphans: ${count} objects that no manifest names were removed`];
  } catch (error: unknown) {
    if (isCancellation(error)) throw error;
    const reason = rootReasonOf(error);
    log.error('objects that no manifest names stay in the archive', { reason });
    return [`orphans: STOPPED: ${reason}`];
  }
}

const partitions = proxyActivities<PartitionActivities>({
  startToCloseTimeout: '5m',
  heartbeatTimeout: '30s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/** One run of the rollover: the months ahead are there, however long it takes somebody to let go of a lock. */
export async function partitionRollover(): Promise<number> {
  const ahead = await partitions.rollPartitionsOver();
  setCurrentDetails(`${ahead} months ahead`);
  return ahead;
}
