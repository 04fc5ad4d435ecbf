import type { Observation } from '../../domain/observation.ts';

/** The way round a database that is away. */
export interface Deferral {
  /** Settles when the observation is durable in Temporal, on its way to the database; rejects within bounded time. */
  defer(observation: Observation): Promise<void>;
  /** Throws when it cannot take anything. */
  ping(): Promise<void>;
}

/**
 * Workflows that are started at once, of all requests together. A server that is asked for more than it can do becomes late
 * with all of them: of 1,000 at once a development server starts a third of what it starts of these.
 */
const MAX_STARTING = 16;
/** Of the time for one record, what it may wait for a permit: the start itself must have most of it. */
const SHARE_OF_WAITING = 0.25;
/** What each further record of a batch adds to the time: a thousand start in 5 s, and our client waits 10. */
const MS_PER_FURTHER_RECORD = 3;

/** It may be durable in Temporal all the same. */
export class DeferralTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`Temporal did not take it within ${timeoutMs} ms`);
    this.name = 'DeferralTimeoutError';
  }
}

/** Hands observations to Temporal, a bounded number at once and for a bounded time. */
interface Deferring {
  /**
   * Gives per observation why it is not known to be durable, or undefined. One that is late may be durable all the same;
   * sending it again joins what is there. A batch may take longer, by the number of its records.
   */
  deferEach(observations: readonly Observation[], timeoutForOneMs: number): Promise<readonly unknown[]>;
}

export function createDeferring(deferral: Deferral): Deferring {
  const semaphore = createSemaphore(MAX_STARTING);
  return {
    async deferEach(observations, timeoutForOneMs) {
      const timeoutMs = timeoutForOneMs + (observations.length - 1) * MS_PER_FURTHER_RECORD;
      const lastStartMs = performance.now() + timeoutMs - timeoutForOneMs * (1 - SHARE_OF_WAITING);
      const failures: unknown[] = observations.map(() => new DeferralTimeoutError(timeoutMs));
      const queue = observations.entries();
      const startWhenFree = async (): Promise<void> => {
        for (const [index, observation] of queue) {
          if (!(await semaphore.acquire(lastStartMs - performance.now()))) return;
          failures[index] = await deferral.defer(observation).then(
            () => undefined,
            (error: unknown) => error,
          );
          semaphore.release();
        }
      };
      const starting = Promise.all(Array.from({ length: MAX_STARTING }, startWhenFree));
      await within(timeoutMs, starting);
      // What is still on its way writes into the other one.
      return [...failures];
    },
  };
}

interface Semaphore {
  /** Whether a permit was free in time; each acquired one is released. */
  acquire(patienceMs: number): Promise<boolean>;
  release(): void;
}

function createSemaphore(limit: number): Semaphore {
  let free = limit;
  const waiting = new Set<() => void>();
  return {
    acquire(patienceMs) {
      if (patienceMs <= 0) return Promise.resolve(false);
      if (free > 0) {
        free -= 1;
        return Promise.resolve(true);
      }
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          waiting.delete(enter);
          resolve(false);
        }, patienceMs);
        const enter = (): void => {
          clearTimeout(timer);
          resolve(true);
        };
        waiting.add(enter);
      });
    },
    release() {
      const [next] = waiting;
      if (next === undefined) {
        free += 1;
        return;
      }
      waiting.delete(next);
      next();
    },
  };
}

/** Settles when the work does, at the latest after that time. */
async function within(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
