import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { compareMonth } from '../database/comparison/compare-month.ts';
import type { Difference } from '../database/comparison/compared-month.ts';
import { describeDifference } from '../database/comparison/records-differ.ts';
import { selectMonths } from '../database/months/month-states.ts';
import type { PartitionState } from '../domain/records/service-tables.ts';
import { SECOND_MS } from '../domain/time.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';
import type { ComparedRecords, ComparisonActivities } from './types.ts';

interface ComparisonDependencies {
  /** A role that reads all tables of records, and time enough for statements over a month. */
  readonly pool: pg.Pool;
  readonly metrics: Pick<MaintenanceMetrics, 'recordDifferences'>;
  readonly logger: Logger;
  /** Ledger entries that are read in a second at most. */
  readonly entriesPerSecond?: number;
}

/** About half of what one core compares: a month of a million entries takes eleven minutes and leaves the database to others. */
const DEFAULT_ENTRIES_PER_SECOND = 1_500;

/** In these every row of a month that is not in the archive alone is where the comparison finds it. */
const ATTACHED: ReadonlySet<PartitionState> = new Set(['live', 'archiving', 'archived', 'restored']);

/** Named in the log; `remediation-audit verify` names all of them. */
const LOGGED_DIFFERENCES = 20;

export function createComparisonActivities(dependencies: ComparisonDependencies): ComparisonActivities {
  const { pool } = dependencies;
  return {
    planComparison: async () =>
      (await selectMonths(pool)).filter(({ state }) => ATTACHED.has(state)).map(({ month }) => month),
    compareRecords: (month) => compareRecords(dependencies, month),
  };
}

async function compareRecords(
  { pool, metrics, logger, entriesPerSecond = DEFAULT_ENTRIES_PER_SECOND }: ComparisonDependencies,
  month: string,
): Promise<ComparedRecords> {
  const named: Difference[] = [];
  const note = (difference: Difference): void => {
    if (named.length < LOGGED_DIFFERENCES) named.push(difference);
  };
  const client = await pool.connect();
  try {
    const compared = await compareMonth(client, month, note, createPace(entriesPerSecond));
    const { records, entries, differences } = compared;
    report({ metrics, logger }, { month: month.slice(0, 7), differences, named });
    return { records, entries, differences };
  } finally {
    client.release();
  }
}

/** Waits as long as more was read than the rate allows since the first read. */
function createPace(entriesPerSecond: number): (entries: number) => Promise<void> {
  const begunAt = performance.now();
  let read = 0;
  return async (entries) => {
    read += entries;
    const aheadMs = (read / entriesPerSecond) * SECOND_MS - (performance.now() - begunAt);
    if (aheadMs > 0) await delay(aheadMs);
  };
}

interface Found {
  /** `2026-03`. */
  readonly month: string;
  readonly differences: number;
  readonly named: readonly Difference[];
}

/** The sample of a month that was put right goes, and with it the alert. */
function report(
  { metrics, logger }: Pick<ComparisonDependencies, 'metrics' | 'logger'>,
  { month, differences, named }: Found,
): void {
  if (differences === 0) {
    metrics.recordDifferences.remove({ month });
    return;
  }
  metrics.recordDifferences.set({ month }, differences);
  logger.error(
    { month, differences, named: named.map(describeDifference) },
    'rows and ledger of a month differ: find out who changed them',
  );
}
