import { join } from 'node:path';

import { exportTable } from '../src/archive/export/export-table.ts';
import { verifyParts } from '../src/archive/manifest/verify-part.ts';
import { archivedTable } from '../src/archive/parquet/archive-schema.ts';
import { withWorkspace } from '../src/archive/parquet/duckdb.ts';
import { PART_ROWS } from '../src/archive/parquet/table-rows.ts';
import { createFolderStore } from '../src/archive/store/folder-store.ts';
import { compareMonth } from '../src/database/comparison/compare-month.ts';
import { withMaintenanceClient } from '../src/database/maintenance.ts';
import { createPool } from '../src/database/pool.ts';
import { createRecordStore } from '../src/database/recording/record-store.ts';
import { LEDGER_TABLE } from '../src/domain/records/service-tables.ts';
import { createLogger } from '../src/observability/logger.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, ratePerSecond } from './harness.ts';
import { withScratchDatabase } from './scratch-database.ts';
import { newObservations } from './store-rows.ts';

const BENCH = 'comparison';
const MONTH = '2026-03-01';
const CREATED_AT = '2026-03-15T12:00:00.000000Z';
const TABLES = ['workflow_execution_audit', LEDGER_TABLE];
const ROUNDS = 3;
/** Observations of one transaction while the month is filled. */
const BATCH = 500;
/** Every so many records has a second observation: the fold is part of the work. */
const TWICE = 2;

export const comparisonBench: Bench = {
  name: BENCH,
  question: 'How fast are rows compared with their ledger, against the export of the same month?',
  rowsAre: 'records in the month',
  defaultRows: 50_000,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withScratchDatabase(BENCH, report, async ({ ownerUrl, folder }) => {
    await load(ownerUrl, rows);
    report('the month is loaded');
    let round = 0;
    const figure = await compare({
      ...{ bench: BENCH, metric: 'rows compared with their ledger', unit: 'records/s' },
      figure: () => ratePerSecond(rows, () => compareOnce(ownerUrl, rows)),
      ceiling: () => ratePerSecond(rows, () => exportOnce(ownerUrl, `${folder}-${(round += 1)}`)),
      rounds: rows < 10_000 ? 1 : ROUNDS,
    });
    return [figure];
  });
}

async function load(ownerUrl: string, rows: number): Promise<void> {
  const pool = createPool({
    connectionString: ownerUrl,
    applicationName: BENCH,
    max: 1,
    statementTimeoutMs: 60_000,
    logger: createLogger('error', BENCH),
  });
  try {
    const store = createRecordStore(pool);
    for (let done = 0; done < rows; done += BATCH) {
      const batch = newObservations(Math.min(BATCH, rows - done)).map((observation) => ({
        ...observation,
        ...{ createdAt: CREATED_AT, observedAt: CREATED_AT },
      }));
      await store.record(batch);
      const later = batch.filter((_, index) => index % TWICE === 0);
      await store.record(later.map((observation) => ({ ...observation, sourceVersion: '4712' })));
    }
    await pool.query('vacuum analyze');
  } finally {
    await pool.end();
  }
}

async function compareOnce(ownerUrl: string, rows: number): Promise<void> {
  await withMaintenanceClient({ connectionString: ownerUrl, lockTimeoutMs: 5_000 }, async (client) => {
    const { records, differences } = await compareMonth(client, MONTH, () => undefined);
    if (records !== rows || differences !== 0) throw new Error(`${records} records, ${differences} differ`);
  });
}

/** Rows and ledger, from the tables to parts that were read back. */
async function exportOnce(ownerUrl: string, folder: string): Promise<void> {
  const store = createFolderStore(join(folder, 'archive'));
  await withWorkspace(folder, async (workspace) => {
    for (const table of TABLES) {
      const parts = await withMaintenanceClient(
        { connectionString: ownerUrl, lockTimeoutMs: 5_000 },
        (client) =>
          exportTable(archivedTable(table), {
            ...{ client, store, folder: workspace.folder, month: MONTH, partRows: PART_ROWS, held: false },
            reached: () => Promise.resolve(),
          }),
      );
      const [fault] = await verifyParts(parts, { store, workspace });
      if (fault !== undefined) throw new Error(`the archive is wrong: ${fault.reason}`);
    }
  });
}
