import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ARCHIVED_TABLES, archivedTable, partitionName } from '../../src/archive/parquet/archive-schema.ts';
import type { DuckDb } from '../../src/archive/parquet/duckdb.ts';
import { openDuckDb, withWorkspace } from '../../src/archive/parquet/duckdb.ts';
import {
  digestParquet,
  rowGroupsOf,
  timeRangeOf,
  writeParquet,
} from '../../src/archive/parquet/parquet-part.ts';
import { ROW_HASH_BYTES } from '../../src/archive/parquet/row-hasher.ts';
import { copyInStatement, writeTextStatement } from '../../src/archive/parquet/row-text.ts';
import type { TextPart } from '../../src/archive/parquet/table-rows.ts';
import { digestTable, readTableParts } from '../../src/archive/parquet/table-rows.ts';
import { withMaintenanceClient } from '../../src/database/maintenance.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import { insertAwkwardRows } from '../support/archive-rows.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { sizeOf } from '../support/soak.ts';

const MONTH = '2026-03-01';
const ROWS = 60;
/** As wide as records get: more than the engine may use. */
const WIDE_ROWS = sizeOf('WIDE_ROWS', { usual: 1_700, soak: 5_500 });
const WIDE_BYTES = 100_000;
const MAX_PART_BYTES = 128 * 1024 * 1024;
const random = seededRandom(chooseSeed());

