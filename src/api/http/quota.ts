import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../domain/time.ts';
import { Problem, retryAfter } from './problems.ts';

/*
 * Quotas: how often one caller may ask for what costs money or hours, such as a call of the embedding model or a month out of the
 * archive. Each caller has a bucket that fills evenly; whoever has emptied it learns when there is room again. Everybody is
 * one caller in mode `none`.
 *
 * Must stay true: a flood of one caller takes nothing from another, and the memory of callers is bounded.
 */

/** What each caller may do. */
export interface QuotaLimits {
  /** Questions about similar investigations in a minute; each may call the embedding model. */
  readonly similarPerMinute: number;
  /** Texts of posted analyses in a minute that are given to the embedding model; the others are stored without a vector. */
  readonly embeddingsPerMinute: number;
  /** Restores that are requested in an hour; each brings a month back. */
  readonly restoresPerHour: number;
}

interface Quotas {
  readonly similar: CallerQuota;
  readonly embeddings: CallerQuota;
  readonly restores: CallerQuota;
}

/** `nowMs` is the clock in milliseconds; default: that of the process. */
export function createQuotas(limits: QuotaLimits, nowMs: () => number = Date.now): Quotas {
  return {
    similar: new CallerQuota({ most: limits.similarPerMinute, withinMs: MINUTE_MS, nowMs }),
    embeddings: new CallerQuota({ most: limits.embeddingsPerMinute, withinMs: MINUTE_MS, nowMs }),
    restores: new CallerQuota({ most: limits.restoresPerHour, withinMs: HOUR_MS, nowMs }),
  };
}

interface QuotaOptions {
  /** As many at once, and as many again within the time. */
  readonly most: number;
  readonly withinMs: number;
  readonly nowMs: () => number;
}

interface Bucket {
  left: number;
  filledAt: number;
}

/** Names are checked before they come here, so that only callers with a right to ask are remembered. */
const MAX_CALLERS = 10_000;

export class CallerQuota {
  readonly #options: QuotaOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  /** How many of so many the caller may still have; they are taken. */
  takeUpTo(caller: string, count: number): number {
    const bucket = this.#fill(caller);
    const taken = Math.min(count, Math.floor(bucket.left));
    bucket.left -= taken;
    return taken;
  }

  /** Takes one, or throws the problem of a caller who asks too often (429). `what` is the subject of a sentence. */
  require(caller: string, what: string): void {
    if (this.takeUpTo(caller, 1) === 1) return;
    const { most, withinMs } = this.#options;
    const missing = 1 - this.#fill(caller).left;
    const seconds = Math.ceil(((missing / most) * withinMs) / SECOND_MS);
    const span = withinMs === HOUR_MS ? 'an hour' : 'a minute';
    const detail = `${what} are limited to ${most} ${span} for each caller; the next one is taken in ${seconds} s`;
    throw new Problem('too-many-requests', detail, retryAfter(seconds));
  }

  #fill(caller: string): Bucket {
    const { most, withinMs, nowMs } = this.#options;
    const now = nowMs();
    const known = this.#buckets.get(caller) ?? { left: most, filledAt: now };
    // A clock that is set back fills nothing, and takes nothing.
    known.left = Math.min(most, known.left + (Math.max(0, now - known.filledAt) / withinMs) * most);
    known.filledAt = now;
    // Behind all others: who asked longest ago is forgotten first.
    this.#buckets.delete(caller);
    this.#buckets.set(caller, known);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MAX_CALLERS && oldest !== undefined) this.#buckets.delete(oldest);
    return known;
  }
}
