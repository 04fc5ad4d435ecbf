import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import { ManifestError } from '../archive/manifest.ts';
import { ObjectConflictError, ObjectHeldError, ObjectMissingError } from '../archive/object-store.ts';
import { ArchiveMismatchError } from '../archive/retention-errors.ts';
import type { RetentionSteps } from '../archive/retention-steps.ts';
import { MonthMovedError } from '../database/month-states.ts';
import type { PlannedMonth, RetentionRules } from '../database/retention-plan.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { RetentionActivities, RetentionDecision } from './types.ts';

export interface RetentionActivityDependencies {
  /** `onProgress` is told what was done last, for the heartbeat. */
  readonly steps: (onProgress: (what: string) => void) => RetentionSteps;
  readonly rules: RetentionRules;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
}

const HEARTBEAT_MS = 5_000;
const DONE_ABOUT: ReadonlySet<string> = new Set([
  ...['archive', 'detach', 'drop', 'release', 'reattach', 'expire'],
]);

/** What no retry makes right: the archive itself is at fault, or the month went elsewhere. */
const ALARMS = [
  [ArchiveMismatchError, 'mismatch'],
  [ObjectConflictError, 'conflict'],
  [ObjectMissingError, 'missing'],
  [ManifestError, 'manifest'],
] as const;

export function createRetentionActivities(dependencies: RetentionActivityDependencies): RetentionActivities {
  const { rules, metrics, logger } = dependencies;
  const run = <T>(month: string, work: (steps: RetentionSteps) => Promise<T>): Promise<T> =>
    withHeartbeat(dependencies, (steps) => work(steps), month);
  return {
    planRetention: async () =>
      (await withHeartbeat(dependencies, (steps) => steps.plan())).filter(isDecision).map(decisionOf),
    freezeMonth: (month) =>
      run(month, async (steps) => {
        await steps.freeze(month);
        return steps.tables;
      }),
    exportMonth: (month, table) => run(month, (steps) => steps.exportTable(month, table)),
    verifyExport: (month, parts) =>
      run(month, async (steps) => {
        await steps.verify(month, parts);
        for (const { table, rows } of parts) metrics.archivedRows.inc({ table }, rows);
      }),
    sealMonth: (month, parts) =>
      run(month, async (steps) => {
        await steps.seal(month, parts);
        const planned = (await steps.plan()).find((candidate) => candidate.month === month);
        return planned?.action === 'awaits-approval' ? 'awaits-approval' : 'detach';
      }),
    detachMonth: (month) =>
      run(month, async (steps) => {
        const outcome = await steps.detach(month);
        return outcome === 'detached' && rules.dropGraceHours > 0 ? 'in-grace' : outcome;
      }),
    dropMonth: (month) =>
      run(month, async (steps) => {
        const outcome = await steps.drop(month);
        if (outcome === 'dropped') metrics.droppedMonths.inc();
        return outcome;
      }),
    expireMonth: (month) =>
      run(month, async (steps) => {
        const outcome = await steps.expire(month);
        if (outcome === 'expired') metrics.expiredMonths.inc();
        return outcome;
      }),
    removeOrphans: () =>
      withHeartbeat(dependencies, (steps) =>
        steps.removeOrphans((key) => {
          logger.info({ key }, 'removed an object of the archive that no manifest names');
        }),
      ),
    reattachMonth: (month) => run(month, (steps) => steps.reattach(month)),
    noteRetentionFault: (month, fault) => run(month, (steps) => steps.noteFault(month, fault)),
  };
}

function isDecision(planned: PlannedMonth): boolean {
  return DONE_ABOUT.has(planned.action);
}

function decisionOf({ month, action }: PlannedMonth): RetentionDecision {
  return { month, action: action as RetentionDecision['action'] };
}

/** Beats while the work lasts: a COPY or a download has no step of its own to tell. */
async function withHeartbeat<T>(
  { steps, metrics, logger }: RetentionActivityDependencies,
  work: (steps: RetentionSteps) => Promise<T>,
  month?: string,
): Promise<T> {
  const context = Context.current();
  let last = '';
  const timer = setInterval(() => {
    context.heartbeat(last);
  }, HEARTBEAT_MS);
  try {
    return await work(
      steps((what) => {
        last = what;
        context.heartbeat(what);
      }),
    );
  } catch (error: unknown) {
    throw classify(error, { metrics, logger, month });
  } finally {
    clearInterval(timer);
  }
}

function classify(
  error: unknown,
  { metrics, logger, month }: { metrics: MaintenanceMetrics; logger: Logger; month: string | undefined },
): unknown {
  // A lock of the store ends by itself; whoever cannot wait for it ends it there.
  if (error instanceof MonthMovedError || error instanceof ObjectHeldError)
    return ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
  const alarm = ALARMS.find(([type]) => error instanceof type);
  if (alarm === undefined || !(error instanceof Error)) return error;
  const [, reason] = alarm;
  metrics.archiveAlarms.inc({ reason });
  logger.error({ month, reason: error.message }, 'an archive is not what it should be: nothing is dropped');
  return ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
}
