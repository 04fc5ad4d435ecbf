import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import type { BackoffPace } from '../domain/backoff.ts';
import { backoffMs } from '../domain/backoff.ts';

/** A server that asks for more than this is asked again all the same. */
const MAX_RETRY_AFTER_MS = 120_000;

export /** Pauses between attempts: doubling, and jittered so that many watchers do not come back at once. */
class Backoff {
  readonly #pace: BackoffPace;
  #failures = 0;

  constructor(pace: BackoffPace) {
    this.#pace = pace;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** Waits after one more failure; an abort ends the wait early, and the caller looks at its signal. */
  async pause(retryAfterMs: number | undefined, signal: AbortSignal): Promise<void> {
    await delay(this.nextMs(retryAfterMs), undefined, { signal }).catch(() => undefined);
  }

  nextMs(retryAfterMs?: number): number {
    this.#failures += 1;
    const pauseMs = backoffMs(this.#pace, this.#failures);
    return retryAfterMs === undefined ? pauseMs : Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) + pauseMs / 2;
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
