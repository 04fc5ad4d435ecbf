import { setTimeout as delay } from 'node:timers/promises';

import { MINUTE_MS } from '../../src/domain/time.ts';
import { createRandomFor } from './random.ts';

interface PacingOptions {
  seed: number;
  speed: number;
  signal: AbortSignal;
  ratePerMinute?: number;
  burst?: boolean;
}

/** Between two remediations of one line, in life. */
const PAUSE_MS = 20_000;
/** Keeps pauses apart from what a remediation draws under the same index. */
const PAUSES = 0x9a05e;

/** When remediations begin: at a rate, all at once, or, with neither, as signals drop in. */
export class Pacing {
  readonly #options: PacingOptions;
  #begunAt: number | undefined;

  constructor(options: PacingOptions) {
    this.#options = options;
  }

  /** The lines begin one after the other, so that not everything happens at once. */
  async beforeLine(line: number): Promise<void> {
    if (this.#isUnhurried()) await this.#passed((line * PAUSE_MS) / this.#options.speed);
  }

  async beforeRemediation(index: number): Promise<void> {
    const { ratePerMinute, burst = false } = this.#options;
    if (ratePerMinute === undefined || burst) return;
    // From the first one on: what has to be prepared before it takes nothing of the interval after it.
    this.#begunAt ??= performance.now();
    const dueMs = this.#begunAt + (index * MINUTE_MS) / ratePerMinute - performance.now();
    await this.#passed(Math.max(0, dueMs));
  }

  async afterRemediation(index: number): Promise<void> {
    const { seed, speed } = this.#options;
    if (!this.#isUnhurried()) return;
    await this.#passed(createRandomFor(seed ^ PAUSES, index).between(0, PAUSE_MS) / speed);
  }

  #isUnhurried(): boolean {
    return this.#options.burst !== true && this.#options.ratePerMinute === undefined;
  }

  async #passed(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#options.signal });
  }
}
