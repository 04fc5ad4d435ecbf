/** Other work waits no longer than this and one piece of the long work. */
const LONGEST_SLICE_MS = 5;

/**
 * Long work in slices of time: between them everything else gets the event loop, above all the watches, and the probes of
 * the service.
 */
export class TimeSlice {
  #beganAt = performance.now();

  /** It has lasted long enough. Called between two pieces of the work. */
  isUsedUp(): boolean {
    return performance.now() - this.#beganAt >= LONGEST_SLICE_MS;
  }

  async yield(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#beganAt = performance.now();
  }
}
