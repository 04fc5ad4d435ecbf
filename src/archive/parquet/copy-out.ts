import type pg from 'pg';

import { LINE_FEED, type RowBatch } from './row-batch.ts';

/** Text at which a batch is handed on: some hundred rows, which the caches of a processor still hold when they are hashed. */
const BATCH_BYTES = 256 * 1024;

/**
 * The rows of a COPY ... TO STDOUT in CSV, batch by batch; a batch holds until the next one is asked for. PostgreSQL sends
 * each row in a message of its own, so nobody has to look for their ends, and it waits while nobody takes a batch: next to
 * nothing is in memory.
 *
 * Left early, the connection is in the middle of the COPY and of no use any more, which its owner knows.
 */
export async function* copyOut(client: pg.ClientBase, statement: string): AsyncGenerator<RowBatch> {
  const copy = new CopyOut(statement);
  client.query(copy);
  for (let batch = await copy.next(); batch !== undefined; batch = await copy.next()) yield batch;
}

/** Of the messages of the server what is looked at; pg gives them to whatever was submitted to it. */
class CopyOut implements pg.Submittable {
  readonly #statement: string;
  #stream: pg.Connection['stream'] | undefined;
  #filling = new Batch();
  readonly #full: Batch[] = [];
  /** The one that was handed on last: it is used again. */
  #lent: Batch | undefined;
  #spare: Batch | undefined;
  #rows = 0;
  #state: 'coming' | 'complete' | { readonly failed: Error } = 'coming';
  /** Of whoever waits for the next batch. */
  #wake: (() => void) | undefined;

  constructor(statement: string) {
    this.#statement = statement;
  }

  /** Undefined after the last one. */
  async next(): Promise<RowBatch | undefined> {
    this.#takeBack();
    while (this.#full.length === 0 && this.#state === 'coming') {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#stream?.resume();
      await woken;
    }
    if (typeof this.#state === 'object') throw this.#state.failed;
    this.#lent = this.#full.shift();
    return this.#lent;
  }

  submit(connection: pg.Connection): void {
    this.#stream = connection.stream;
    connection.query(this.#statement);
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    // After a failure the server may go on for a while.
    if (this.#state !== 'coming') return;
    if (chunk.at(-1) !== LINE_FEED) {
      this.handleError(new Error('PostgreSQL sent a part of a row, not all of it, in one message of COPY'));
      return;
    }
    this.#rows += 1;
    this.#filling.add(chunk);
    if (this.#filling.size >= BATCH_BYTES) this.#handOn();
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    // Said by the server itself: a proxy in between could have put messages together.
    if (text !== `COPY ${this.#rows}`)
      this.handleError(new Error(`${this.#rows} rows came, and PostgreSQL says: ${text}`));
  }

  handleReadyForQuery(): void {
    if (this.#state !== 'coming') return;
    if (this.#filling.size > 0) this.#handOn();
    this.#settle('complete');
  }

  /** Of the statement, or of the connection. */
  handleError(error: Error): void {
    this.#settle({ failed: error });
  }

  #handOn(): void {
    this.#full.push(this.#filling);
    this.#filling = this.#spare ?? new Batch();
    this.#spare = undefined;
    // The server waits, when what lies between it and us is full.
    this.#stream?.pause();
    this.#wake?.();
  }

  #takeBack(): void {
    const [back] = [this.#lent, (this.#lent = undefined)];
    if (back === undefined || back.isWide) return;
    back.clear();
    this.#spare = back;
  }

  #settle(state: 'complete' | { readonly failed: Error }): void {
    if (this.#state !== 'coming') return;
    this.#state = state;
    // The connection is used for something else now.
    this.#stream?.resume();
    this.#wake?.();
  }
}

/** Room for the row with which a batch is full, too. */
const ROOM_BYTES = 2 * BATCH_BYTES;

class Batch implements RowBatch {
  #memory: Buffer = Buffer.allocUnsafeSlow(ROOM_BYTES);
  #size = 0;
  readonly ends: number[] = [];

  get bytes(): Buffer {
    return this.#memory.subarray(0, this.#size);
  }

  get size(): number {
    return this.#size;
  }

  /** It had to grow for a wide row, which is seldom: not worth to be kept. */
  get isWide(): boolean {
    return this.#memory.length > ROOM_BYTES;
  }

  add(row: Buffer): void {
    const size = this.#size + row.length;
    if (size > this.#memory.length) this.#grow(size);
    row.copy(this.#memory, this.#size);
    this.#size = size;
    this.ends.push(size);
  }

  clear(): void {
    this.#size = 0;
    this.ends.length = 0;
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(larger);
    this.#memory = larger;
  }
}
