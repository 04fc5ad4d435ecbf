import type { Observation } from '../../domain/observation.ts';
import type { Waiting } from './batcher-queue.ts';
import { BatcherTimeoutError, createQueue } from './batcher-queue.ts';
import type { DelayedRecord, RecordOutcome } from './record-outcome.ts';
import type { RecordStore } from './record-store.ts';

export { BatcherFullError, BatcherTimeoutError } from './batcher-queue.ts';

/** Others of the same flush were stored; the month or the table of this one is not there now. It is brought again. */
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

export interface BatcherOptions {
  readonly store: RecordStore;
  /** Observations in one flush at most. Default 500: nearly all of what batching gives, at a tenth of the latency of more. */
  readonly maxBatch?: number;
  /** Flushes in flight at once. Default 2: a third one makes the others slower. */
  readonly maxFlushes?: number;
  /** Observations for which a further flush starts before the one in flight ends. Default 100: fewer cost less together. */
  readonly worthAFlush?: number;
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
  const { store, maxFlushes = 2, worthAFlush = 100, maxWaitMs } = options;
  const queue = createQueue(options);
  const flights = new Set<Promise<void>>();

  const isDue = (): boolean =>
    flights.size === 0 ? queue.waiting() > 0 : flights.size < maxFlushes && queue.waiting() >= worthAFlush;

  const startFlights = (): void => {
    while (isDue()) {
      const batch = queue.take();
      const flight = flush(store, batch).finally(() => {
        queue.settle(batch);
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
    // After this turn of the loop, so that requests that were read together are stored together.
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
  throw new Error('the store gave fewer answers than it was asked');
}
