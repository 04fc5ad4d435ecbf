import type { Observation } from '../../domain/observation.ts';
import { hasInvestigation } from '../../domain/observation.ts';
import { Semaphore } from '../../domain/semaphore.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { CallerQuota } from '../http/quota.ts';

/** The way round a database that is away: Temporal keeps the observation and stores it later. */
export interface Deferral {
  /**
   * Settles when the observation is durable in Temporal, on its way to the database; rejects within bounded
   * time. The same one again joins what is there.
   */
  defer(observation: Observation): Promise<void>;
  /** Whether it can take anything: throws when it cannot. The probe of readiness asks this. */
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

/**
 * Sixteen loops take from one list of observations, each with a permit that all requests share. The answer is
 * ready when all are done or the time is over, whichever is first.
 *
 * A batch that is late goes on in the background: what Temporal takes then is stored, and the client that
 * sends it again joins it.
 */
export function createDeferring(deferral: Deferral): Deferring {
  const semaphore = new Semaphore({ permits: MAX_STARTING });
  return {
    async deferEach(observations, timeoutForOneMs) {
      const timeoutMs = timeoutForOneMs + (observations.length - 1) * MS_PER_FURTHER_RECORD;
      // Aborts when what has not started yet could no longer be in time.
      const tooLate = AbortSignal.timeout(Math.ceil(timeoutMs - timeoutForOneMs * (1 - SHARE_OF_WAITING)));
      // Every record counts as late until its own outcome is there.
      const failures: unknown[] = observations.map(() => new DeferralTimeoutError(timeoutMs));
      const queue = observations.entries();
      const startWhenFree = async (): Promise<void> => {
        for (const [index, observation] of queue) {
          // Without a permit nothing was sent: the observation stays as late as it was.
          const release = await semaphore.acquire(tooLate).catch(() => undefined);
          if (release === undefined) return;
          failures[index] = await deferral
            .defer(observation)
            .then(
              () => undefined,
              (error: unknown) => error,
            )
            .finally(release);
        }
      };
      const starting = Promise.all(Array.from({ length: MAX_STARTING }, startWhenFree));
      await within(timeoutMs, starting);
      // What is still on its way writes into the other one.
      return [...failures];
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

/** Has the texts of posted analyses embedded, as those of watched ones are (ADR 25). */
interface PostedEmbedding {
  /** Returns at once: a text that is embedded late, or not at all, is stored all the same. */
  embed(stored: readonly Observation[], caller: string): void;
}

/** How long Temporal may take for one text, in milliseconds. Nobody waits for it. */
const EMBEDDING_TIMEOUT_MS = 5_000;
/** Beyond it more would only be held in memory. */
const MAX_EMBEDDING = 2_000;

/** A text that Temporal does not take in time, or beyond the quota of its caller, is counted and left. Posting the analysis again embeds it. */
export function createPostedEmbedding(
  deferral: Deferral | undefined,
  metrics: Metrics,
  quota: CallerQuota,
): PostedEmbedding {
  const later = deferral === undefined ? undefined : createDeferring(deferral);
  let embedding = 0;
  return {
    embed(stored, caller) {
      const posted = stored.filter(hasInvestigation);
      if (later === undefined || posted.length === 0) return;
      const room = MAX_EMBEDDING - embedding;
      const texts = posted.slice(0, quota.takeUpTo(caller, Math.min(posted.length, room)));
      metrics.api.investigationsLeft.inc(posted.length - texts.length);
      if (texts.length === 0) return;
      embedding += texts.length;
      // The workflow finds the record there already, and then embeds its text.
      void later.deferEach(texts, EMBEDDING_TIMEOUT_MS).then((failures) => {
        embedding -= texts.length;
        metrics.api.investigationsLeft.inc(failures.filter((failure) => failure !== undefined).length);
      });
    },
  };
}
