import { setTimeout as delay } from 'node:timers/promises';

import type { BackoffPace } from '../domain/time.ts';
import { backoffMs } from '../domain/time.ts';

/** A server that asks for a longer pause gets the next request all the same. */
const MAX_RETRY_AFTER_MS = 120_000;

/** Pauses between attempts: doubling, and jittered so that many watchers do not come back at once. */
export class Backoff {
  readonly #pace: BackoffPace;
  #failures = 0;

  constructor(pace: BackoffPace) {
    this.#pace = pace;
  }

  reset(): void {
    this.#failures = 0;
  }

  /** Waits after one more failure; an abort ends the wait early, and the caller checks its signal. */
  async pause(retryAfterMs: number | undefined, signal: AbortSignal): Promise<void> {
    await delay(this.nextMs(retryAfterMs), undefined, { signal }).catch(() => undefined);
  }

  nextMs(retryAfterMs?: number): number {
    this.#failures += 1;
    const pauseMs = backoffMs(this.#pace, this.#failures);
    return retryAfterMs === undefined ? pauseMs : Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) + pauseMs / 2;
  }
}
