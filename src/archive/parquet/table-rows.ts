import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';

import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

import type { ArchivedTable } from './archive-schema.ts';
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
  const rows = client.query(copyTo(copyOutStatement(table, relation)));
  const splitter = new PartSplitter(options);
  try {
    for await (const chunk of rows as AsyncIterable<Buffer>) yield* splitter.take(chunk);
    yield* splitter.end();
  } finally {
    // Left early: the connection is in the middle of a COPY and of no use any more, which its owner knows.
    rows.destroy();
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
  const rows = client.query(copyTo(copyOutStatement(table, relation)));
  for await (const chunk of rows as AsyncIterable<Buffer>) {
    for (let rest = chunk; rest.length > 0;) {
      const size = sizes[parts.length];
      const limit = size === undefined ? limitOf(partRows) : { rows: size, bytes: Number.POSITIVE_INFINITY };
      rest = rest.subarray(hasher.update(rest, limit));
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
  const hasher = new RowHasher((rowHash) => {
    found = addRowHashes(found, rowHash);
  });
  const rows = client.query(copyTo(copyOutStatement(table, relation)));
  for await (const chunk of rows as AsyncIterable<Buffer>) hasher.update(chunk);
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

  /** Writes the chunk away and gives the parts that it completed. */
  async *take(chunk: Buffer): AsyncGenerator<TextPart> {
    for (let rest = chunk; rest.length > 0;) {
      this.#writer ??= new PartWriter(this.#options.files((this.#index += 1)));
      rest = await this.#writer.write(rest, this.#limit);
      if (this.#writer.isFull(this.#limit)) yield* this.end();
    }
  }

  async *end(): AsyncGenerator<TextPart> {
    const ended = this.#writer;
    this.#writer = undefined;
    if (ended !== undefined) yield await ended.end();
  }
}

const PENDING_BYTES = 8_192 * ROW_HASH_BYTES;

class PartWriter {
  readonly #files: TextPartFiles;
  readonly #csv: Writable;
  readonly #rowHashes: Writable;
  readonly #hasher: RowHasher;
  /** Hashes that are not written yet: a stream takes a microsecond for each write, however small. */
  #pending = Buffer.allocUnsafe(PENDING_BYTES);
  #pendingBytes = 0;

  constructor(files: TextPartFiles) {
    this.#files = files;
    this.#csv = createWriteStream(files.csv);
    this.#rowHashes = createWriteStream(files.rowHashes);
    for (const stream of [this.#csv, this.#rowHashes]) stream.on('error', ignoreHere);
    this.#hasher = new RowHasher((rowHash) => {
      rowHash.copy(this.#pending, this.#pendingBytes);
      this.#pendingBytes += ROW_HASH_BYTES;
      if (this.#pendingBytes === PENDING_BYTES) this.#writePending();
    });
  }

  /** Returns what belongs to the next part. */
  async write(chunk: Buffer, limit: PartLimit): Promise<Buffer> {
    const length = this.#hasher.update(chunk, limit);
    // Copied: a stream holds on to what it got, and the driver uses its buffer again.
    const room = this.#csv.write(Buffer.from(chunk.subarray(0, length)));
    if (!room) await drained(this.#csv);
    if (this.#rowHashes.writableNeedDrain) await drained(this.#rowHashes);
    return chunk.subarray(length);
  }

  isFull(limit: PartLimit): boolean {
    return this.#hasher.isFull(limit);
  }

  #writePending(): void {
    this.#rowHashes.write(this.#pending.subarray(0, this.#pendingBytes));
    // Another one: the stream holds on to what it got.
    this.#pending = Buffer.allocUnsafe(PENDING_BYTES);
    this.#pendingBytes = 0;
  }

  async end(): Promise<TextPart> {
    this.#writePending();
    for (const stream of [this.#csv, this.#rowHashes]) {
      stream.end();
      await finished(stream);
    }
    return { ...this.#files, ...this.#hasher.finish() };
  }
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      stream.off('drain', settle).off('error', fail);
      resolve();
    };
    const fail = (error: Error): void => {
      stream.off('drain', settle).off('error', fail);
      reject(error);
    };
    stream.once('drain', settle).once('error', fail);
    if (stream.errored !== null) fail(stream.errored);
  });
}

function ignoreHere(): void {
  // A full disk fails the next write, or `finished`; without a listener the event would end the process.
}
