import type pg from 'pg';

import { createPartitionActivities } from '../activities/partitions.ts';
import { createRetentionActivities } from '../activities/retention.ts';
import { createRetentionSteps } from '../archive/retention-steps.ts';
import { readMigrations } from '../database/migrate.ts';
import { createPool } from '../database/pool.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import { connectTemporal, type TemporalClient } from '../temporal/connection.ts';
import type { WantedSchedule } from '../temporal/schedules.ts';
import { keepSchedule, observeSchedule, retentionSchedule, rolloverSchedule } from '../temporal/schedules.ts';
import { type Closing, createClosing } from './closing.ts';
import { openWritableArchive } from './open-archive.ts';
import type { ServiceContext } from './running-service.ts';

const ROUND_MS = 60_000;
/** Analysing the parents samples every month. */
const ANALYZE_TIMEOUT_MS = 240_000;

/** What the maintenance queue serves, and what keeps it going. */
export interface Maintenance {
  readonly activities: object;
  /** Makes the months ahead, keeps the schedules, and tells the metrics, now and every minute. */
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
  const partitions = createPartitionActivities({
    pool: ownersPool(config, logger, closing) ?? pool,
    monthsAhead: database.monthsAhead,
    metrics,
    logger,
  });
  const hasRetention = retention.archive.url !== '' && database.ownerUrl !== '';
  if (!hasRetention)
    logger.info(
      'retention is off: it needs REMEDIATION_AUDIT_ARCHIVE_URL and DATABASE_OWNER_URL; nothing is dropped',
    );
  const schedules = [
    rolloverSchedule(retention.rolloverCron),
    ...(hasRetention ? [retentionSchedule(retention.retentionCron)] : []),
  ];
  const retaining = hasRetention ? await retentionActivities({ config, logger }, metrics) : {};
  const rounds = new Rounds({ rollOver: partitions.rollPartitionsOver, schedules, config, logger, metrics });
  closing.push(() => rounds.stop());
  return {
    activities: { ...partitions, ...retaining },
    start: () => {
      rounds.start();
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
  const { store, chain } = await openWritableArchive(retention);
  const schemaVersion = readMigrations().at(-1)?.version ?? 0;
  return createRetentionActivities({
    rules: retention.rules,
    metrics,
    logger,
    steps: (onProgress) =>
      createRetentionSteps({
        ownerUrl: database.ownerUrl,
        lockTimeoutMs: retention.lockTimeoutMs,
        store,
        chain,
        rules: retention.rules,
        workFolder: retention.archive.workFolder,
        partRows: retention.archive.partRows,
        schemaVersion,
        onProgress,
      }),
  });
}

interface RoundOptions extends Pick<ServiceContext, 'config' | 'logger'> {
  readonly rollOver: () => Promise<number>;
  readonly schedules: readonly WantedSchedule[];
  readonly metrics: MaintenanceMetrics;
}

class Rounds {
  readonly #options: RoundOptions;
  #timer: NodeJS.Timeout | undefined;
  #current: Promise<void> = Promise.resolve();
  #temporal: TemporalClient | undefined;
  #rolledOver = false;
  #kept = false;

  constructor(options: RoundOptions) {
    this.#options = options;
  }

  start(): void {
    const round = (): void => {
      this.#current = this.#current.then(() => this.#round());
    };
    this.#timer = setInterval(round, ROUND_MS);
    round();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#current;
    await this.#temporal?.close();
  }

  /** A part that fails is told and tried again in the next round; neither waits for the other. */
  async #round(): Promise<void> {
    const { logger } = this.#options;
    for (const part of [() => this.#rollOverOnce(), () => this.#tendSchedules()]) {
      await part().catch((error: unknown) => {
        logger.warn(
          { reason: error instanceof Error ? error.message : String(error) },
          'maintenance could not be done; it is tried again in a minute',
        );
      });
    }
  }

  /** Not by the schedule alone: a Temporal that is away must not leave records without a month. */
  async #rollOverOnce(): Promise<void> {
    if (this.#rolledOver) return;
    await this.#options.rollOver();
    this.#rolledOver = true;
  }

  async #tendSchedules(): Promise<void> {
    const { config, schedules, metrics, logger } = this.#options;
    this.#temporal ??= await connectTemporal(config.temporal);
    for (const wanted of schedules) {
      if (!this.#kept) {
        const outcome = await keepSchedule(this.#temporal.client, wanted);
        logger.info({ schedule: wanted.id, outcome }, 'schedule kept');
      }
      await observeSchedule(this.#temporal.client, wanted.id, metrics);
    }
    this.#kept = true;
  }
}
