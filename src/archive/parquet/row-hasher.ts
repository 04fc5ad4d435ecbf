import { createHash, type Hash, hash } from 'node:crypto';

import type { RowBatch } from './row-batch.ts';
import { startOf } from './row-batch.ts';

/** What so many rows amount to. */
export interface RowsDigest {
  readonly rows: number;
  /** SHA-256 of their text, hexadecimal. */
  readonly digest: string;
}

/** Where a part ends: after the row with which it reaches either. */
export interface PartLimit {
  readonly rows: number;
  /** Of text. */
  readonly bytes: number;
}

const UNLIMITED: PartLimit = { rows: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/**
 * Bytes stored of each row's SHA-256. They only show which row differs: that none does is shown by the digest, which is
 * stored in full.
 */
export const ROW_HASH_BYTES = 8;

/** Counts rows, hashes each of them and all of them. */
export class RowHasher {
  #digest: Hash = createHash('sha256');
  #rows = 0;
  #bytes = 0;
  readonly #onRows: ((rowHashes: Buffer) => void) | undefined;

  /** `onRows` gets what is stored of the hash of each row, of several rows at a time. Without it rows are not hashed one by one. */
  constructor(onRows?: (rowHashes: Buffer) => void) {
    this.#onRows = onRows;
  }

  get rows(): number {
    return this.#rows;
  }

  isFull({ rows, bytes }: PartLimit): boolean {
    return this.#rows >= rows || this.#bytes >= bytes;
  }

  /**
   * Takes rows from that index on, until the batch ends or the limit is reached. Returns the index of the first row it did
   * not take, which is to be passed again.
   */
  update(batch: RowBatch, from = 0, limit = UNLIMITED): number {
    const start = startOf(batch, from);
    const to = this.#reach(batch, from, limit);
    const taken = batch.bytes.subarray(start, startOf(batch, to));
    this.#digest.update(taken);
    this.#onRows?.(hashRows(batch, from, to));
    this.#rows += to - from;
    this.#bytes += taken.length;
    return to;
  }

  /** Ends the count and begins a new one. */
  finish(): RowsDigest {
    const finished = { rows: this.#rows, digest: this.#digest.digest('hex') };
    this.#digest = createHash('sha256');
    this.#rows = 0;
    this.#bytes = 0;
    return finished;
  }

  /** The first row is taken whatever the limit is. */
  #reach(batch: RowBatch, from: number, limit: PartLimit): number {
    const most = Math.min(batch.ends.length, from + limit.rows - this.#rows);
    const room = startOf(batch, from) + limit.bytes - this.#bytes;
    if (startOf(batch, most) < room) return most;
    const reached = batch.ends.findIndex((end, row) => row >= from && end >= room);
    return reached === -1 ? most : reached + 1;
  }
}

function hashRows({ bytes, ends }: RowBatch, from: number, to: number): Buffer {
  const hashes = Buffer.allocUnsafe((to - from) * ROW_HASH_BYTES);
  let start = from === 0 ? 0 : (ends[from - 1] ?? 0);
  for (let row = from; row < to; row += 1) {
    const end = ends[row] ?? start;
    // As a string of bytes: a buffer for each hash takes as long as the hash itself.
    const rowHash = hash('sha256', bytes.subarray(start, end), 'binary');
    hashes.write(rowHash, (row - from) * ROW_HASH_BYTES, ROW_HASH_BYTES, 'latin1');
    start = end;
  }
  return hashes;
}
