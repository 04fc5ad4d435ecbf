import type pg from 'pg';

import {
  createMonthReconciler,
  createPartitionActivities,
  type PartitionDependencies,
} from '../activities/partitions.ts';
import { createRestoreActivities } from '../activities/restore.ts';
import { createRetentionActivities } from '../activities/retention.ts';
import { createRetentionSteps } from '../archive/export/retention-steps.ts';
import { createRestoreSteps } from '../archive/restore/restore-steps.ts';
import { readMigrations } from '../database/migrate.ts';
import { createPool } from '../database/pool.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import { connectTemporal } from '../temporal/connection.ts';
import { retentionSchedule, rolloverSchedule } from '../temporal/schedules.ts';
import { type Closing, createClosing } from './closing.ts';
import { createHoldReconciler, storeHoldsOf } from './hold-reconciler.ts';
import { MaintenanceRounds } from './maintenance-rounds.ts';
import { openWritableArchive } from './open-archive.ts';
import type { ServiceContext } from './running-service.ts';

/** Analysing the parents samples every month. */
const ANALYZE_TIMEOUT_MS = 240_000;

/** What the maintenance queue serves, and what keeps it going. */
interface Maintenance {
  readonly activities: object;
  /** Makes the months ahead, ensures the schedules, and updates the metrics, now and every minute. */
  start(): void;
  stop(): Promise<void>;
}

export async function createMaintenance(
  { config, logger }: ServiceContext,
  pool: pg.Pool,
  metrics: MaintenanceMetrics,
): Promise<Maintenance> {
  const { retention, database } = config;
  const closing = createClosing();
  const partitions: PartitionDependencies = {
    pool: ownersPool(config, logger, closing) ?? pool,
    monthsAhead: database.monthsAhead,
    metrics,
    logger,
  };
  const hasRetention = retention.archive.url !== '' && database.ownerUrl !== '';
  const schedules = [
    rolloverSchedule(retention.rolloverCron),
    ...(hasRetention ? [retentionSchedule(retention.retentionCron)] : []),
  ];
  const retaining = hasRetention ? await retentionActivities({ config, logger }, metrics) : {};
  const rounds = new MaintenanceRounds({
    keepMonthsAhead: createMonthReconciler(partitions),
    schedules,
    connect: () => connectTemporal(config.temporal),
    metrics,
    logger,
  });
  closing.push(() => rounds.stop());
  const reconciler = hasRetention
    ? createHoldReconciler({ holds: await storeHoldsOf(config), metrics, logger })
    : undefined;
  closing.push(async () => reconciler?.stop());
  return {
    activities: { ...createPartitionActivities(partitions), ...retaining },
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

async function retentionActivities(
  { config, logger }: Pick<ServiceContext, 'config' | 'logger'>,
  metrics: MaintenanceMetrics,
) {
  const { retention, database } = config;
  const { store, chain, trusted } = await openWritableArchive(retention);
  const schemaVersion = readMigrations().at(-1)?.version ?? 0;
  const retaining = createRetentionActivities({
    rules: retention.rules,
    metrics,
    logger,
    steps: createRetentionSteps({
      ownerUrl: database.ownerUrl,
      lockTimeoutMs: retention.lockTimeoutMs,
      store,
      chain,
      trusted,
      rules: retention.rules,
      workFolder: retention.archive.workFolder,
      partRows: retention.archive.partRows,
      schemaVersion,
    }),
  });
  const restoring = createRestoreActivities({
    metrics,
    logger,
    steps: createRestoreSteps({
      ownerUrl: database.ownerUrl,
      lockTimeoutMs: retention.lockTimeoutMs,
      store,
      trusted,
      workFolder: retention.archive.workFolder,
    }),
  });
  return { ...retaining, ...restoring };
}
