import type { Observation } from '../../domain/observation.ts';
import type { DelayedRecord, RecordOutcome } from './prepared-observation.ts';
import type { RecordStore } from './record-store.ts';

/** Nothing was accepted: the caller sends the observation again later. */
export class BatcherFullError extends Error {
  readonly waiting: number;

  constructor(waiting: number) {
    super(`${waiting} observations are waiting for the database; try again in a moment`);
    this.name = 'BatcherFullError';
    this.waiting = waiting;
  }
}

/** The database may still store it: a caller that stores it otherwise must accept that it is stored twice. */
export class BatcherTimeoutError extends Error {
  readonly waitedMs: number;

  constructor(waitedMs: number) {
    super(`the database did not store the observation within ${waitedMs} ms`);
    this.name = 'BatcherTimeoutError';
    this.waitedMs = waitedMs;
  }
}

/** Others of the same flush were stored; the month or the table of this one is not there now. It is sent again. */
export class RecordDelayedError extends Error {
  readonly id: string;
  readonly sqlstate: string;

  constructor({ id, reason, sqlstate }: DelayedRecord) {
    super(`cannot store record ${id} now: ${reason}`);
    this.name = 'RecordDelayedError';
    this.id = id;
    this.sqlstate = sqlstate;
  }
}

interface BatcherOptions {
  readonly store: RecordStore;
  /** Observations in one flush at most. Default 500: nearly all of what batching gives, at a tenth of the latency of more. */
  readonly maxBatch?: number;
  /** Flushes in flight at once. Default 2: a third one makes the others slower. */
  readonly maxFlushes?: number;
  /** Observations for which a further flush starts before the one in flight ends. Default 100: fewer cost less together. */
  readonly flushThreshold?: number;
  /** Observations waiting at most; more are turned away. Default 10,000. */
  readonly maxWaiting?: number;
  /** Characters in the columns of all that is pending, at most: large ones must not exhaust the memory. Default 64 Mi. */
  readonly maxPendingSize?: number;
  /** How long an observation waits for its commit, in milliseconds. Default: as long as it takes. */
  readonly maxWaitMs?: number;
}

export interface Batcher {
  /** Stores one observation together with whatever else is waiting. Settles after its own commit. */
  record(observation: Observation): Promise<RecordOutcome>;
  /**
   * The same for several: either all of them are accepted or none is, and they are stored in one transaction unless they
   * are more than one flush. What became of each, in their order.
   */
  recordAll(observations: readonly Observation[]): Promise<PromiseSettledResult<RecordOutcome>[]>;
  /** Observations accepted and not yet settled. */
  pending(): number;
  /** Settles when everything accepted so far is. */
  drain(): Promise<void>;
}

/**
 * Group commit: the first observation is flushed at once; what comes while that is in flight goes into the next one, which
 * starts when the flight ends or when it is worth one of its own. No timer for that: an idle service answers without
 * waiting, a busy one fills its batches by itself.
 */
export function createBatcher(options: BatcherOptions): Batcher {
  const { store, maxFlushes = 2, flushThreshold = 100, maxWaitMs } = options;
  const queue = createQueue(options);
  const flights = new Set<Promise<void>>();

  const isDue = (): boolean =>
    flights.size === 0 ? queue.waiting() > 0 : flights.size < maxFlushes && queue.waiting() >= flushThreshold;

  const startFlights = (): void => {
    while (isDue()) {
      const batch = queue.take();
      const flight = flush(store, batch).finally(() => {
        queue.remove(batch);
        flights.delete(flight);
        startFlights();
      });
      flights.add(flight);
    }
  };

  const accept = (observations: readonly Observation[]): Promise<RecordOutcome>[] => {
    queue.requireRoom(observations);
    const answers = observations.map(
      (observation) =>
        new Promise<RecordOutcome>((resolve, reject) => {
          queue.add(observation, { resolve, reject }, observations);
        }),
    );
    // After this iteration of the event loop, so that requests that were read together are stored together.
    setImmediate(startFlights);
    if (maxWaitMs !== undefined) queue.expireAfter(maxWaitMs, () => new BatcherTimeoutError(maxWaitMs));
    return answers;
  };

  return {
    // Asynchronous, so that a full queue is a rejection like any other.
    record: async (observation) => (await Promise.all(accept([observation])))[0] ?? missingAnswer(),
    recordAll: async (observations) => Promise.allSettled(accept(observations)),
    pending: () => queue.pending(),
    async drain() {
      while (queue.pending() > 0) {
        startFlights();
        await Promise.race(flights);
      }
    },
  };
}

async function flush(store: RecordStore, batch: readonly Waiting[]): Promise<void> {
  try {
    const outcomes = await store.record(batch.map(({ observation }) => observation));
    batch.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index] ?? missingAnswer();
      if (outcome.status === 'later') reject(new RecordDelayedError(outcome));
      else resolve(outcome);
    });
  } catch (error: unknown) {
    for (const { reject } of batch) reject(error);
  }
}

function missingAnswer(): never {
  throw new Error('the store returned fewer outcomes than observations');
}

interface Settling {
  readonly resolve: (outcome: RecordOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** One observation on its way. */
interface Waiting extends Settling {
  readonly observation: Observation;
  readonly size: number;
  readonly since: number;
  /** What was brought together is stored together. */
  readonly list: object;
}

interface BatcherQueue {
  /** Throws BatcherFullError unless all of them fit. */
  requireRoom(observations: readonly Observation[]): void;
  add(observation: Observation, settling: Settling, list: object): void;
  /** Observations that no flush has taken yet. */
  waiting(): number;
  /** What one flush takes. It stays pending until it is removed. */
  take(): readonly Waiting[];
  remove(batch: readonly Waiting[]): void;
  pending(): number;
  /** Gives up what has been pending for so long; what is not in flight is not stored any more. */
  expireAfter(maxWaitMs: number, reason: () => Error): void;
}

const MEBI = 1024 * 1024;
const DEFAULT_PENDING_SIZE = 64 * MEBI;
/** Characters in one flush, unless a single observation has more. */
const MAX_FLUSH_SIZE = 8 * MEBI;

function createQueue({
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

  const remove = (batch: readonly Waiting[]): void => {
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
    remove(waiting.filter((item) => expired.has(item)));
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
    remove,
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
    if (length === maxBatch || (length > 0 && size > MAX_FLUSH_SIZE)) return completeLists(waiting, length);
    length += 1;
  }
  return length;
}

/** Without the beginning of a list that does not fit, unless that list is all there is. */
function completeLists(waiting: readonly Waiting[], length: number): number {
  const cut = waiting[length]?.list;
  let complete = length;
  while (complete > 0 && waiting[complete - 1]?.list === cut) complete -= 1;
  return complete === 0 ? length : complete;
}

function sizeOf({ columns }: Observation): number {
  return Object.values(columns).reduce<number>((size, value) => size + String(value).length, 0);
}
