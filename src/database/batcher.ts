import type { Observation } from '../domain/observation.ts';
import type { RecordOutcome, RecordStore } from './record-store.ts';

export interface BatcherOptions {
  readonly store: RecordStore;
  /** Observations in one flush at most. Default 500: nearly all of what batching gives, at a tenth of the latency of more. */
  readonly maxBatch?: number;
  /** Flushes in flight at once. Default 2: a third one makes the others slower. */
  readonly maxFlushes?: number;
  /** Observations waiting at most; more are turned away. Default 10,000. */
  readonly maxWaiting?: number;
}

export interface Batcher {
  /** Stores one observation together with whatever else is waiting. Settles after its own commit. */
  record(observation: Observation): Promise<RecordOutcome>;
  /** Observations accepted and not yet settled. */
  pending(): number;
  /** Settles when everything accepted so far is. */
  drain(): Promise<void>;
}

/** Nothing was accepted: the caller keeps the observation and comes again later. */
export class BatcherFullError extends Error {
  readonly waiting: number;

  constructor(waiting: number) {
    super(`${waiting} observations are waiting for the database; try again in a moment`);
    this.name = 'BatcherFullError';
    this.waiting = waiting;
  }
}

interface Waiting {
  readonly observation: Observation;
  readonly resolve: (outcome: RecordOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: the first observation is flushed at once; what comes while flushes are in flight goes into the next one.
 * No timer: an idle service answers without waiting, a busy one fills its batches by itself.
 */
export function createBatcher({
  store,
  maxBatch = 500,
  maxFlushes = 2,
  maxWaiting = 10_000,
}: BatcherOptions): Batcher {
  const queue: Waiting[] = [];
  const flights = new Set<Promise<void>>();
  let pending = 0;

  const flush = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      const outcomes = await store.record(batch.map(({ observation }) => observation));
      batch.forEach(({ resolve, reject }, index) => {
        const outcome = outcomes[index];
        if (outcome === undefined) reject(new Error('the store gave fewer answers than it was asked'));
        else resolve(outcome);
      });
    } catch (error: unknown) {
      for (const { reject } of batch) reject(error);
    }
    pending -= batch.length;
  };

  const startFlights = (): void => {
    while (queue.length > 0 && flights.size < maxFlushes) {
      const flight = flush(queue.splice(0, maxBatch)).finally(() => {
        flights.delete(flight);
        startFlights();
      });
      flights.add(flight);
    }
  };

  return {
    record: (observation) =>
      new Promise((resolve, reject) => {
        if (queue.length >= maxWaiting) {
          reject(new BatcherFullError(queue.length));
          return;
        }
        pending += 1;
        queue.push({ observation, resolve, reject });
        // After this turn of the loop, so that requests that were read together are stored together.
        queueMicrotask(startFlights);
      }),
    pending: () => pending,
    async drain() {
      while (pending > 0) {
        startFlights();
        await Promise.race(flights);
      }
    },
  };
}
