import type { BackoffPace } from '../domain/time.ts';
import { Backoff } from './pacing.ts';
import { WorkSchedule } from './work-schedule.ts';

/** `nothing` was to be done; `done` shows that the other side answers; or `notBefore` says when to try again. */
export type WorkResult = 'nothing' | 'done' | { readonly notBefore: number };

/** Whose failure it was: that of one key, which waits by itself, or one that all would meet now. */
export type FailureScope = 'key' | { readonly retryAfterMs: number | undefined };

interface WorkQueueOptions<Key> {
  /** Keys that are worked on at a time. */
  readonly concurrency: number;
  /** Brings one key to where it has to be, from what is known then. Doing it twice is doing it once. */
  readonly reconcile: (key: Key, signal: AbortSignal) => Promise<WorkResult>;
  readonly scopeOf: (error: unknown) => FailureScope;
  /** Called with each failure, and how often in a row the key failed by itself. */
  readonly failed: (key: Key, error: unknown, failuresInARow: number) => void;
  readonly backoff: BackoffPace;
}

/**
 * Works on keys, each once at a time and again until it is done. Comes in: keys, as often as anybody likes. Goes out: calls of
 * `reconcile`, never from within `add`. The states of a key are those of `WorkSchedule`; times are on the clock of
 * `performance`.
 */
export class WorkQueue<Key> {
  readonly #options: WorkQueueOptions<Key>;
  readonly #schedule: WorkSchedule<Key>;
  /** For failures that all keys would meet. */
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #isWoken = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WorkQueueOptions<Key>) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
    this.#schedule = new WorkSchedule(() => new Backoff(options.backoff));
  }

  add(key: Key): void {
    this.#schedule.add(key);
    this.#wake();
  }

  /** Begins nothing more; resolves when what was begun has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await Promise.all(this.#running);
  }

  #wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    // Whoever adds a key is in the middle of taking something in.
    setImmediate(() => {
      this.#isWoken = false;
      this.#begin();
    });
  }

  #begin(): void {
    while (this.#running.size < this.#options.concurrency && !this.#stopping.signal.aborted) {
      const key = this.#schedule.take(performance.now());
      if (key === undefined) break;
      const work = this.#work(key).finally(() => {
        this.#running.delete(work);
        // Not at once: where nothing is to be done for many keys, the watch would wait for all of them.
        this.#wake();
      });
      this.#running.add(work);
    }
    this.#setTimer();
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const at = this.#schedule.nextAt();
    // While all are busy, the next one to end begins the next key.
    if (at === undefined || this.#running.size >= this.#options.concurrency) return;
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(
      () => {
        this.#begin();
      },
      Math.max(1, at - performance.now()),
    );
    this.#timer.unref();
  }

  async #work(key: Key): Promise<void> {
    try {
      const result = await this.#options.reconcile(key, this.#stopping.signal);
      if (result === 'done') this.#backoff.reset();
      if (typeof result === 'string') this.#schedule.done(key);
      else this.#schedule.delay(key, result.notBefore);
    } catch (error: unknown) {
      // What a stop has cut off is no failure.
      if (!this.#stopping.signal.aborted) this.#failed(key, error);
    }
  }

  #failed(key: Key, error: unknown): void {
    const scope = this.#options.scopeOf(error);
    const now = performance.now();
    if (scope === 'key') {
      this.#options.failed(key, error, this.#schedule.failed(key, now));
      return;
    }
    this.#schedule.putBack(key);
    this.#schedule.pause(now + this.#backoff.nextMs(scope.retryAfterMs));
    this.#options.failed(key, error, 0);
  }
}
