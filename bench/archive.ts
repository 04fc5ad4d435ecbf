import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { to as copyTo } from 'pg-copy-streams';

import { exportTable } from '../src/archive/export/export-table.ts';
import type { ManifestPart } from '../src/archive/manifest/manifest.ts';
import { verifyParts } from '../src/archive/manifest/verify-part.ts';
import { archivedTable, partitionName } from '../src/archive/parquet/archive-schema.ts';
import type { Workspace } from '../src/archive/parquet/duckdb.ts';
import { openDuckDb, withWorkFolder, withWorkspace } from '../src/archive/parquet/duckdb.ts';
import { copyOutStatement, writeParquetStatement } from '../src/archive/parquet/row-text.ts';
import { PART_ROWS } from '../src/archive/parquet/table-rows.ts';
import { createPartCache } from '../src/archive/reader/part-cache.ts';
import { createFolderStore } from '../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../src/archive/store/object-store.ts';
import { hashFile } from '../src/archive/store/object-store.ts';
import { withMaintenanceClient } from '../src/database/maintenance.ts';
import { createMonth } from '../src/database/months/partitions.ts';
import type { Filter } from '../src/database/reading/record-query.ts';
import type { Column } from '../src/domain/records/definition.ts';
import { workflowExecutionAudit } from '../src/domain/records/workflow-execution-audit.ts';
import { SECOND_MS } from '../src/domain/time.ts';
import { selectArchivedPage } from '../src/query/archive/archive-rows.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { elapsedMs, summarise } from './harness.ts';
import { ALL, type ProcessorTime, processorTimeOf } from './processor-time.ts';
import { withScratchDatabase } from './scratch-database.ts';

const BENCH = 'archive';
const MONTH = '2026-03-01';
const TABLE = archivedTable('workflow_execution_audit');
const ROUNDS = 3;
/** Near to what DuckDB takes by itself. */
const CEILING_GROUP_ROWS = 100_000;
const QUESTIONS = 5;
const BYTES_PER_MIB = 1_048_576;
const MICROSECONDS_PER_MS = 1_000;

export const archiveBench: Bench = {
  name: BENCH,
  question:
    'How fast is a month archived and read back, against DuckDB writing the same rows from a CSV file?',
  rowsAre: 'rows in the month',
  defaultRows: 1_000_000,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withScratchDatabase(BENCH, report, async ({ ownerUrl, folder }) => {
    const stage = { ownerUrl, rows, folder };
    await load(stage);
    report('the month is loaded');
    return measure(stage, report);
  });
}

interface Stage {
  readonly ownerUrl: string;
  readonly rows: number;
  readonly folder: string;
}

/** Rows of some 700 bytes, as an execution with its parameters is. */
async function load({ ownerUrl, rows }: Stage): Promise<void> {
  await withMaintenanceClient({ connectionString: ownerUrl, lockTimeoutMs: 5_000 }, async (client) => {
    await createMonth(client, MONTH);
    await client.query({
      text: `
        insert into workflow_execution_audit (id, remediation_id, remediation_uid, workflow_id, workflow_version,
          container_image, target_resource, parameters, total_duration, phase, outcome, started_at, completed_at,
          created_at, created_at_source, cluster, namespace, source_kind, source_uid, source_version, source_shape, revision)
        select gen_random_uuid(), 'rr-' || n, md5('remediation' || n), 'restart-' || n % 40, 'v1.' || n % 9,
          'registry.example/actions/restart@sha256:' || md5(n::text) || md5((n % 40)::text), 'payments/Deployment/api-' || n % 500,
          jsonb_build_object('TARGET', 'api-' || n % 500, 'REASON', repeat(md5((n % 1000)::text), 6), 'SCORE', random()),
          make_interval(secs => random() * 300), 'Completed', 'Success', t, t + interval '90 seconds',
          t, 'resource', 'bench', 'payments', 'WorkflowExecution', md5('uid' || n), n, 'G3', 1
        from generate_series(1, $1::integer) as n,
          lateral (select timestamptz '2026-03-01 00:00:00+00' + n * (interval '30 days' / $1::integer) as t) as times`,
      values: [rows],
    });
    await client.query('vacuum analyze workflow_execution_audit_2026_03');
  });
}

