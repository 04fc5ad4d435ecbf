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
