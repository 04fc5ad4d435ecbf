import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';

import type { Observation } from '../domain/observation.ts';
import { SECOND_MS } from '../domain/time.ts';

/** Decides which of the observations that a signal brings may wait for more of their phase. */
export class GatherRule {
  readonly #gatherMs: number;
  #lastAtMs = -Infinity;
  #isEnding = false;

  constructor(gatherSeconds: number) {
    this.#gatherMs = gatherSeconds * SECOND_MS;
  }

  /** For all of a signal, in order. */
  forSignal(observations: readonly Observation[], nowMs: number): (observation: Observation) => boolean {
    // Nothing is expected soon after what comes alone: a timer would cost more than it saves.
    const isAlone = nowMs - this.#lastAtMs > this.#gatherMs;
    // What follows the closure is the rest of several resources, which ends within seconds.
    const isEnding = this.#isEnding;
    this.#lastAtMs = nowMs;
    this.#isEnding ||= observations.some(({ phase }) => phase === 'closure');
    return ({ interim }) => !isAlone && (isEnding || interim === true);
  }
}

/** One timer at most: what waits for more to go with waits no longer than this, whatever else a run does. */
export class GatherTimer {
  readonly #seconds: number;
  readonly #summary: string;
  readonly #over: () => void;
  #timer: CancellationScope | undefined;

  constructor(seconds: number, summary: string, over: () => void) {
    this.#seconds = seconds;
    this.#summary = summary;
    this.#over = over;
  }

  /** A timer that nothing needs any longer is cancelled, which costs less than one that fires. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    const timer = new CancellationScope();
    this.#timer = timer;
    timer
      .run(() => sleep(`${this.#seconds}s`, { summary: this.#summary }))
      .then(
        () => {
          this.#timer = undefined;
          this.#over();
        },
        (error: unknown) => {
          // Cancelled above; whatever else it is, what waits must not wait for ever.
          if (!isCancellation(error)) this.#over();
        },
      );
  }
}
