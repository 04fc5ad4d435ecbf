import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import { ArchiveMismatchError, ExportIncompleteError } from '../archive/archive-errors.ts';
import type { RetentionSteps } from '../archive/export/retention-steps.ts';
import { ManifestError } from '../archive/manifest/manifest.ts';
import { ObjectConflictError, ObjectHeldError, ObjectMissingError } from '../archive/store/object-store.ts';
import { RecordsDifferError } from '../database/comparison/records-differ.ts';
import { StepNotDueError } from '../database/months/due-step.ts';
import type { ExportRun } from '../database/months/month-export.ts';
import { MonthMovedError } from '../database/months/month-states.ts';
import type { PlannedMonth, RetentionRules } from '../database/months/retention-plan.ts';
import { MAX_FAULT_LENGTH } from '../domain/limits.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { RetentionActivities, RetentionDecision } from './types.ts';

interface RetentionActivityDependencies {
  readonly steps: RetentionSteps;
  readonly rules: RetentionRules;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
  /** Replaces secrets in a text. */
  readonly redactText: (text: string) => string;
}

const DONE_ABOUT: ReadonlySet<string> = new Set([
  ...['archive', 'detach', 'drop', 'release', 'reattach', 'expire'],
]);

/** What no retry makes right. A lock of the store ends by itself; whoever cannot wait for it ends it there. */
const FINAL = [MonthMovedError, StepNotDueError, ExportIncompleteError, ObjectHeldError] as const;

/** What no retry makes right either: the archive itself is at fault, or the month went elsewhere. */
const ALARMS = [
  [ArchiveMismatchError, 'mismatch'],
  [ObjectConflictError, 'conflict'],
  [ObjectMissingError, 'missing'],
  [ManifestError, 'manifest'],
] as const;

export function createRetentionActivities(dependencies: RetentionActivityDependencies): RetentionActivities {
  const { steps, rules, metrics, logger, redactText } = dependencies;
  const run = <T>(month: string, work: () => Promise<T>): Promise<T> => classified(dependencies, work, month);
  return {
    planRetention: async () =>
      (await classified(dependencies, () => steps.plan())).filter(isDecision).map(decisionOf),
    freezeMonth: (month) =>
      run(month, async () => {
        await steps.freeze(ofThisRun(month));
        return steps.tables;
      }),
    exportMonth: (month, table) => run(month, () => steps.exportTable(ofThisRun(month), table)),
    verifyExport: (month, table) =>
      run(month, async () => {
        metrics.archivedRows.inc({ table }, await steps.verifyTable(ofThisRun(month), table));
      }),
    sealMonth: (month) =>
      run(month, async () => {
        await steps.seal(ofThisRun(month));
        metrics.recordDifferences.remove({ month: month.slice(0, 7) });
        const planned = (await steps.plan()).find((candidate) => candidate.month === month);
        return planned?.action === 'awaits-approval' ? 'awaits-approval' : 'detach';
      }),
    detachMonth: (month) =>
      run(month, async () => {
        const outcome = await steps.detach(month);
        return outcome === 'detached' && rules.dropGraceHours > 0 ? 'in-grace' : outcome;
      }),
    dropMonth: (month) =>
      run(month, async () => {
        const outcome = await steps.drop(month);
        if (outcome === 'dropped') metrics.droppedMonths.inc();
        return outcome;
      }),
    expireMonth: (month) =>
      run(month, async () => {
        const outcome = await steps.expire(month);
        if (outcome === 'expired') metrics.expiredMonths.inc();
        return outcome;
      }),
    removeOrphans: () =>
      classified(dependencies, () =>
        steps.removeOrphans((key) => {
          logger.info({ key }, 'removed an object of the archive that no manifest names');
        }),
      ),
    reattachMonth: (month) => run(month, () => steps.reattach(month)),
    // It comes from a workflow, so anybody who reaches Temporal may have written it. Cut first: the work is bounded by that.
    noteRetentionFault: (month, fault) =>
      run(month, () => steps.noteFault(month, cutText(redactText(cutText(fault))))),
  };
}

/** Half of a character would be no text any more. */
function cutText(text: string): string {
  if (text.length <= MAX_FAULT_LENGTH) return text;
  return `${text.slice(0, MAX_FAULT_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** What one run has exported no other one seals. An activity that no workflow called is a run of its own. */
function ofThisRun(month: string): ExportRun {
  const { workflowExecution, activityId } = activityInfo();
  return { month, run: workflowExecution?.runId ?? `activity ${activityId}` };
}

function isDecision(planned: PlannedMonth): boolean {
  return DONE_ABOUT.has(planned.action);
}

function decisionOf({ month, action }: PlannedMonth): RetentionDecision {
  return { month, action: action as RetentionDecision['action'] };
}

/** The worker sends the heartbeats: see `worker/start-worker.ts`. */
async function classified<T>(
  { metrics, logger }: RetentionActivityDependencies,
  work: () => Promise<T>,
  month?: string,
): Promise<T> {
  try {
    return await work();
  } catch (error: unknown) {
    throw classify(error, { metrics, logger, month });
  }
}

function classify(
  error: unknown,
  { metrics, logger, month }: { metrics: MaintenanceMetrics; logger: Logger; month: string | undefined },
): unknown {
  if (FINAL.some((type) => error instanceof type) && error instanceof Error)
    return ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
  if (error instanceof RecordsDifferError) {
    metrics.recordDifferences.set({ month: error.month.slice(0, 7) }, error.differences);
    logger.error(
      { month, reason: error.message },
      'rows and ledger of a month differ: nothing of it is archived or dropped',
    );
    return ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
  }
  const alarm = ALARMS.find(([type]) => error instanceof type);
  if (alarm === undefined || !(error instanceof Error)) return error;
  const [, reason] = alarm;
  metrics.archiveAlarms.inc({ reason });
  logger.error(
    { month, reason: error.message },
    'the archive of a month is damaged or incomplete: nothing is dropped',
  );
  return ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
}
