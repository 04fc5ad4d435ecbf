import { ApplicationFailure } from '@temporalio/common';

import { ArchiveMismatchError } from '../archive/archive-errors.ts';
import type { RetentionSteps } from '../archive/export/retention-steps.ts';
import { ManifestError } from '../archive/manifest/manifest.ts';
import { ObjectConflictError, ObjectHeldError, ObjectMissingError } from '../archive/store/object-store.ts';
import { MonthMovedError } from '../database/months/month-states.ts';
import type { PlannedMonth, RetentionRules } from '../database/months/retention-plan.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { RetentionActivities, RetentionDecision } from './types.ts';

interface RetentionActivityDependencies {
  readonly steps: RetentionSteps;
  readonly rules: RetentionRules;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
}

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
  const { steps, rules, metrics, logger } = dependencies;
  const run = <T>(month: string, work: () => Promise<T>): Promise<T> => classified(dependencies, work, month);
  return {
    planRetention: async () =>
      (await classified(dependencies, () => steps.plan())).filter(isDecision).map(decisionOf),
    freezeMonth: (month) =>
      run(month, async () => {
        await steps.freeze(month);
        return steps.tables;
      }),
    exportMonth: (month, table) => run(month, () => steps.exportTable(month, table)),
    verifyExport: (month, parts) =>
      run(month, async () => {
        await steps.verify(month, parts);
        for (const { table, rows } of parts) metrics.archivedRows.inc({ table }, rows);
      }),
    sealMonth: (month, parts) =>
      run(month, async () => {
        await steps.seal(month, parts);
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
    noteRetentionFault: (month, fault) => run(month, () => steps.noteFault(month, fault)),
  };
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
  // A lock of the store ends by itself; whoever cannot wait for it ends it there.
  if (error instanceof MonthMovedError || error instanceof ObjectHeldError)
    return ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
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
