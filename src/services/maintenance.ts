import type pg from 'pg';

import { createComparisonActivities } from '../activities/comparison.ts';
import {
  createMonthReconciler,
  createPartitionActivities,
  type PartitionDependencies,
} from '../activities/partitions.ts';
import { createRestoreActivities } from '../activities/restore.ts';
import { createRetentionActivities } from '../activities/retention.ts';
import type { ArchiveContext } from '../archive/archive-context.ts';
import { RetentionSteps } from '../archive/export/retention-steps.ts';
import { RestoreSteps } from '../archive/restore/restore-steps.ts';
import type { Config } from '../config/config.ts';
import { COMPARISON_TIMEOUT_MS } from '../database/comparison/compare-month.ts';
import { createPool } from '../database/pool.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import { createRedactor } from '../redaction/redactor.ts';
import { connectTemporal } from '../temporal/connection.ts';
import type { WantedSchedule } from '../temporal/schedules.ts';
import { comparisonSchedule, retentionSchedule, rolloverSchedule } from '../temporal/schedules.ts';
import { createHoldReconciler } from './hold-reconciler.ts';
import { MaintenanceRounds } from './maintenance-rounds.ts';
import { openArchiveContext } from './open-archive.ts';
import type { ServiceContext } from './running-service.ts';
import { type Closing, createClosing } from './running-service.ts';

/** Analysing the parents samples every month. */
const ANALYZE_TIMEOUT_MS = 240_000;

/** What the maintenance queue serves, and what keeps it going. */
interface Maintenance {
  /** By name, for the worker. Those of retention and restore are missing where retention is off. */
  readonly activities: object;
  /** Makes the months ahead, ensures the schedules, and updates the metrics, now and every minute. */
  start(): void;
  /** Ends the rounds and the holds, then closes the connection of the owner. */
  stop(): Promise<void>;
}

/** Retention is on where an archive and the owner of the tables are configured. */
export function hasRetention({ retention, database }: Config): boolean {
  return retention.archive.url !== '' && database.ownerUrl !== '';
}

/** The schedules that the maintenance queue keeps in Temporal. */
export function wantedSchedules(config: Config): readonly WantedSchedule[] {
  const { rolloverCron, comparisonCron, retentionCron } = config.retention;
  return [
    rolloverSchedule(rolloverCron),
    comparisonSchedule(comparisonCron),
    ...(hasRetention(config) ? [retentionSchedule(retentionCron)] : []),
  ];
}

/**
 * Opens what partitions, retention and restores need, and starts nothing. Without
 * retention months are only made ahead.
 */
export async function createMaintenance(
  { config, logger }: ServiceContext,
  pool: pg.Pool,
  metrics: MaintenanceMetrics,
): Promise<Maintenance> {
  const { database } = config;
  const closing = createClosing();
  const partitions: PartitionDependencies = {
    pool: ownersPool(config, logger, closing) ?? pool,
    monthsAhead: database.monthsAhead,
    metrics,
    logger,
  };
  const context = hasRetention(config) ? await openArchiveContext(config) : undefined;
  const retaining = context === undefined ? {} : retentionActivities(context, { metrics, logger });
  const rounds = new MaintenanceRounds({
    keepMonthsAhead: createMonthReconciler(partitions),
    schedules: wantedSchedules(config),
    connect: () => connectTemporal(config.temporal),
    metrics,
    logger,
  });
  closing.push(() => rounds.stop());
  const reconciler = context === undefined ? undefined : createHoldReconciler({ context, metrics, logger });
  closing.push(async () => reconciler?.stop());
  return {
    activities: {
      ...createPartitionActivities(partitions),
      ...createComparisonActivities({ pool: comparisonPool(config, logger, closing), metrics, logger }),
      ...retaining,
    },
    start: () => {
      rounds.start();
      reconciler?.start();
    },
    stop: closing.run,
  };
}

/** Only the owner may analyse; without one the writer makes the months all the same. */
function ownersPool(
  { database }: ServiceContext['config'],
  logger: ServiceContext['logger'],
  closing: Closing,
): pg.Pool | undefined {
  if (database.ownerUrl === '') return undefined;
  const pool = createPool({
    connectionString: database.ownerUrl,
    applicationName: 'remediation-audit rollover',
    max: 1,
    statementTimeoutMs: ANALYZE_TIMEOUT_MS,
    logger,
  });
  closing.push(() => pool.end());
  return pool;
}

/** One connection of its own: statements of a comparison take longer than those of others may. */
function comparisonPool(
  { database }: ServiceContext['config'],
  logger: ServiceContext['logger'],
  closing: Closing,
): pg.Pool {
  const pool = createPool({
    connectionString: database.ownerUrl === '' ? database.url : database.ownerUrl,
    applicationName: 'remediation-audit comparison',
    max: 1,
    statementTimeoutMs: COMPARISON_TIMEOUT_MS,
    logger,
  });
  closing.push(() => pool.end());
  return pool;
}

/** Retention and restore share one context, and with it one store and one set of keys. */
function retentionActivities(
  context: ArchiveContext,
  { metrics, logger }: { readonly metrics: MaintenanceMetrics; readonly logger: ServiceContext['logger'] },
) {
  const steps = new RetentionSteps(context);
  const redactor = createRedactor();
  const redactText = (text: string): string => redactor.redactText(text).value;
  return {
    ...createRetentionActivities({ steps, rules: context.rules, metrics, logger, redactText }),
    ...createRestoreActivities({ steps: new RestoreSteps(context), metrics, logger }),
  };
}
