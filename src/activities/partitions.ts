import type pg from 'pg';

import { monthsAhead, rollOver } from '../database/months/partitions.ts';
import { TableLockedError } from '../database/months/table-locks.ts';
import { instantOf } from '../domain/instant.ts';
import { SECOND_MS } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { PartitionActivities } from './types.ts';

export interface PartitionDependencies {
  readonly pool: pg.Pool;
  /** Months that must be there after this one. */
  readonly monthsAhead: number;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
  /** The clock that says which month this is. Default Date.now. */
  readonly nowMs?: () => number;
}

export function createPartitionActivities(dependencies: PartitionDependencies): PartitionActivities {
  return { rollPartitionsOver: () => rollPartitionsOver(dependencies) };
}

/**
 * Rolls over at the first call, and later whenever too few months are ready: an outage of Temporal must not leave
 * records without a month. Whoever made them, the metric says what is there.
 */
export function createMonthReconciler(dependencies: PartitionDependencies): () => Promise<void> {
  const { pool, monthsAhead: wanted, metrics, nowMs = Date.now } = dependencies;
  let rolledOver = false;
  return async () => {
    const ahead = await monthsAhead(pool, instantOf(nowMs()));
    metrics.partitionsAhead.set(ahead);
    if (rolledOver && ahead >= wanted) return;
    await rollPartitionsOver(dependencies);
    rolledOver = true;
  };
}

async function rollPartitionsOver({
  pool,
  monthsAhead: wanted,
  metrics,
  logger,
  nowMs = Date.now,
}: PartitionDependencies): Promise<number> {
  const now = instantOf(nowMs());
  try {
    const { ahead } = await rollOver(pool, now, wanted);
    metrics.partitionsAhead.set(ahead);
    metrics.lastRollover.set(nowMs() / SECOND_MS);
    return ahead;
  } catch (error: unknown) {
    if (error instanceof TableLockedError) {
      metrics.blockedRollovers.inc();
      logger.warn({ holders: error.holders }, error.message);
      metrics.partitionsAhead.set(await monthsAhead(pool, now));
    }
    throw error;
  }
}
