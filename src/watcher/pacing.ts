import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

/** A server that asks for more than this is asked again all the same. */
const MAX_RETRY_AFTER_MS = 120_000;

export interface BackoffOptions {
  /** First pause; the next ones double. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Pauses between attempts: doubling, and jittered so that many watchers do not come back at once. */
export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** Waits after one more failure; an abort ends the wait early, and the caller looks at its signal. */
  async pause(retryAfterMs: number | undefined, signal: AbortSignal): Promise<void> {
    await delay(this.nextMs(retryAfterMs), undefined, { signal }).catch(() => undefined);
  }

  nextMs(retryAfterMs?: number): number {
    const { firstMs, longestMs, random } = this.#options;
    const limit = Math.min(firstMs * 2 ** this.#failures, longestMs);
    this.#failures += 1;
    const jittered = limit * (0.5 + random() / 2);
    return retryAfterMs === undefined ? jittered : Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) + jittered / 2;
  }
}

/** What waits behind a turn waits no longer than this and one piece of the work. */
const LONGEST_TURN_MS = 5;

/** Long work in turns: between its pieces whatever else waits has its own, above all the watches. */
export class Turn {
  #beganAt = performance.now();

  /** It has lasted long enough. QueryOptions between two pieces of the work. */
  isOver(): boolean {
    return performance.now() - this.#beganAt >= LONGEST_TURN_MS;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#beganAt = performance.now();
  }
}
