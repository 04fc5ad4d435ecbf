/*
 * The room `archive/parquet`: rows of PostgreSQL as Parquet files, and back.
 *
 * In: a table of the database, as the text of its rows. Out: Parquet files, with the number and the digest of their rows.
 *
 * The text comes first: `copy-out.ts` takes rows from PostgreSQL as CSV, `table-rows.ts` divides them into parts, `row-hasher.ts`
 * computes their digest, `row-text.ts` turns text into Parquet and Parquet into the same text. `archive-schema.ts` says which columns a table has.
 *
 * What must stay true: the text of a row read from a part equals the text that PostgreSQL wrote, byte for byte. Exports,
 * verification and restores all compare this text.
 */

import { open, rm, stat } from 'node:fs/promises';

import { quoteLiteral } from '../../database/sql.ts';
import type { ArchiveType } from '../../domain/column-types/description.ts';
import { readInChunks } from '../store/object-store.ts';
import type { ArchivedTable } from './archive-schema.ts';
import type { DuckDb } from './duckdb.ts';
import { rowsOfText } from './row-batch.ts';
import type { RowsDigest } from './row-hasher.ts';
import { RowHasher } from './row-hasher.ts';
import { rowGroupRowsOf, writeParquetStatement, writeTextStatement } from './row-text.ts';

/** Version of the files' own form, in their footer and in the manifest. */
const ARCHIVE_FORMAT = 1;

interface PartDescription extends RowsDigest {
  readonly month: string;
}

/** Writes the text of rows to a Parquet file that says what it holds. */
export async function writeParquet(
  duckdb: DuckDb,
  table: ArchivedTable,
  files: { readonly csv: string; readonly parquet: string },
  { month, rows, digest }: PartDescription,
): Promise<void> {
  await rm(files.parquet, { force: true });
  const metadata = {
    'remediation-audit.format': String(ARCHIVE_FORMAT),
    'remediation-audit.table': table.table,
    'remediation-audit.month': month.slice(0, 7),
    'remediation-audit.rows': String(rows),
    'remediation-audit.rows-sha256': digest,
  };
  const { size: bytes } = await stat(files.csv);
  const rowGroupRows = rowGroupRowsOf({ rows, bytes });
  await duckdb.runLarge(writeParquetStatement(table, { ...files, metadata, rowGroupRows }));
  const file = await open(files.parquet, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads a Parquet file from its first to its last row; `onRows` is called with the hashes of several at a time. */
export async function digestParquet(
  duckdb: DuckDb,
  table: ArchivedTable,
  files: { readonly parquet: string; readonly csv: string },
  options: {
    readonly onRows?: (rowHashes: Buffer) => void;
    readonly rows?: { from: number; count: number };
  } = {},
): Promise<RowsDigest> {
  const { onRows, rows } = options;
  await rm(files.csv, { force: true });
  try {
    await duckdb.runLarge(writeTextStatement(table, { ...files, ...(rows === undefined ? {} : { rows }) }));
    return await digestText(files.csv, onRows);
  } finally {
    await rm(files.csv, { force: true });
  }
}

/** Counts and hashes the rows of a file of text. */
export async function digestText(csv: string, onRows?: (rowHashes: Buffer) => void): Promise<RowsDigest> {
  const hasher = new RowHasher(onRows);
  for await (const batch of rowsOfText(await readInChunks(csv))) hasher.update(batch);
  return hasher.finish();
}

/**
 * The table as it was when the file was written: what was hashed then are its columns, not those that a later schema
 * has.
 */
export async function tableOfFile(
  duckdb: DuckDb,
  table: ArchivedTable,
  parquet: string,
): Promise<ArchivedTable> {
  const described = await duckdb.rows(`
    select column_name as name, replace(column_type, 'TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ') as type
    from (describe select * from read_parquet(${quoteLiteral(parquet)}))`);
  const columns = described.map(({ name, type }) => ({ name: String(name), type: type as ArchiveType }));
  return { ...table, columns };
}

export interface RowGroup {
  readonly index: number;
  readonly firstRow: number;
  readonly rows: number;
}

/** The row groups of a file by its footer. */
export async function rowGroupsOf(duckdb: DuckDb, parquet: string): Promise<readonly RowGroup[]> {
  const groups = await duckdb.rows(`
    select distinct row_group_id::varchar as id, row_group_num_rows::varchar as rows
    from parquet_metadata(${quoteLiteral(parquet)})`);
  const sizes = groups
    .map(({ id, rows }) => ({ index: Number(id), rows: Number(rows) }))
    .sort((left, right) => left.index - right.index);
  let firstRow = 0;
  return sizes.map(({ index, rows }) => {
    const group = { index, firstRow, rows };
    firstRow += rows;
    return group;
  });
}

/** The earliest and the latest `created_at` of a file, from its statistics; undefined when it has no rows. */
export async function timeRangeOf(
  duckdb: DuckDb,
  parquet: string,
): Promise<{ readonly first: string; readonly last: string } | undefined> {
  const instant = (bound: string): string =>
    `strftime(make_timestamp(epoch_us(${bound}(created_at))), '%Y-%m-%dT%H:%M:%S.%fZ')`;
  const [range] = await duckdb.rows(`
    select ${instant('min')} as first, ${instant('max')} as last
    from read_parquet(${quoteLiteral(parquet)})`);
  const { first = null, last = null } = range ?? {};
  return first === null || last === null ? undefined : { first, last };
}
