/** Too many questions wait already. */
export class ArchiveBusyError extends Error {
  constructor() {
    super('too many questions are being put to the archive; ask again, or leave the archive out');
    this.name = 'ArchiveBusyError';
  }
}

/** Bounds how many work at once and how many wait, first come first served; a caller beyond both is refused. */
export class Semaphore {
  readonly #permits: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  #whenFree: (() => void) | undefined;

  constructor(permits: number, maxWaiting: number) {
    this.#permits = permits;
    this.#maxWaiting = maxWaiting;
  }

  /** Resolves with the function that releases the permit; rejects when the signal aborts first. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken < this.#permits) this.#taken += 1;
    else if (this.#waiting.length >= this.#maxWaiting) throw new ArchiveBusyError();
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