let folder: string;
let database: TestDatabase;
let duckdb: DuckDb;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parquet-test-'));
  database = await createTestDatabase();
  duckdb = await openDuckDb({ folder });
  await createMonth(database.owner, MONTH);
  for (const { table } of ARCHIVED_TABLES)
    await insertAwkwardRows(database.owner, table, { month: MONTH, rows: ROWS, random });
});
afterAll(async () => {
  duckdb.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

const files = (name: string, parent = folder) => ({
  csv: join(parent, `${name}.csv`),
  rowHashes: join(parent, `${name}.rows`),
  parquet: join(parent, `${name}.parquet`),
});

test('the engine reads and writes no file outside of its folder', async () => {
  const outside = `${folder}-outside`;
  await writeFile(outside, 'secret');
  try {
    for (const sql of [
      `select * from read_text('${outside}')`,
      `copy (select 1 as x) to '${outside}.parquet'`,
      `copy (select 1 as x) to '${folder}/../${basename(outside)}.parquet'`,
      `attach '${outside}.db'`,
      'set enable_external_access = true',
      `set allowed_directories = ['/']`,
    ])
      await expect(duckdb.run(sql), sql).rejects.toThrow(
        /disabled by configuration|while database is running|is disabled/,
      );
    // Not only the connection that it was opened with.
    const other = await duckdb.connect();
    await expect(other.run(`select * from read_text('${outside}')`)).rejects.toThrow(/disabled/);
    await other.run(`copy (select 1 as x) to '${join(folder, 'inside.parquet')}'`);
    other.close();
  } finally {
    await rm(outside);
  }
});

const asMaintenance = <T>(work: (client: pg.Client) => Promise<T>): Promise<T> =>
  withMaintenanceClient({ connectionString: database.url('audit_owner'), lockTimeoutMs: 500 }, work);

/** The month of a table as parts, each with its Parquet file. */
function exportParts(name: string, partRows: number): Promise<(TextPart & { parquet: string })[]> {
  const table = archivedTable(name);
  return asMaintenance(async (client) => {
    const parts: (TextPart & { parquet: string })[] = [];
    const options = { partRows, files: (index: number) => files(`${name}-${partRows}-${index}`) };
    for await (const part of readTableParts(client, table, partitionName(name, MONTH), options)) {
      const { parquet } = files(`${name}-${partRows}-${parts.length + 1}`);
      await writeParquet(duckdb, table, { csv: part.csv, parquet }, { ...part, month: MONTH });
      parts.push({ ...part, parquet });
    }
    return parts;
  });
}

test.each(ARCHIVED_TABLES)(
  'every value of $table comes back from its Parquet file to the last byte',
  async (table) => {
    const [part, ...others] = await exportParts(table.table, 1_000);
    if (part === undefined) throw new Error('no part');
    expect(others).toEqual([]);
    const rowHashes: Buffer[] = [];
    const found = await digestParquet(
      duckdb,
      table,
      { parquet: part.parquet, csv: `${part.csv}.back` },
      { onRows: (hashes) => rowHashes.push(hashes) },
    );
    expect(found).toEqual({ rows: ROWS, digest: part.digest });
    expect(Buffer.concat(rowHashes)).toEqual(await readFile(part.rowHashes));
    expect((await stat(part.rowHashes)).size).toBe(ROWS * ROW_HASH_BYTES);
  },
);

test.each(ARCHIVED_TABLES)(
  'rows of $table loaded from the archive equal the rows archived',
  async (table) => {
    const [part] = await exportParts(table.table, 1_000);
    if (part === undefined) throw new Error('no part');
    const copy = `copy_of_${table.table}`;
    const csv = `${part.csv}.load`;
    await duckdb.run(writeTextStatement(table, { parquet: part.parquet, csv }));
    const original = partitionName(table.table, MONTH);
    const differing = await asMaintenance(async (client) => {
      await client.query(`create table ${copy} (like ${original})`);
      await pipeline(createReadStream(csv), client.query(copyFrom(copyInStatement(table, copy))));
      // As text: jsonb and numeric take 1.0 and 1.00 for equal.
      const asText = (relation: string) => `select r::text from ${relation} as r`;
      const { rows } = await client.query<{ r: string }>(
        `(${asText(original)} except all ${asText(copy)}) union all (${asText(copy)} except all ${asText(original)})`,
      );
      return rows;
    });
    expect(differing).toEqual([]);
  },
);

test('parts end after the given number of rows and together hold the table', async () => {
  const table = archivedTable('workflow_execution_audit');
  const parts = await exportParts(table.table, 25);
  expect(parts.map(({ rows }) => rows)).toEqual([25, 25, 10]);
  const digests = await asMaintenance((client) =>
    digestTable(client, table, partitionName(table.table, MONTH), { partRows: 25 }),
  );
  expect(digests).toEqual(parts.map(({ rows, digest }) => ({ rows, digest })));
});

test('rows as wide as they get are written and read within the memory of the engine', async () => {
  const table = archivedTable('audit_ledger');
  const source = partitionName(table.table, MONTH);
  const rows = await withWorkspace(folder, (workspace) =>
    asMaintenance(async (client) => {
      const wide = (name: string): string =>
        ({
          canonical: `repeat('x', ${WIDE_BYTES}) as canonical`,
          record_id: 'gen_random_uuid() as record_id',
        })[name] ?? name;
      await client.query(`create table wide_ledger (like ${source})`);
      await client.query(`
      insert into wide_ledger
      select ${table.columns.map(({ name }) => wide(name)).join(', ')}
      from (select * from ${source} limit 1) as one, generate_series(1, ${WIDE_ROWS})`);
      const parts: TextPart[] = [];
      const options = { partRows: 10_000, files: () => files('wide', workspace.folder) };
      for await (const part of readTableParts(client, table, 'wide_ledger', options)) {
        const { csv, parquet } = files('wide', workspace.folder);
        await writeParquet(workspace.duckdb, table, { csv, parquet }, { ...part, month: MONTH });
        const found = await digestParquet(workspace.duckdb, table, { parquet, csv: `${csv}.back` });
        expect(found).toEqual({ rows: part.rows, digest: part.digest });
        parts.push(part);
      }
      expect(await digestTable(client, table, 'wide_ledger', { partRows: 10_000 })).toEqual(
        parts.map(({ rows: count, digest }) => ({ rows: count, digest })),
      );
      return parts.map(({ rows: count }) => count);
    }),
  );
  expect(rows.length).toBeGreaterThan((WIDE_ROWS * WIDE_BYTES) / MAX_PART_BYTES);
  expect(rows.reduce((sum, count) => sum + count)).toBe(WIDE_ROWS);
});

test('a table without rows has no part', async () => {
  await createMonth(database.owner, '2026-04-01');
  const table = archivedTable('remediation_audit');
  const digests = await asMaintenance((client) =>
    digestTable(client, table, partitionName(table.table, '2026-04-01'), { partRows: 25 }),
  );
  expect(digests).toEqual([]);
});

test('a file says what it holds, in order and with statistics', async () => {
  const [part] = await exportParts('audit_ledger', 1_000);
  if (part === undefined) throw new Error('no part');
  const metadata = await parquetMetadataAsync(await asyncBufferFromFile(part.parquet));
  const entries = Object.fromEntries(
    (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value]),
  );
  expect(entries).toMatchObject({
    'remediation-audit.table': 'audit_ledger',
    'remediation-audit.month': '2026-03',
    'remediation-audit.rows': String(ROWS),
    'remediation-audit.rows-sha256': part.digest,
  });
  const createdAt = metadata.row_groups[0]?.columns.find(
    ({ meta_data }) => meta_data?.path_in_schema[0] === 'created_at',
  )?.meta_data;
  expect(createdAt?.codec).toBe('ZSTD');
  expect(createdAt?.statistics?.min_value).toBeDefined();
  expect(await rowGroupsOf(duckdb, part.parquet)).toEqual([{ index: 0, firstRow: 0, rows: ROWS }]);
  const range = await timeRangeOf(duckdb, part.parquet);
  const { rows } = await database.owner.query<{ first: string }>(
    `select to_char(min(created_at), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as first from audit_ledger_2026_03`,
  );
  expect(range?.first).toBe(rows[0]?.first);
});

/** How PostgreSQL says a value in the form in which the other reader is asked for it. */
function askedAsText({ name, type }: { readonly name: string; readonly type: string }): string {
  if (type === 'TIMESTAMPTZ') return `(extract(epoch from ${name}) * 1000000)::bigint::text as ${name}`;
  return type === 'BLOB' ? `encode(${name}, 'hex') as ${name}` : `${name}::text as ${name}`;
}

function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return typeof value === 'string' ? value : (value as bigint | number | boolean).toString();
}

test.each(ARCHIVED_TABLES)(
  'a reader that shares no code with the writer finds every value of $table',
  async (table) => {
    const [part] = await exportParts(table.table, 1_000);
    if (part === undefined) throw new Error('no part');
    const found = await parquetReadObjects({
      file: await asyncBufferFromFile(part.parquet),
      compressors,
      utf8: false,
      // Dates would lose the microseconds: the integers as they are.
      parsers: { timestampFromMicroseconds: (microseconds: bigint) => microseconds },
    });
    const { rows } = await database.owner.query<Record<string, string | null>>(
      `select ${table.columns.map(askedAsText).join(', ')}
       from ${partitionName(table.table, MONTH)}
       order by ${table.order.map((name) => `${partitionName(table.table, MONTH)}.${name}`).join(', ')}`,
    );
    expect(
      found.map((row) => Object.fromEntries(table.columns.map(({ name }) => [name, asText(row[name])]))),
    ).toEqual(rows);
  },
);
