/** Too many questions wait already. */
export class ArchiveBusyError extends Error {
  constructor() {
    super('too many questions are being put to the archive; ask again, or leave the archive out');
    this.name = 'ArchiveBusyError';
  }
}

/** So many at once, so many waiting in the order in which they came, and everybody else is turned away. */
export class Turns {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #taken = 0;
  #whenFree: (() => void) | undefined;

  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** Resolves when it is the caller's turn, with what ends the turn; rejects when the signal comes first. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#taken < this.#most) this.#taken += 1;
    else if (this.#waiting.length >= this.#mostWaiting) throw new ArchiveBusyError();
    else await this.#wait(signal);
    return () => {
      this.#give();
    };
  }

  /** Resolves when nobody has a turn any more. */
  async allGiven(): Promise<void> {
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

  /** The turn passes on without ever being free, so that nobody who comes meanwhile is faster. */
  #give(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next();
    else this.#taken -= 1;
    if (this.#taken === 0) this.#whenFree?.();
  }
}
