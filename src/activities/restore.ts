import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import { ManifestError } from '../archive/manifest.ts';
import { ObjectMissingError } from '../archive/object-store.ts';
import { ArchiveSchemaError, CannotRestoreError } from '../archive/restore-errors.ts';
import type { RestoreSteps } from '../archive/restore-steps.ts';
import { ArchiveMismatchError } from '../archive/retention-errors.ts';
import { MonthMovedError } from '../database/month-states.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { RestoreActivities } from './types.ts';

export interface RestoreActivityDependencies {
  /** `onProgress` is told what was done last, for the heartbeat. */
  readonly steps: (onProgress: (what: string) => void) => RestoreSteps;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
}

const HEARTBEAT_MS = 5_000;

/** What no retry makes right. Those of the archive itself are alarms: somebody must look. */
const HOPELESS = [
  [ArchiveMismatchError, 'mismatch'],
  [ObjectMissingError, 'missing'],
  [ManifestError, 'manifest'],
  [CannotRestoreError, undefined],
  [ArchiveSchemaError, undefined],
] as const;

export function createRestoreActivities(dependencies: RestoreActivityDependencies): RestoreActivities {
  const { metrics } = dependencies;
  return {
    beginRestore: (request) => withHeartbeat(dependencies, (steps) => steps.begin(request)),
    loadRestoredTable: (month, table, manifest) =>
      withHeartbeat(dependencies, (steps) => steps.load(month, table, manifest)),
    attachRestoredMonth: (request, manifest) =>
      withHeartbeat(dependencies, async (steps) => {
        const until = await steps.attach(request, manifest);
        metrics.restoredMonths.inc();
        return until;
      }),
    abandonRestore: (month) => withHeartbeat(dependencies, (steps) => steps.abandon(month)),
  };
}

/** Beats while the work lasts: a download or a COPY has no step of its own to tell. */
async function withHeartbeat<T>(
  { steps, metrics, logger }: RestoreActivityDependencies,
  work: (steps: RestoreSteps) => Promise<T>,
): Promise<T> {
  const context = Context.current();
  let last = '';
  const beat = (what: string): void => {
    last = what;
    context.heartbeat(what);
  };
  const timer = setInterval(() => {
    beat(last);
  }, HEARTBEAT_MS);
  try {
    return await work(steps(beat));
  } catch (error: unknown) {
    // Begun anew by the workflow, which knows how.
    if (error instanceof MonthMovedError)
      throw ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
    const known = HOPELESS.find(([type]) => error instanceof type);
    if (known === undefined || !(error instanceof Error)) throw error;
    const [, reason] = known;
    if (reason !== undefined) metrics.archiveAlarms.inc({ reason });
    logger.error({ reason: error.message }, 'a month cannot be restored; nothing of it was attached');
    throw ApplicationFailure.create({ type: error.name, message: error.message, nonRetryable: true });
  } finally {
    clearInterval(timer);
  }
}
