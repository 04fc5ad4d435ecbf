import type { Observation } from '../../domain/observation.ts';
import type { BatcherOptions } from './batcher.ts';
import type { RecordOutcome } from './record-outcome.ts';

/** Nothing was accepted: the caller keeps the observation and comes again later. */
export class BatcherFullError extends Error {
  readonly waiting: number;

  constructor(waiting: number) {
    super(`${waiting} observations are waiting for the database; try again in a moment`);
    this.name = 'BatcherFullError';
    this.waiting = waiting;
  }
}

/** The database may still store it: whoever keeps it otherwise must not mind that it is stored twice. */
export class BatcherTimeoutError extends Error {
  readonly waitedMs: number;

  constructor(waitedMs: number) {
    super(`the database did not store the observation within ${waitedMs} ms`);
    this.name = 'BatcherTimeoutError';
    this.waitedMs = waitedMs;
  }
}

interface Settling {
  readonly resolve: (outcome: RecordOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** One observation on its way. */
export interface Waiting extends Settling {
  readonly observation: Observation;
  readonly size: number;
  readonly since: number;
  /** What was brought together is stored together. */
  readonly list: object;
}

export interface BatcherQueue {
  /** Throws BatcherFullError unless all of them fit. */
  requireRoom(observations: readonly Observation[]): void;
  add(observation: Observation, settling: Settling, list: object): void;
  /** Observations that no flush has taken yet. */
  waiting(): number;
  /** What one flush takes. It stays pending until it is settled. */
  take(): readonly Waiting[];
  settle(batch: readonly Waiting[]): void;
  pending(): number;
  /** Gives up what has been pending for so long; what is not in flight is not stored any more. */
  expireAfter(maxWaitMs: number, reason: () => Error): void;
}

const MEBI = 1024 * 1024;
const DEFAULT_PENDING_SIZE = 64 * MEBI;
/** Characters in one flush, unless a single observation has more. */
const MAX_FLUSH_SIZE = 8 * MEBI;

export function createQueue({
  maxBatch = 500,
  maxWaiting = 10_000,
  maxPendingSize = DEFAULT_PENDING_SIZE,
}: BatcherOptions): BatcherQueue {
  let waiting: Waiting[] = [];
  /** In order of arrival, those in flight included. */
  const pending = new Set<Waiting>();
  const expired = new WeakSet<Waiting>();
  let pendingSize = 0;
  let timer: NodeJS.Timeout | undefined;

  const settle = (batch: readonly Waiting[]): void => {
    for (const item of batch) if (pending.delete(item)) pendingSize -= item.size;
  };

  const expire = (maxWaitMs: number, reason: () => Error): void => {
    timer = undefined;
    const isLate = (item: Waiting): boolean => item.since + maxWaitMs <= performance.now();
    for (const item of pending) {
      if (!isLate(item)) break;
      if (!expired.has(item)) item.reject(reason());
      expired.add(item);
    }
    settle(waiting.filter((item) => expired.has(item)));
    waiting = waiting.filter((item) => !expired.has(item));
    const next = firstIn(pending, (item) => !expired.has(item));
    if (next !== undefined) startTimer(next.since + maxWaitMs - performance.now(), maxWaitMs, reason);
  };

  const startTimer = (inMs: number, maxWaitMs: number, reason: () => Error): void => {
    timer ??= setTimeout(
      () => {
        expire(maxWaitMs, reason);
      },
      Math.max(1, inMs),
    ).unref();
  };

  return {
    requireRoom(observations) {
      const size = observations.reduce((sum, observation) => sum + sizeOf(observation), 0);
      const isFull = waiting.length + observations.length > maxWaiting || pendingSize + size > maxPendingSize;
      // One that is larger than all the room must still get in when nothing else is there.
      if (isFull && pending.size > 0) throw new BatcherFullError(waiting.length);
    },
    add(observation, settling, list) {
      const since = performance.now();
      const item: Waiting = { observation, size: sizeOf(observation), since, list, ...settling };
      pending.add(item);
      pendingSize += item.size;
      waiting.push(item);
    },
    waiting: () => waiting.length,
    take: () => waiting.splice(0, flushLength(waiting, maxBatch)),
    settle,
    pending: () => pending.size,
    expireAfter(maxWaitMs, reason) {
      startTimer(maxWaitMs, maxWaitMs, reason);
    },
  };
}

function firstIn<T>(items: Iterable<T>, isWanted: (item: T) => boolean): T | undefined {
  for (const item of items) if (isWanted(item)) return item;
  return undefined;
}

function flushLength(waiting: readonly Waiting[], maxBatch: number): number {
  let size = 0;
  let length = 0;
  for (const item of waiting) {
    size += item.size;
    if (length === maxBatch || (length > 0 && size > MAX_FLUSH_SIZE)) return wholeLists(waiting, length);
    length += 1;
  }
  return length;
}

/** Without the beginning of a list that does not fit, unless that list is all there is. */
function wholeLists(waiting: readonly Waiting[], length: number): number {
  const cut = waiting[length]?.list;
  let whole = length;
  while (whole > 0 && waiting[whole - 1]?.list === cut) whole -= 1;
  return whole === 0 ? length : whole;
}

function sizeOf({ columns }: Observation): number {
  return Object.values(columns).reduce<number>((size, value) => size + String(value).length, 0);
}
