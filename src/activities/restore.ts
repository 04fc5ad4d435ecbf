import { ApplicationFailure } from '@temporalio/common';

import { ArchiveMismatchError, ArchiveSchemaError, CannotRestoreError } from '../archive/archive-errors.ts';
import { ManifestError } from '../archive/manifest/manifest.ts';
import type { RestoreSteps } from '../archive/restore/restore-steps.ts';
import { ObjectMissingError } from '../archive/store/object-store.ts';
import { MonthMovedError } from '../database/months/month-states.ts';
import { RestoreNotRequestedError } from '../database/months/restore-requests.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { RestoreActivities } from './types.ts';

interface RestoreActivityDependencies {
  readonly steps: RestoreSteps;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
}

/** What no retry makes right. Those of the archive itself are alarms: somebody must look. */
const HOPELESS = [
  [ArchiveMismatchError, 'mismatch'],
  [ObjectMissingError, 'missing'],
  [ManifestError, 'manifest'],
  [CannotRestoreError, undefined],
  [RestoreNotRequestedError, undefined],
  [ArchiveSchemaError, undefined],
] as const;

export function createRestoreActivities(dependencies: RestoreActivityDependencies): RestoreActivities {
  const { steps, metrics } = dependencies;
  return {
    beginRestore: (month) => classified(dependencies, () => steps.begin(month)),
    loadRestoredTable: (month, table) => classified(dependencies, () => steps.load(month, table)),
    attachRestoredMonth: (month) =>
      classified(dependencies, async () => {
        const until = await steps.attach(month);
        metrics.restoredMonths.inc();
        return until;
      }),
    abandonRestore: (month) => classified(dependencies, () => steps.abandon(month)),
  };
}

/** The worker sends the heartbeats: see `worker/start-worker.ts`. */
async function classified<T>(
  { metrics, logger }: RestoreActivityDependencies,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
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
  }
}
