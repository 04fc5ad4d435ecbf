interface SemaphoreOptions {
  /** How many work at once. */
  readonly permits: number;
  /** How many may wait, and what one more is refused with. Default: any number. */
  readonly waiting?: { readonly most: number; readonly refusal: () => Error };
}

/** Bounds how many work at once and how many wait, first come first served; a caller beyond both is refused. */
export class Semaphore {
  readonly #options: SemaphoreOptions;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  #whenFree: (() => void) | undefined;

  constructor(options: SemaphoreOptions) {
    this.#options = options;
  }

  /** Resolves with the function that releases the permit; rejects when the signal aborts first. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const { permits, waiting } = this.#options;
    if (this.#taken < permits) this.#taken += 1;
    else if (waiting !== undefined && this.#waiting.length >= waiting.most) throw waiting.refusal();
    else await this.#wait(signal);
    return () => {
      this.#release();
    };
  }

  /** Resolves when every permit is released. */
  async whenIdle(): Promise<void> {
    if (this.#taken === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenFree = resolve;
    });
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const called = (): void => {
        signal.removeEventListener('abort', gaveUp);
        resolve();
      };
      const gaveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(called), 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      };
      signal.addEventListener('abort', gaveUp, { once: true });
      this.#waiting.push(called);
    });
  }

  /** A permit passes to the first waiter without being free in between, so that no newcomer overtakes it. */
  #release(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next();
    else this.#taken -= 1;
    if (this.#taken === 0) this.#whenFree?.();
  }
}
