import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';

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
