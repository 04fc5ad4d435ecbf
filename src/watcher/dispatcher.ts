import { setTimeout as delay } from 'node:timers/promises';

import type { Backoff } from './backoff.ts';
import { enqueue } from './pending-states.ts';
import type { PendingState, Tracked } from './tracked.ts';
import { Turn } from './turn.ts';

export interface DispatcherOptions {
  /** Resources whose states are sent at the same time. */
  readonly concurrency: number;
  /** Resolves when Temporal has all of the state durably. */
  readonly send: (tracked: Tracked, state: PendingState) => Promise<void>;
  /** Called when Temporal has the state. */
  readonly acknowledged: (tracked: Tracked, state: PendingState) => void;
  /** Called when it could not be sent; says whether Temporal took nothing from anybody. */
  readonly failed: (tracked: Tracked, error: unknown) => { readonly isAway: boolean };
  /** For Temporal as a whole. */
  readonly backoff: Backoff;
  /** How long a state that Temporal refused by itself waits, in milliseconds. */
  readonly refusedRetryMs: number;
  readonly coalesced: (states: number) => void;
}

/**
 * Brings states to Temporal: the states of one resource in their order, few resources at a time, and again until it has
 * them. Until then a resource's newest state waits here, and what it supersedes does not.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #ready = new Set<Tracked>();
  /** With a state on its way, or waiting to try it again. */
  readonly #busy = new Set<Tracked>();
  readonly #stopping = new AbortController();
  #workers = 0;
  #awayUntil: Promise<void> | undefined;
  /** Of all workers together. */
  readonly #turn = new Turn();
  #idle: (() => void)[] = [];

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  offer(tracked: Tracked, state: PendingState): void {
    const dropped = enqueue(tracked.pending, state);
    if (dropped > 0) this.#options.coalesced(dropped);
    if (this.#busy.has(tracked)) return;
    this.#ready.add(tracked);
    this.#startWorkers();
  }

  /** Resources with states that Temporal does not have yet. */
  get depth(): number {
    return this.#ready.size + this.#busy.size;
  }

  *waiting(): Generator<Tracked> {
    yield* this.#ready;
    yield* this.#busy;
  }

  /** Resolves when few enough wait, at the latest after the given time: a list may pause for that long between its pages. */
  async room(most: number, longestMs: number): Promise<void> {
    const deadline = performance.now() + longestMs;
    while (this.depth > most && performance.now() < deadline && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - performance.now());
        this.#idle.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  stop(): void {
    this.#stopping.abort();
    this.#wake();
  }

  #startWorkers(): void {
    // Each takes one as it starts: those that are there already may be busy for long.
    while (this.#workers < this.#options.concurrency && this.#ready.size > 0) {
      this.#workers += 1;
      void this.#work().finally(() => {
        this.#workers -= 1;
      });
    }
  }

  async #work(): Promise<void> {
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      await this.#awayUntil;
      if (this.#stopping.signal.aborted) return;
      await this.#deliver(next);
      // Preparing what is sent takes longer than sending it to a Temporal that is near.
      if (this.#turn.isOver()) await this.#turn.next();
    }
  }

  #take(): Tracked | undefined {
    const [next] = this.#ready;
    if (next === undefined || this.#stopping.signal.aborted) return undefined;
    this.#ready.delete(next);
    this.#busy.add(next);
    return next;
  }

  async #deliver(tracked: Tracked): Promise<void> {
    // Taken out while it is on its way: what comes meanwhile must neither replace it nor be sent before it.
    const state = tracked.pending.shift();
    if (state !== undefined) {
      tracked.sending = state;
      try {
        await this.#options.send(tracked, state);
      } catch (error: unknown) {
        tracked.pending.unshift(state);
        this.#postpone(tracked, error);
        return;
      } finally {
        tracked.sending = undefined;
      }
      this.#options.backoff.reset();
      this.#options.acknowledged(tracked, state);
    }
    this.#release(tracked);
  }

  #release(tracked: Tracked): void {
    this.#busy.delete(tracked);
    if (tracked.pending.length > 0) this.#ready.add(tracked);
    this.#startWorkers();
    this.#wake();
  }

  #postpone(tracked: Tracked, error: unknown): void {
    const { signal } = this.#stopping;
    const { isAway } = this.#options.failed(tracked, error);
    if (!isAway) {
      // Its own trouble: the others go on.
      void delay(this.#options.refusedRetryMs, undefined, { signal, ref: false })
        .catch(() => undefined)
        .then(() => {
          this.#release(tracked);
        });
      return;
    }
    this.#awayUntil ??= this.#options.backoff.pause(undefined, signal).then(() => {
      this.#awayUntil = undefined;
    });
    this.#release(tracked);
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
