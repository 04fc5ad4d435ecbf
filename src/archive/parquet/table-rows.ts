import { type FileHandle, open } from 'node:fs/promises';

import type pg from 'pg';

import type { ArchivedTable } from './archive-schema.ts';
import { copyOut } from './copy-out.ts';
import type { RowBatch } from './row-batch.ts';
import { startOf } from './row-batch.ts';
import type { PartLimit, RowsDigest } from './row-hasher.ts';
import { ROW_HASH_BYTES, RowHasher } from './row-hasher.ts';
import { copyOutStatement } from './row-text.ts';

/** Rows at which a part ends; wide ones reach PART_BYTES before. */
export const PART_ROWS = 1_000_000;
/** Text at which a part ends: a file of some 12 MB. All of a part may be one row group, which must fit into the engine. */
const PART_BYTES = 128 * 1024 * 1024;

const limitOf = (partRows: number): PartLimit => ({ rows: partRows, bytes: PART_BYTES });

/** One part's rows as a file of text, with the hash of each row in another. */
export interface TextPart extends RowsDigest {
  readonly csv: string;
  readonly rowHashes: string;
}

interface TextPartFiles {
  readonly csv: string;
  readonly rowHashes: string;
}

interface TextPartOptions {
  readonly partRows: number;
  /** Where the part of that number, from 1, is written. */
  readonly files: (index: number) => TextPartFiles;
}

/**
 * Copies a relation out, in order, part by part. The server waits while a part is taken in: however large the month,
 * one part is on disk and next to nothing in memory. A relation without rows has no part.
 */
export async function* readTableParts(
  client: pg.ClientBase,
  table: ArchivedTable,
  relation: string,
  options: TextPartOptions,
): AsyncGenerator<TextPart> {
  const splitter = new PartSplitter(options);
  try {
    for await (const batch of copyOut(client, copyOutStatement(table, relation))) yield* splitter.take(batch);
    yield* splitter.end();
  } finally {
    await splitter.close();
  }
}

interface DigestOptions {
  readonly partRows: number;
  /** Where it is held against parts that were written with another limit: the rows of each. */
  readonly sizes?: readonly number[];
}

/** Digests of the parts a relation would have, without keeping them. */
export async function digestTable(
  client: pg.ClientBase,
  table: ArchivedTable,
  relation: string,
  { partRows, sizes = [] }: DigestOptions,
): Promise<readonly RowsDigest[]> {
  const hasher = new RowHasher();
  const parts: RowsDigest[] = [];
  for await (const batch of copyOut(client, copyOutStatement(table, relation))) {
    for (let row = 0; row < batch.ends.length;) {
      const size = sizes[parts.length];
      const limit = size === undefined ? limitOf(partRows) : { rows: size, bytes: Number.POSITIVE_INFINITY };
      row = hasher.update(batch, row, limit);
      if (hasher.isFull(limit)) parts.push(hasher.finish());
    }
  }
  if (hasher.rows > 0) parts.push(hasher.finish());
  return parts;
}

/** Rows in whatever order: their number, and the sum of what is stored of each one's hash. */
export interface RowSum {
  readonly rows: number;
  readonly sum: bigint;
}

export const NO_ROWS: RowSum = { rows: 0, sum: 0n };

/** Counts in the hashes of rows, one after the other. */
export function addRowHashes({ rows, sum }: RowSum, hashes: Buffer): RowSum {
  let total = sum;
  for (let at = 0; at < hashes.length; at += ROW_HASH_BYTES) total += hashes.readBigUInt64BE(at);
  return { rows: rows + hashes.length / ROW_HASH_BYTES, sum: BigInt.asUintN(ROW_HASH_BYTES * 8, total) };
}

/** Reads all of a relation. */
export async function sumTable(
  client: pg.ClientBase,
  table: ArchivedTable,
  relation: string,
): Promise<RowSum> {
  let found = NO_ROWS;
  const hasher = new RowHasher((rowHashes) => {
    found = addRowHashes(found, rowHashes);
  });
  for await (const batch of copyOut(client, copyOutStatement(table, relation))) hasher.update(batch);
  return found;
}

class PartSplitter {
  readonly #options: TextPartOptions;
  readonly #limit: PartLimit;
  #writer: PartWriter | undefined;
  #index = 0;

  constructor(options: TextPartOptions) {
    this.#options = options;
    this.#limit = limitOf(options.partRows);
  }

  /** Writes the rows away and gives the parts that they completed. */
  async *take(batch: RowBatch): AsyncGenerator<TextPart> {
    for (let row = 0; row < batch.ends.length;) {
      this.#writer ??= await PartWriter.open(this.#options.files((this.#index += 1)));
      row = await this.#writer.write(batch, row, this.#limit);
      if (this.#writer.isFull(this.#limit)) yield* this.end();
    }
  }

  async *end(): AsyncGenerator<TextPart> {
    const ended = this.#writer;
    this.#writer = undefined;
    if (ended !== undefined) yield await ended.end();
  }

  /** Of a part that was broken off. */
  async close(): Promise<void> {
    await this.#writer?.close();
  }
}

class PartWriter {
  readonly #files: TextPartFiles;
  readonly #csv: FileHandle;
  readonly #rowHashes: FileHandle;
  readonly #hasher: RowHasher;
  /** Hashes that are not in their file yet. */
  #pending: Buffer[] = [];

  private constructor(files: TextPartFiles, csv: FileHandle, rowHashes: FileHandle) {
    this.#files = files;
    this.#csv = csv;
    this.#rowHashes = rowHashes;
    this.#hasher = new RowHasher((hashes) => this.#pending.push(hashes));
  }

  static async open(files: TextPartFiles): Promise<PartWriter> {
    const csv = await open(files.csv, 'w');
    try {
      return new PartWriter(files, csv, await open(files.rowHashes, 'w'));
    } catch (error: unknown) {
      await csv.close();
      throw error;
    }
  }

  /** Takes rows from that one on. Returns the first one that belongs to the next part. */
  async write(batch: RowBatch, from: number, limit: PartLimit): Promise<number> {
    const to = this.#hasher.update(batch, from, limit);
    await this.#csv.writeFile(batch.bytes.subarray(startOf(batch, from), startOf(batch, to)));
    for (const hashes of this.#pending) await this.#rowHashes.writeFile(hashes);
    this.#pending = [];
    return to;
  }

  isFull(limit: PartLimit): boolean {
    return this.#hasher.isFull(limit);
  }

  async end(): Promise<TextPart> {
    await this.close();
    return { ...this.#files, ...this.#hasher.finish() };
  }

  async close(): Promise<void> {
    await Promise.all([this.#csv.close(), this.#rowHashes.close()]);
  }
}
