import { readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { reasonOf } from '../../domain/errors.ts';
import type { ArchivedTable } from '../parquet/archive-schema.ts';
import { archivedTable } from '../parquet/archive-schema.ts';
import type { Workspace } from '../parquet/duckdb.ts';
import type { RowGroup } from '../parquet/parquet-part.ts';
import { digestParquet, digestText, rowGroupsOf, tableOfFile } from '../parquet/parquet-part.ts';
import { ROW_HASH_BYTES } from '../parquet/row-hasher.ts';
import { writeTextStatement } from '../parquet/row-text.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { hashFile, ObjectMissingError } from '../store/object-store.ts';
import type { ManifestPart } from './manifest.ts';

/** What is wrong with an object of the store, as exactly as it is known. */
export interface ArchiveFault {
  readonly key: string;
  readonly reason: string;
  /** Counted from 0, like the row within the file. */
  readonly rowGroup?: number;
  readonly row?: number;
}

/** The rows of a part that is as it was written. */
interface VerifiedRows {
  /** File of their text. */
  readonly csv: string;
  /** The table with the columns it had when they were written. */
  readonly table: ArchivedTable;
  /** The hash of each row, one after the other. */
  readonly rowHashes: Buffer;
}

/**
 * Downloads a part and holds it against what the manifest says: size and hash of the file, number and hash of the rows,
 * each row. Undefined when all of it is as it was written; only then are the rows passed to `use`, and they are the very
 * bytes that were hashed.
 */
export async function verifyPart(
  store: ObjectStore,
  part: ManifestPart,
  { folder, duckdb }: Workspace,
  use?: (rows: VerifiedRows) => Promise<void>,
): Promise<ArchiveFault | undefined> {
  // A name of its own: DuckDB remembers what it read of a path, and would take the part before for this one.
  const file = { ...part, path: join(folder, `verify-${basename(part.key)}`) };
  const hashes = { ...part.rowHashes, path: `${file.path}.rows` };
  const csv = `${file.path}.csv`;
  try {
    const missing = (await fetch(store, file)) ?? (await fetch(store, hashes));
    if (missing !== undefined) return missing;
    const fileFault = await compareFile(file);
    const hashesFault = await compareFile(hashes);
    // Without the hashes of its rows a wrong file is just that.
    if (hashesFault !== undefined) return fileFault ?? hashesFault;
    const rowHashes = await readFile(hashes.path);
    const files = { parquet: file.path, csv };
    const inspection: Inspection = {
      ...{ duckdb, table: archivedTable(part.table), files },
      rows: new RowComparison(rowHashes),
    };
    const fault = fileFault ?? (await compareRows(part, inspection));
    if (fault !== undefined) return (await locate(part.key, inspection)) ?? fault;
    await use?.({ csv, table: await tableOfFile(duckdb, inspection.table, file.path), rowHashes });
    return undefined;
  } finally {
    for (const path of [file.path, hashes.path, csv]) await rm(path, { force: true });
  }
}

const AT_ONCE = 2;

/** Verifies each of the parts, two at a time; the faults come in their order. */
export async function verifyParts(
  parts: readonly ManifestPart[],
  { store, workspace, onPart }: VerifyPartsOptions,
): Promise<readonly ArchiveFault[]> {
  const faults: (ArchiveFault | undefined)[] = [];
  const coming = parts.entries();
  const work = async (): Promise<void> => {
    // On a connection of its own: the engine runs one statement of a connection after the other.
    await using duckdb = await workspace.duckdb.connect();
    for (const [index, part] of coming) {
      onPart?.(part.key);
      faults[index] = await verifyPart(store, part, { folder: workspace.folder, duckdb });
    }
  };
  // All of them, also when one fails: none may go on in a folder that is gone.
  const outcomes = await Promise.allSettled(Array.from({ length: AT_ONCE }, work));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  return faults.filter((fault) => fault !== undefined);
}

interface VerifyPartsOptions {
  readonly store: ObjectStore;
  readonly workspace: Workspace;
  /** Called with the key of each part before it is read. */
  readonly onPart?: (key: string) => void;
}

/** Leaves the rows as text. */
async function compareRows(
  part: ManifestPart,
  { duckdb, table, files, rows }: Inspection,
): Promise<ArchiveFault | undefined> {
  const columns = await tableOfFile(duckdb, table, files.parquet);
  await rm(files.csv, { force: true });
  await duckdb.runLarge(writeTextStatement(columns, files));
  // The same text has as many rows, and each of them is the one that was written.
  if ((await hashFile(files.csv)).sha256 === part.digest) return undefined;
  const found = await digestText(files.csv, rows.take);
  const written = `written were ${part.rows} of ${part.digest}`;
  return { key: part.key, reason: `holds ${found.rows} rows of SHA-256 ${found.digest}, ${written}` };
}

/** An object and the file it is downloaded to, with what the manifest says of it. */
interface Fetched {
  readonly key: string;
  readonly path: string;
  readonly sha256: string;
  readonly sizeBytes?: number;
}

async function fetch(store: ObjectStore, { key, path }: Fetched): Promise<ArchiveFault | undefined> {
  try {
    await rm(path, { force: true });
    await store.download(key, path);
    return undefined;
  } catch (error: unknown) {
    if (error instanceof ObjectMissingError) return { key, reason: 'is missing' };
    throw error;
  }
}

/** By size, where it is known, and by hash. Undefined when it is the file that was written. */
async function compareFile({ key, path, sha256, sizeBytes }: Fetched): Promise<ArchiveFault | undefined> {
  const found = await hashFile(path);
  if (sizeBytes !== undefined && found.sizeBytes !== sizeBytes)
    return { key, reason: `has ${found.sizeBytes} bytes, written were ${sizeBytes}` };
  if (found.sha256 === sha256) return undefined;
  return { key, reason: `has SHA-256 ${found.sha256}, written was ${sha256}` };
}

/** Walks along the hashes that were written. */
class RowComparison {
  readonly #written: Buffer;
  #row = 0;
  #firstWrong: number | undefined;

  constructor(written: Buffer) {
    this.#written = written;
  }

  get firstWrong(): number | undefined {
    return this.#firstWrong;
  }

  /** To begin again at that row, as if no wrong one had been found. */
  rewind(row = 0): void {
    this.#row = row;
    this.#firstWrong = undefined;
  }

  readonly take = (rowHashes: Buffer): void => {
    for (let at = 0; at < rowHashes.length; at += ROW_HASH_BYTES) {
      const written = this.#written.subarray(this.#row * ROW_HASH_BYTES, (this.#row + 1) * ROW_HASH_BYTES);
      if (!written.equals(rowHashes.subarray(at, at + ROW_HASH_BYTES))) this.#firstWrong ??= this.#row;
      this.#row += 1;
    }
  };
}

/**
 * One part under inspection: the engine, the table as this release knows it, its files, and the hashes of its
 * rows.
 */
interface Inspection {
  readonly duckdb: Workspace['duckdb'];
  readonly table: ArchivedTable;
  readonly files: { readonly parquet: string; readonly csv: string };
  readonly rows: RowComparison;
}

/** The first row group, and in it the first row, that is not what was written. */
async function locate(key: string, inspection: Inspection): Promise<ArchiveFault | undefined> {
  let groups: readonly RowGroup[];
  try {
    groups = await rowGroupsOf(inspection.duckdb, inspection.files.parquet);
  } catch (error: unknown) {
    return { key, reason: `its footer cannot be read: ${firstLine(error)}` };
  }
  for (const group of groups) {
    const fault = await inspectGroup(key, group, inspection);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/**
 * Undefined when all of its rows are as they were written. A group that cannot be read names all its rows.
 */
async function inspectGroup(
  key: string,
  { index, firstRow, rows }: RowGroup,
  { duckdb, table, files, rows: comparison }: Inspection,
): Promise<ArchiveFault | undefined> {
  comparison.rewind(firstRow);
  try {
    const range = { from: firstRow, count: rows };
    const written = await tableOfFile(duckdb, table, files.parquet);
    await digestParquet(duckdb, written, files, { rows: range, onRows: comparison.take });
  } catch (error: unknown) {
    const last = firstRow + rows - 1;
    return {
      key,
      rowGroup: index,
      reason: `rows ${firstRow} to ${last} cannot be read: ${firstLine(error)}`,
    };
  }
  const row = comparison.firstWrong;
  return row === undefined
    ? undefined
    : { key, rowGroup: index, row, reason: 'is not the row that was written' };
}

function firstLine(error: unknown): string {
  return reasonOf(error).split('\n', 1)[0] ?? '';
}

/** `part.parquet, row group 2, row 217000: is not the row that was written`. */
export function describeFault({ key, rowGroup, row, reason }: ArchiveFault): string {
  const place = [
    key,
    ...(rowGroup === undefined ? [] : [`row group ${rowGroup}`]),
    ...(row === undefined ? [] : [`row ${row}`]),
  ];
  return `${place.join(', ')}: ${reason}`;
}
