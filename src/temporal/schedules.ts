import type { Client, ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import { ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';

import { SECOND_MS } from '../domain/time.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import { MAINTENANCE_QUEUE } from './identifiers.ts';

/** One thing that is done again and again. Ids and workflow types are stored for ever. */
export interface WantedSchedule {
  readonly id: string;
  readonly workflowType: string;
  /** In UTC. */
  readonly cron: string;
  /** Longest run; below the period, or a stuck one would hold back the next for ever. */
  readonly executionTimeoutMinutes: number;
  /** How late a run may still start after an outage. */
  readonly catchupWindowDays: number;
  /** Default: the maintenance queue. */
  readonly taskQueue?: string;
}

const ROLLOVER_SCHEDULE = 'audit-partition-rollover';
const COMPARISON_SCHEDULE = 'audit-comparison';
export const RETENTION_SCHEDULE = 'audit-retention';

const MINUTES_BELOW_A_DAY = 23 * 60;

export function rolloverSchedule(cron: string): WantedSchedule {
  return {
    id: ROLLOVER_SCHEDULE,
    workflowType: 'partitionRollover',
    cron,
    executionTimeoutMinutes: MINUTES_BELOW_A_DAY,
    catchupWindowDays: 7,
  };
}

export function retentionSchedule(cron: string): WantedSchedule {
  return {
    id: RETENTION_SCHEDULE,
    workflowType: 'retention',
    cron,
    executionTimeoutMinutes: MINUTES_BELOW_A_DAY,
    catchupWindowDays: 1,
  };
}

export function comparisonSchedule(cron: string): WantedSchedule {
  return {
    id: COMPARISON_SCHEDULE,
    workflowType: 'recordComparison',
    cron,
    executionTimeoutMinutes: MINUTES_BELOW_A_DAY,
    catchupWindowDays: 1,
  };
}

/**
 * Creates the schedule or brings it up to date. An operator's pause stays, and nothing is written when nothing differs:
 * an update has no conflict token, the last writer wins.
 */
export async function ensureSchedule(
  client: Client,
  wanted: WantedSchedule,
): Promise<'created' | 'updated' | 'unchanged'> {
  const definition = definitionOf(wanted);
  try {
    await client.schedule.create({ scheduleId: wanted.id, ...definition });
    return 'created';
  } catch (error: unknown) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  const handle = client.schedule.getHandle(wanted.id);
  if (await isUpToDate(handle, wanted)) return 'unchanged';
  await handle.update((current) => ({
    ...definition,
    // Left out, the server un-pauses what an operator paused.
    state: current.state,
  }));
  return 'updated';
}

/** Updates the metrics of the schedule. */
export async function observeSchedule(
  client: Client,
  id: string,
  metrics: MaintenanceMetrics,
): Promise<void> {
  const { info, state } = await client.schedule.getHandle(id).describe();
  const labels = { schedule: id };
  const [next] = info.nextActionTimes;
  const last = info.recentActions.at(-1)?.takenAt;
  if (next !== undefined) metrics.scheduleNextRun.set(labels, next.getTime() / SECOND_MS);
  if (last !== undefined) metrics.scheduleLastRun.set(labels, last.getTime() / SECOND_MS);
  metrics.scheduleMissedRuns.set(labels, info.numActionsMissedCatchupWindow);
  metrics.scheduleSkippedRuns.set(labels, info.numActionsSkippedOverlap);
  metrics.schedulePaused.set(labels, state.paused ? 1 : 0);
}

/** The server rewrites a cron line into calendars; what was asked for is kept beside it to compare. */
const MEMO_DEFINITION = 'definition';

function definitionOf(wanted: WantedSchedule) {
  const { id, workflowType, cron, executionTimeoutMinutes, catchupWindowDays } = wanted;
  return {
    spec: { cronExpressions: [cron], timezone: 'UTC' },
    action: {
      type: 'startWorkflow' as const,
      workflowId: id,
      workflowType,
      args: [],
      taskQueue: wanted.taskQueue ?? MAINTENANCE_QUEUE,
      workflowExecutionTimeout: `${executionTimeoutMinutes}m` as const,
      memo: { [MEMO_DEFINITION]: JSON.stringify(wanted) },
    },
    policies: {
      // One run that hangs must not silence all later ones.
      overlap: ScheduleOverlapPolicy.BUFFER_ONE,
      catchupWindow: `${catchupWindowDays} days` as const,
      pauseOnFailure: false,
    },
  };
}

async function isUpToDate(handle: ScheduleHandle, wanted: WantedSchedule): Promise<boolean> {
  const { action }: ScheduleDescription = await handle.describe();
  return action.memo?.[MEMO_DEFINITION] === JSON.stringify(wanted);
}
