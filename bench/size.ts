import { join } from 'node:path';

import type pg from 'pg';

import { branchesOf } from '../dev/simulator/stories.ts';
import { exportTable } from '../src/archive/export/export-table.ts';
import { ARCHIVED_TABLES } from '../src/archive/parquet/archive-schema.ts';
import { withWorkFolder } from '../src/archive/parquet/duckdb.ts';
import { ROW_HASH_BYTES } from '../src/archive/parquet/row-hasher.ts';
import { PART_ROWS } from '../src/archive/parquet/table-rows.ts';
import { createFolderStore } from '../src/archive/store/folder-store.ts';
import { withMaintenanceClient } from '../src/database/maintenance.ts';
import { createPool } from '../src/database/pool.ts';
import { createRecordStore } from '../src/database/recording/record-store.ts';
import { monthOf } from '../src/domain/instant.ts';
import type { Observation } from '../src/domain/observation.ts';
import { createLogger } from '../src/observability/logger.ts';
import { observationsOf } from '../test/support/simulated-states.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { summarise } from './harness.ts';
import { withScratchDatabase } from './scratch-database.ts';

const BENCH = 'size';
const GENERATION = 'G3';

export const sizeBench: Bench = {
  name: BENCH,
  question: 'How many bytes does a remediation take in PostgreSQL and in the archive?',
  rowsAre: 'remediations, of all stories of the simulator, equally often',
  defaultRows: 3_000,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withScratchDatabase(BENCH, report, async ({ ownerUrl, folder }) => {
    const pool = createPool({
      connectionString: ownerUrl,
      applicationName: BENCH,
      max: 1,
      statementTimeoutMs: 600_000,
      logger: createLogger('error', BENCH),
    });
    try {
      const empty = await sizesOf(pool);
      const said = await fill(pool, rows);
      report('the remediations are stored');
      await pool.query('vacuum analyze');
      const full = await sizesOf(pool);
      const archived = await archivedBytes(pool, ownerUrl, folder);
      return figuresOf(rows, said, { empty, full, archived });
    } finally {
      await pool.end();
    }
  });
}

interface Said {
  readonly observations: number;
  /** What they say, as JSON. */
  readonly bytes: number;
}

/** Each remediation with every state that its resources go through; a watcher that gathers leaves some of them out. */
async function fill(pool: pg.Pool, remediations: number): Promise<Said> {
  const store = createRecordStore(pool);
  const branches = branchesOf(GENERATION);
  let [observations, bytes] = [0, 0];
  for (let seed = 1; seed <= remediations; seed += 1) {
    const branch = branches[seed % branches.length];
    if (branch === undefined) throw new Error('the simulator has no stories');
    const said = observationsOf(branch, GENERATION, seed).observations;
    await store.record(said);
    observations += said.length;
    bytes += said.reduce((sum, observation) => sum + contentBytes(observation), 0);
  }
  return { observations, bytes };
}

function contentBytes({ columns }: Observation): number {
  return Buffer.byteLength(JSON.stringify(columns));
}

interface Sizes {
  readonly rows: number;
  readonly ledger: number;
  readonly indexes: number;
}

/** Of all tables, in bytes. What PostgreSQL needs for an empty month is taken off later. */
async function sizesOf(pool: pg.Pool): Promise<Sizes> {
  const { rows } = await pool.query<{ rows: string; ledger: string; indexes: string }>(`
    select coalesce(sum(pg_table_size(oid)) filter (where relname not like 'audit_ledger%'), 0) as rows,
      coalesce(sum(pg_table_size(oid)) filter (where relname like 'audit_ledger%'), 0) as ledger,
      coalesce(sum(pg_indexes_size(oid)), 0) as indexes
    from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`);
  const [size] = rows;
  if (size === undefined) throw new Error('PostgreSQL gave no sizes');
  return { rows: Number(size.rows), ledger: Number(size.ledger), indexes: Number(size.indexes) };
}

async function archivedBytes(pool: pg.Pool, ownerUrl: string, folder: string): Promise<number> {
  const { rows: records } = await pool.query<{ created_at: string }>(
    "select distinct date_trunc('month', created_at) as created_at from audit_ledger",
  );
  const store = createFolderStore(join(folder, 'archive'));
  let bytes = 0;
  await withWorkFolder(folder, async (work) => {
    for (const month of records.map(({ created_at: at }) => monthOf(at)))
      for (const table of ARCHIVED_TABLES) {
        const parts = await withMaintenanceClient(
          { connectionString: ownerUrl, lockTimeoutMs: 5_000 },
          (client) =>
            exportTable(table, {
              ...{ client, store, folder: work, month, partRows: PART_ROWS, held: false },
              reached: () => Promise.resolve(),
            }),
        );
        bytes += parts.reduce((sum, { sizeBytes, rows }) => sum + sizeBytes + rows * ROW_HASH_BYTES, 0);
      }
  });
  return bytes;
}

interface Measured {
  readonly empty: Sizes;
  readonly full: Sizes;
  readonly archived: number;
}

function figuresOf(remediations: number, said: Said, { empty, full, archived }: Measured): readonly Figure[] {
  const figure = (metric: string, unit: string, amount: number, ceiling?: number): Figure =>
    summarise(
      { bench: BENCH, metric, unit },
      [amount / remediations],
      ...(ceiling === undefined ? [] : [[ceiling / remediations]]),
    );
  const grown = (part: keyof Sizes): number => full[part] - empty[part];
  const whole = grown('rows') + grown('ledger') + grown('indexes');
  return [
    figure('observations', 'per remediation', said.observations),
    figure('PostgreSQL; ceiling: what they say as JSON', 'bytes per remediation', whole, said.bytes),
    figure('of it rows', 'bytes per remediation', grown('rows')),
    figure('of it ledger', 'bytes per remediation', grown('ledger')),
    figure('of it indexes', 'bytes per remediation', grown('indexes')),
    figure('archive', 'bytes per remediation', archived, said.bytes),
  ];
}
