import type { Observation } from '../domain/observation.ts';

/** The way round a database that is away. */
export interface Deferral {
  /** Settles when the observation is durable in Temporal, on its way to the database. */
  defer(observation: Observation): Promise<void>;
  /** Throws when it cannot take anything. */
  ping(): Promise<void>;
}

/** Workflows of one batch that are started at once. More of them would all become late together. */
const MAX_STARTING = 50;
/** What each further record of a batch adds to the time: a thousand start in 5 s, and our client waits 10. */
const MS_PER_FURTHER_RECORD = 3;

class DeferralTimeoutError extends Error {
  constructor(timeoutMs: number) {
    super(`Temporal did not take it within ${timeoutMs} ms`);
    this.name = 'DeferralTimeoutError';
  }
}

/**
 * Hands each observation to Temporal, a bounded number at once and for a bounded time. One that is late may be durable all
 * the same; sending it again joins what is there. Gives per observation why it is not known to be durable, or undefined.
 */
export async function deferEach(
  deferral: Deferral,
  observations: readonly Observation[],
  timeoutForOneMs: number,
): Promise<readonly unknown[]> {
  const timeoutMs = timeoutForOneMs + (observations.length - 1) * MS_PER_FURTHER_RECORD;
  const failures: unknown[] = observations.map(() => new DeferralTimeoutError(timeoutMs));
  const queue = observations.entries();
  let isLate = false;
  const startInTurn = async (): Promise<void> => {
    for (const [index, observation] of queue) {
      if (isLate) return;
      failures[index] = await deferral.defer(observation).then(
        () => undefined,
        (error: unknown) => error,
      );
    }
  };
  const starting = Promise.all(Array.from({ length: MAX_STARTING }, startInTurn));
  await within(timeoutMs, starting);
  isLate = true;
  // What is still on its way writes into the other one.
  return [...failures];
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
