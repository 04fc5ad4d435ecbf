import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import type { ClientMetrics } from './client-metrics.ts';
import { createClientMetrics } from './client-metrics.ts';
import type { ClientOptions } from './client-options.ts';
import { isBatchSize, MAX_BATCH_RECORDS } from './client-options.ts';
import type { Delivery } from './deliver.ts';
import { deliver } from './deliver.ts';
import { NotDrainedError } from './errors.ts';
import { createMemoryQueue } from './memory-queue.ts';
import type { PendingQueue } from './pending-queue.ts';
import type { RecordByKind, RecordKind } from './records.ts';
import type { RedactRecord } from './redact-record.ts';
import { createRecordRedaction } from './redact-record.ts';
import { openSpool } from './spool-queue.ts';

export interface AuditClient {
  /**
   * Takes a record. Resolves once it can no longer be lost: with a spool when it is on disk, without one when the
   * service has it. Rejects with RecordRefusedError or QueueFullError (without a spool), or with SpoolFullError. Need not be awaited.
   */
  record<K extends RecordKind>(kind: K, record: RecordByKind[K]): Promise<void>;
  /** Records that the service does not have yet. */
  readonly pending: number;
  /** Sends what waits now, without waiting for a full batch. Resolves when the service has answered for all of it. */
  flush(): Promise<void>;
  /** Sends what waits, for at most `drainMs`. Rejects with NotDrainedError when something is left that no spool keeps. */
  close(): Promise<void>;
}

const BATCH_SIZE = 100;
const FLUSH_INTERVAL_MS = 30_000;
const TIMEOUT_MS = 10_000;
const MAX_PENDING = 10_000;
const DRAIN_MS = 5_000;
const BACKOFF_MS = 200;

/** Opens the spool, if one is wanted, and sends what an earlier process left in it. */
export async function createAuditClient(options: ClientOptions): Promise<AuditClient> {
  const { batchSize = BATCH_SIZE } = options;
  if (!isBatchSize(batchSize)) {
    throw new RangeError(`batchSize is ${batchSize}; it takes a number from 1 to ${MAX_BATCH_RECORDS}`);
  }
  const redact = await readRedaction(options.redactionFile);
  const metrics = await createClientMetrics(options.registry);
  const queue =
    options.spoolFolder === undefined
      ? createMemoryQueue(options.maxPending ?? MAX_PENDING)
      : await openSpool(options.spoolFolder, options.maxSpoolBytes);
  return new BatchingClient(options, { queue, metrics, redact });
}

