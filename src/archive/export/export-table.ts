import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import type pg from 'pg';

import { partitionsOf } from '../../database/months/month-detach.ts';
import type { ArchivePoint } from '../archive-context.ts';
import type { ManifestPart } from '../manifest/manifest.ts';
import type { ArchivedTable } from '../parquet/archive-schema.ts';
import { archivedTable, partitionName } from '../parquet/archive-schema.ts';
import type { DuckDb } from '../parquet/duckdb.ts';
import { openDuckDb } from '../parquet/duckdb.ts';
import { timeRangeOf, writeParquet } from '../parquet/parquet-part.ts';
import type { TextPart } from '../parquet/table-rows.ts';
import { digestTable, readTableParts } from '../parquet/table-rows.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { hashFile } from '../store/object-store.ts';

interface ExportOptions {
  readonly client: pg.ClientBase;
  readonly store: ObjectStore;
  readonly folder: string;
  readonly month: string;
  readonly partRows: number;
  /** Whether a legal hold is on the month. */
  readonly held: boolean;
  /** Reached a point where a crash has its own consequences. */
  readonly reached: (point: ArchivePoint) => Promise<void>;
}

/** Digits of the hash in a name. The whole hash is in the manifest. */
const NAME_LENGTH = 16;

/**
 * Copies one month of one table into the store, part by part, as of one moment. A part is named after its content: the
 * same rows exported again find it there, and other rows never meet it.
 */
export async function exportTable(table: ArchivedTable, options: ExportOptions): Promise<ManifestPart[]> {
  const { client, folder, month, partRows } = options;
  const file = (kind: string, index: number): string => join(folder, `${table.table}-${index}.${kind}`);
  const files = (index: number) => ({ csv: file('csv', index), rowHashes: file('rows', index) });
  const parts: ManifestPart[] = [];
  // With the first part: of most months some tables have no rows.
  let engine: DuckDb | undefined;
  // One snapshot for all parts, so that they fit together.
  await client.query('begin isolation level repeatable read read only');
  const relation = partitionName(table.table, month);
  // Three parts at most are under way: PostgreSQL delivers one, the engine writes one, the store takes one.
  let writing: Promise<unknown> = Promise.resolve();
  let [storingBefore, storing] = [Promise.resolve(), Promise.resolve()];
  try {
    for await (const text of readTableParts(client, table, relation, { partRows, files })) {
      await writing;
      await storingBefore;
      await options.reached('copied');
      engine ??= await openDuckDb({ folder });
      const written = writePart(table, text, { ...options, duckdb: engine });
      const before = storing;
      const store = async (): Promise<void> => {
        const part = await written;
        await before;
        parts.push(await storePart(table, part, options));
      };
      [writing, storingBefore, storing] = [written, before, store()];
      // Seen where it is awaited, at the latest below.
      storing.catch(() => undefined);
    }
  } finally {
    // Also when one fails: none may go on in a folder that is gone.
    await Promise.allSettled([writing, storingBefore, storing]);
    engine?.close();
  }
  await storing;
  await client.query('commit');
  return parts;
}

interface WrittenPart {
  readonly text: TextPart;
  /** Path of the file. */
  readonly parquet: string;
  readonly range: NonNullable<Awaited<ReturnType<typeof timeRangeOf>>>;
}

async function writePart(
  table: ArchivedTable,
  text: TextPart,
  { duckdb, month, reached }: ExportOptions & { readonly duckdb: DuckDb },
): Promise<WrittenPart> {
  const parquet = text.csv.replace(/csv$/, 'parquet');
  await writeParquet(duckdb, table, { csv: text.csv, parquet }, { ...text, month });
  await reached('written');
  const range = await timeRangeOf(duckdb, parquet);
  if (range === undefined) throw new Error(`a part of ${table.table} of ${month} has no rows`);
  return { text, parquet, range };
}

/**
 * The hashes of the rows go first, then the part itself. Its files in the work folder go when both are
 * stored.
 */
async function storePart(
  { table }: ArchivedTable,
  { text, parquet, range }: WrittenPart,
  { store, month, reached, held }: ExportOptions,
): Promise<ManifestPart> {
  const file = await hashFile(parquet);
  const hashes = await hashFile(text.rowHashes);
  const path = `table=${table}/month=${month.slice(0, 7)}/part-${file.sha256.slice(0, NAME_LENGTH)}`;
  const rowHashes = { key: `row-hashes/${path}.rows`, sha256: hashes.sha256 };
  const key = `${path}.parquet`;
  await store.put(rowHashes.key, { source: text.rowHashes, sha256: hashes.sha256, held });
  await store.put(key, { source: parquet, sha256: file.sha256, held });
  await reached('uploaded');
  for (const file of [parquet, text.csv, text.rowHashes]) await rm(file, { force: true });
  const { rows, digest } = text;
  return { table, key, ...file, rows, digest, rowHashes, ...range };
}

interface ComparedMonth {
  readonly month: string;
  readonly parts: readonly ManifestPart[];
  readonly partRows: number;
}

/** Whether the tables of a month hold the rows of these parts, part by part, and no others. */
export async function equalsParts(
  client: pg.ClientBase,
  { month, parts, partRows }: ComparedMonth,
): Promise<boolean> {
  for (const { table, relation } of await partitionsOf(client, month)) {
    const archived = parts.filter((part) => part.table === table);
    const found = await digestTable(client, archivedTable(table), relation, {
      partRows,
      sizes: archived.map(({ rows }) => rows),
    });
    const same =
      found.length === archived.length &&
      found.every(({ rows, digest }, index) => {
        const part = archived[index];
        return part?.rows === rows && part.digest === digest;
      });
    if (!same) return false;
  }
  return true;
}