async function measure(stage: Stage, report: (line: string) => void): Promise<readonly Figure[]> {
  const memory: number[] = [];
  const archived: Spent[] = [];
  const verified: Spent[] = [];
  const ceilings: Spent[] = [];
  let parts: ManifestPart[] = [];
  let store: ObjectStore = createFolderStore(join(stage.folder, 'archive-0'));
  const rounds = stage.rows < 10_000 ? 1 : ROUNDS;
  for (let round = 0; round < rounds; round += 1) {
    store = createFolderStore(join(stage.folder, `archive-${round}`));
    const watched = watchMemory();
    archived.push(
      await spentOn(async () => {
        parts = await archiveMonth(stage, store);
      }),
    );
    verified.push(await spentOn(() => verifyMonth(stage, store, parts)));
    memory.push(watched.stop() / BYTES_PER_MIB);
    ceilings.push(await ceiling(stage));
    report(
      `round ${round + 1}: ${[archived, verified, ceilings].map((of) => of.at(-1)?.ms.toFixed(0)).join(', ')} ms`,
    );
  }
  const storedBytes = parts.reduce((bytes, { sizeBytes, rows }) => bytes + sizeBytes + rows * 8, 0);
  const of = (metric: string, unit: string) => ({ bench: BENCH, metric, unit });
  const rates = (...steps: Spent[][]): number[] =>
    ceilings.map((_, round) => (stage.rows * SECOND_MS) / sum(steps.map((step) => step[round]?.ms ?? 0)));
  const perRow = (steps: Spent[], of: (time: ProcessorTime) => number): number[] =>
    steps.map(({ time }) => (of(time) * MICROSECONDS_PER_MS) / stage.rows);
  return [
    summarise(
      of('exported, uploaded, read back and verified', 'rows/s'),
      rates(archived, verified),
      rates(ceilings),
    ),
    summarise(
      of('processor time per row, exporting, without PostgreSQL', 'µs'),
      perRow(archived, timeOfEngine),
    ),
    summarise(of('processor time per row, PostgreSQL', 'µs'), perRow(archived, timeOfPostgres)),
    summarise(of('processor time per row, reading back and verifying', 'µs'), perRow(verified, timeOfEngine)),
    summarise(of('processor time per row, the ceiling', 'µs'), perRow(ceilings, timeOfEngine)),
    summarise(of('growth of resident memory meanwhile', 'MiB'), memory),
    summarise(of('stored per row, with its hash', 'bytes'), [storedBytes / stage.rows]),
    ...(await measureQuestions(stage, store, parts)),
  ];
}

interface Spent {
  readonly ms: number;
  readonly time: ProcessorTime;
}

async function spentOn(work: () => Promise<unknown>): Promise<Spent> {
  let ms = 0;
  const time = await processorTimeOf(async () => {
    ms = await elapsedMs(work);
  });
  return { ms, time };
}

const POSTGRES = 'postgres';
const timeOfPostgres = (time: ProcessorTime): number => time.get(POSTGRES) ?? 0;
/** With DuckDB inside of it. */
const timeOfEngine = (time: ProcessorTime): number => (time.get(ALL) ?? 0) - timeOfPostgres(time);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function archiveMonth({ ownerUrl, folder }: Stage, store: ObjectStore): Promise<ManifestPart[]> {
  return withWorkFolder(folder, (work) =>
    withMaintenanceClient({ connectionString: ownerUrl, lockTimeoutMs: 5_000 }, (client) =>
      exportTable(TABLE, {
        client,
        store,
        folder: work,
        month: MONTH,
        partRows: PART_ROWS,
        held: false,
        reached: () => Promise.resolve(),
      }),
    ),
  );
}