async function readRedaction(file: string | undefined): Promise<RedactRecord> {
  if (file === undefined) return createRecordRedaction();
  try {
    return createRecordRedaction(await readFile(file, 'utf8'));
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot read redactionFile ${file}: ${reason}`, { cause: error });
  }
}

interface Parts {
  readonly queue: PendingQueue;
  readonly metrics: ClientMetrics;
  readonly redact: RedactRecord;
}

class BatchingClient implements AuditClient {
  readonly #options: ClientOptions;
  readonly #batchSize: number;
  readonly #queue: PendingQueue;
  readonly #metrics: ClientMetrics;
  readonly #redact: RedactRecord;
  readonly #closing = new AbortController();
  readonly #sending: Promise<void>;
  #wake = (): void => undefined;
  #flushes: (() => void)[] = [];
  #lastFailure = 'none of them was sent';

  constructor(options: ClientOptions, { queue, metrics, redact }: Parts) {
    this.#options = options;
    this.#batchSize = options.batchSize ?? BATCH_SIZE;
    this.#queue = queue;
    this.#metrics = metrics;
    this.#redact = redact;
    this.#metrics.observePending(() => queue.size);
    this.#sending = this.#sendUntilClosed();
  }

  get pending(): number {
    return this.#queue.size;
  }

  record<K extends RecordKind>(kind: K, record: RecordByKind[K]): Promise<void> {
    const kept = this.#keep(kind, record);
    // Nobody need wait for a record: an unheard rejection must not end the caller's process. Who waits still sees it.
    kept.catch(() => undefined);
    return kept;
  }

  async #keep(kind: RecordKind, record: object): Promise<void> {
    if (this.#options.enabled === false) return;
    if (this.#closing.signal.aborted) throw new Error(`cannot record a ${kind}: the client is closed`);
    const kept = this.#queue.add({ kind, json: this.#redact(kind, this.#encode(kind, record)) });
    this.#wake();
    await kept;
    this.#wake();
  }

  #encode(kind: RecordKind, record: object): string {
    const began = performance.now();
    try {
      return encodeRecord(record);
    } catch (error: unknown) {
      this.#metrics.failed([kind], 'marshal_error', (performance.now() - began) / 1_000);
      throw error;
    }
  }

  async flush(): Promise<void> {
    if (this.#queue.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#flushes.push(resolve);
      this.#wake();
    });
  }

  async close(): Promise<void> {
    const drainMs = this.#options.drainMs ?? DRAIN_MS;
    await Promise.race([this.flush(), delay(drainMs, undefined, { ref: false })]);
    this.#closing.abort();
    this.#wake();
    await this.#sending;
    const left = this.#queue.size;
    const error = new NotDrainedError(left, this.#lastFailure);
    await this.#queue.close(error);
    if (left > 0 && this.#options.spoolFolder === undefined) throw error;
  }

  async #sendUntilClosed(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      await this.#untilDue();
      const asked = this.#flushes.splice(0);
      await this.#send(this.#queue.size).catch((error: unknown) => this.#spoolFailed(error));
      for (const resolve of asked) resolve();
    }
  }

  /** A full batch, the interval after the first record that waits, or a flush. */
  async #untilDue(): Promise<void> {
    let due: number | undefined;
    while (
      !this.#closing.signal.aborted &&
      this.#flushes.length === 0 &&
      this.#queue.size < this.#batchSize
    ) {
      if (this.#queue.size > 0) due ??= Date.now() + (this.#options.flushIntervalMs ?? FLUSH_INTERVAL_MS);
      const leftMs = due === undefined ? undefined : due - Date.now();
      if (leftMs !== undefined && leftMs <= 0) return;
      await this.#sleep(leftMs);
    }
  }

  /** Until woken, or the time is over. Without a time nothing keeps the process alive. */
  #sleep(ms: number | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** At least so many, and no end while more keep coming would be no flush. */
  async #send(count: number): Promise<void> {
    for (let sent = 0; sent < count && !this.#closing.signal.aborted;) {
      const batch = await this.#queue.oldest(this.#batchSize);
      if (batch.length === 0) return;
      await deliver(this.#delivery, batch);
      sent += batch.length;
    }
  }

  /** A disk that cannot be read or written now: the records are still on it, and are tried again. */
  async #spoolFailed(error: unknown): Promise<void> {
    this.#lastFailure = error instanceof Error ? error.message : String(error);
    this.#options.onRetry?.(this.#lastFailure);
    const pauseMs = this.#options.backoffMs ?? BACKOFF_MS;
    await delay(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }

  get #delivery(): Delivery {
    const { url, token, timeoutMs = TIMEOUT_MS, backoffMs = BACKOFF_MS } = this.#options;
    return {
      service: { url: url.replace(/\/+$/, ''), timeoutMs, ...(token === undefined ? {} : { token }) },
      backoffMs,
      signal: this.#closing.signal,
      stored: async (records, seconds) => {
        await this.#queue.stored(records);
        this.#metrics.stored(records, seconds);
      },
      refused: async (record, error, seconds) => {
        await this.#queue.refused(record, error);
        this.#metrics.failed([record.kind], 'kubernetes_execution', seconds);
        this.#options.onRefused?.(error, record);
      },
      again: ({ records, reason, type, seconds }) => {
        this.#lastFailure = reason;
        this.#metrics.failed(
          records.map(({ kind }) => kind),
          type,
          seconds,
        );
        this.#options.onRetry?.(reason);
      },
    };
  }
}

/** Part of the language since ES2026, not yet of TypeScript's library. */
const sourceText = JSON as unknown as { rawJSON(text: string): unknown };

/** JSON of a record. Times become RFC 3339, integers of any size keep their last digit. */
export function encodeRecord(record: object): string {
  return JSON.stringify(record, (key, value: unknown) => {
    if (typeof value === 'bigint') return sourceText.rawJSON(String(value));
    // JSON has no such numbers and would say null, which means absent: a value would be lost without a word.
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError(`cannot record ${key}: JSON cannot represent ${value}`);
    }
    return value;
  });
}
