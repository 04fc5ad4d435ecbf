import { setImmediate as nextTurn } from 'node:timers/promises';

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