/** After it a month's archive is known to be right. */
async function verifyMonth(
  { folder }: Stage,
  store: ObjectStore,
  parts: readonly ManifestPart[],
): Promise<void> {
  await withWorkspace(folder, async (workspace) => {
    const [fault] = await verifyParts(parts, { store, workspace });
    if (fault !== undefined) throw new Error(`the archive is wrong: ${fault.reason}`);
  });
}

/** DuckDB making Parquet of the same text, which lies on the disk already. */
async function ceiling({ ownerUrl, folder }: Stage): Promise<Spent> {
  return withWorkspace(folder, async (workspace: Workspace) => {
    const csv = join(workspace.folder, 'month.csv');
    await withMaintenanceClient({ connectionString: ownerUrl, lockTimeoutMs: 5_000 }, (client) =>
      pipeline(
        client.query(copyTo(copyOutStatement(TABLE, partitionName(TABLE.table, MONTH)))),
        createWriteStream(csv),
      ),
    );
    // Warm, as ours is when it comes to it.
    await hashFile(csv);
    const parquet = join(workspace.folder, 'month.parquet');
    // It may have what it likes: its row groups are six times as large as ours.
    await workspace.duckdb.run("set memory_limit = '2GB'");
    return spentOn(() =>
      workspace.duckdb.run(
        writeParquetStatement(TABLE, {
          csv,
          parquet,
          metadata: { bench: BENCH },
          rowGroupRows: CEILING_GROUP_ROWS,
        }),
      ),
    );
  });
}

async function measureQuestions(
  { folder, rows }: Stage,
  store: ObjectStore,
  parts: readonly ManifestPart[],
): Promise<Figure[]> {
  await using duckdb = await openDuckDb({ folder });
  const uid = createHash('md5')
    .update(`remediation${Math.ceil(rows / 2)}`)
    .digest('hex');
  const ask = async (name: string, equal: Record<string, string>): Promise<number> => {
    // An empty cache each time: the download is part of the answer.
    const cache = createPartCache({
      store,
      folder: join(folder, `cache-${name}`),
      maxBytes: Number.MAX_SAFE_INTEGER,
    });
    const into = join(folder, `cache-${name}`, 'question');
    await mkdir(into, { recursive: true });
    const elapsed = await elapsedMs(async () => {
      const paths = await Promise.all(parts.map((part) => cache.fetch(part, into)));
      const question = { filters: filtersOf(equal), order: 'newest' as const, limit: 1_000 };
      await selectArchivedPage({ duckdb, table: TABLE.table, paths }, question);
    });
    await rm(join(folder, `cache-${name}`), { recursive: true, force: true });
    return elapsed;
  };
  const point: number[] = [];
  const month: number[] = [];
  for (let round = 0; round < QUESTIONS; round += 1) {
    point.push(await ask(`point-${round}`, { remediation_uid: uid }));
    month.push(await ask(`month-${round}`, {}));
  }
  return [
    summarise({ bench: BENCH, metric: 'one remediation out of the archive', unit: 'ms' }, point),
    summarise({ bench: BENCH, metric: 'newest thousand rows of the month', unit: 'ms' }, month),
  ];
}

function filtersOf(equal: Readonly<Record<string, string>>): Filter[] {
  return workflowExecutionAudit.columns.flatMap((column: Column): Filter[] => {
    const value = equal[column.name];
    return value === undefined ? [] : [{ column, is: 'equal', value }];
  });
}

const MEMORY_PERIOD_MS = 50;

/** The most this process grew by, with DuckDB inside of it. */
function watchMemory(): { stop(): number } {
  const before = process.memoryUsage.rss();
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, MEMORY_PERIOD_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peak - before;
    },
  };
}
