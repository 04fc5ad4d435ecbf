import { setImmediate as yieldToLoop } from 'node:timers/promises';

import { TimeSlice } from '../../domain/time-slice.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { Backoff } from '../pacing.ts';
import type { Tracked } from '../state/tracked.ts';
import { isWaiting } from '../state/tracked.ts';
import type { WatcherEvents } from '../watcher-options.ts';
import { enqueueState, finishSending } from './delivery-record.ts';
import type { Flapping } from './flapping.ts';
import type { PendingState } from './pending-states.ts';
import type { WaitingState } from './remediation-queue.ts';
import { RemediationQueue } from './remediation-queue.ts';
import type { SignalFailures } from './signal-failure.ts';
import { StateRefusedError } from './signal-failure.ts';

/** With more resources waiting for Temporal than this a list pauses between its pages. */
const MOST_WAITING = 1_000;
/** Longer than this it may not pause: its pages would be forgotten by the server. */
const LONGEST_PAUSE_MS = 20_000;
/** With states of more resources waiting, memory counts more than what a later state may lack. */
const OVERLOADED_RESOURCES = 2_000;

export interface DispatcherOptions {
  /** Remediations whose states are sent at the same time. */
  readonly concurrency: number;
  /**
   * Calls `done` for each state that Temporal has durably, those of one resource in their order. Resolves when it has all
   * of them; answers whether a signal was needed.
   */
  readonly send: (
    those: readonly WaitingState[],
    done: (one: WaitingState) => void,
  ) => Promise<{ readonly isSignalled: boolean }>;
  readonly events: Pick<WatcherEvents, 'sent'>;
  /** Takes note of what could not be sent, and says whether Temporal takes nothing from anybody. */
  readonly failures: Pick<SignalFailures, 'report'>;
  /** For Temporal as a whole. */
  readonly backoff: Backoff;
  /** How long what Temporal refused by itself waits, in milliseconds. */
  readonly refusedRetryMs: number;
  /** Shortest time between two signals to one remediation, unless something is due soon. */
  readonly gatherMs: number;
  /** How long what is due soon waits for what comes with it; deletions do not. */
  readonly briefGatherMs: number;
  /** How long states of a resource that flaps are coalesced. */
  readonly coalesceMs: number;
  readonly flapping: Flapping;
  /** Until it is synced the first lists are being read. */
  readonly sync: { readonly isSynced: boolean };
  readonly cluster: string;
  readonly metrics: WatcherMetrics;
}

/**
 * Brings states to Temporal: those of one remediation together and in their order, few remediations at a time, and again
 * until it has them. Comes in: states from the observers. Goes out: calls of `send`, and `sent` for each state that Temporal has.
 * What must stay true: the states of one resource are sent in their order, and one remediation is never sent twice at a time; what
 * fails goes back to where it was. A remediation is waiting (a timer runs until it is due), ready, or busy (being sent); while
 * Temporal is away, all that are ready wait for one pause.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #queues = new Map<string, RemediationQueue>();
  readonly #ready = new Set<RemediationQueue>();
  /** With states on their way. */
  readonly #busy = new Set<RemediationQueue>();
  readonly #timers = new Map<RemediationQueue, { readonly atMs: number; readonly timer: NodeJS.Timeout }>();
  /** When a remediation was last signalled, the longest ago first. */
  readonly #signalledAtMs = new Map<string, number>();
  readonly #waiting = new Set<Tracked>();
  readonly #stopping = new AbortController();
  #isStopping = false;
  #workers = 0;
  /** Of these, those that have not begun. */
  #starting = 0;
  #awayUntil: Promise<void> | undefined;
  /** Of all workers together. */
  readonly #slice = new TimeSlice();
  #idle: (() => void)[] = [];

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  offer(tracked: Tracked, state: PendingState): void {
    const { flapping, coalesceMs } = this.#options;
    const { flaps, isChange } = flapping.see(tracked, state);
    const dropped = enqueueState(tracked, state, {
      isOverloaded: this.#waiting.size > OVERLOADED_RESOURCES,
      flapping: flaps ? { coalesceMs, isChange } : undefined,
    });
    if (dropped > 0) this.#countReplaced(tracked, flaps);
    this.#waiting.add(tracked);
    this.#join(tracked);
  }

  /** A newer state took the place of one that waited. */
  #countReplaced({ kind }: Tracked, flaps: boolean): void {
    const { cluster, metrics } = this.#options;
    if (flaps) metrics.flappingStates.inc({ cluster, kind });
    else metrics.statesCoalesced.inc({ cluster });
  }

  /** Resources with states that Temporal does not have yet. */
  get depth(): number {
    return this.#waiting.size;
  }

  waiting(): Iterable<Tracked> {
    return this.#waiting;
  }

  /** Resolves when few enough wait, or when a list may pause no longer between its pages. */
  async waitForRoom(): Promise<void> {
    await this.#until(() => this.depth <= MOST_WAITING, LONGEST_PAUSE_MS);
  }

  /** Attempts once to send what waits for more to come with it; what fails now is seen again by the next life. */
  async drain(longestMs: number): Promise<void> {
    this.#isStopping = true;
    if (this.#awayUntil !== undefined) return;
    for (const queue of this.#queues.values()) this.#plan(queue);
    await this.#until(() => this.#workers === 0, longestMs);
  }

  stop(): void {
    this.#stopping.abort();
    // Nobody takes these any more: workers would be started for them for ever.
    this.#ready.clear();
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#wake();
  }

  /** Into the queue of the remediation that its oldest state belongs to. */
  #join(tracked: Tracked): void {
    const uid = tracked.delivery.pending[0]?.reading.remediation.uid;
    if (uid === undefined) return;
    const queue = this.#queues.get(uid) ?? new RemediationQueue(uid);
    this.#queues.set(uid, queue);
    queue.members.add(tracked);
    this.#plan(queue);
  }

  /** Now, or when what has come is to be sent. */
  #plan(queue: RemediationQueue): void {
    if (this.#busy.has(queue) || this.#ready.has(queue) || this.#stopping.signal.aborted) return;
    const nowMs = Date.now();
    const dueAtMs = queue.dueAtMs({
      nowMs,
      sentAtMs: this.#signalledAtMs.get(queue.uid),
      gatherMs: this.#options.gatherMs,
      briefGatherMs: this.#options.briefGatherMs,
      isListing: !this.#options.sync.isSynced,
      isStopping: this.#isStopping,
    });
    if (dueAtMs === undefined) this.#queues.delete(queue.uid);
    else if (dueAtMs > nowMs) this.#remind(queue, dueAtMs);
    else {
      this.#forgetTimer(queue);
      this.#ready.add(queue);
      this.#startWorkers();
    }
  }

  #forgetTimer(queue: RemediationQueue): void {
    clearTimeout(this.#timers.get(queue)?.timer);
    this.#timers.delete(queue);
  }

  #remind(queue: RemediationQueue, atMs: number): void {
    if (atMs >= (this.#timers.get(queue)?.atMs ?? Infinity)) return;
    this.#forgetTimer(queue);
    const timer = setTimeout(
      () => {
        this.#timers.delete(queue);
        this.#plan(queue);
      },
      Math.max(0, atMs - Date.now()),
    );
    timer.unref();
    this.#timers.set(queue, { atMs, timer });
  }

  #startWorkers(): void {
    // Each will take one: those that are there already may be busy for long.
    while (this.#workers < this.#options.concurrency && this.#ready.size > this.#starting) {
      this.#workers += 1;
      this.#starting += 1;
      void this.#work().finally(() => {
        this.#workers -= 1;
        this.#startWorkers();
        this.#wake();
      });
    }
  }

  async #work(): Promise<void> {
    // What is read in the same round of the event loop goes together.
    await yieldToLoop();
    this.#starting -= 1;
    for (let next = this.#takeReady(); next !== undefined; next = this.#takeReady()) {
      await this.#awayUntil;
      if (this.#stopping.signal.aborted) return;
      await this.#deliver(next);
      // Preparing what is sent takes longer than sending it to a Temporal that is near.
      if (this.#slice.isUsedUp()) await this.#slice.yield();
    }
  }

  #takeReady(): RemediationQueue | undefined {
    const [next] = this.#ready;
    if (next === undefined || this.#stopping.signal.aborted) return undefined;
    this.#ready.delete(next);
    this.#busy.add(next);
    return next;
  }

  async #deliver(queue: RemediationQueue): Promise<void> {
    // Taken out while they are sent: what comes meanwhile must neither replace them nor be sent before them.
    const left = new Set(queue.take({ nowMs: Date.now(), isStopping: this.#isStopping }));
    const done = (one: WaitingState): void => {
      left.delete(one);
      this.#done(one);
    };
    try {
      const { isSignalled } = await this.#options.send([...left], done);
      if (isSignalled) this.#signalled(queue.uid);
    } catch (error: unknown) {
      this.#signalled(queue.uid);
      queue.putBack([...left]);
      this.#postpone(queue, [...left], error);
    }
    this.#release(queue);
  }

  #done({ tracked, state }: WaitingState): void {
    finishSending(tracked, state);
    if (!isWaiting(tracked)) this.#waiting.delete(tracked);
    this.#options.backoff.reset();
    this.#options.events.sent(tracked, state);
  }

  #signalled(uid: string): void {
    const nowMs = Date.now();
    this.#signalledAtMs.delete(uid);
    this.#signalledAtMs.set(uid, nowMs);
    for (const [longestAgo, atMs] of this.#signalledAtMs) {
      if (nowMs - atMs < this.#options.gatherMs) break;
      this.#signalledAtMs.delete(longestAgo);
    }
  }

  #release(queue: RemediationQueue): void {
    this.#busy.delete(queue);
    const members = [...queue.members];
    queue.release();
    for (const tracked of members) {
      if (!isWaiting(tracked)) this.#waiting.delete(tracked);
      if (!queue.members.has(tracked)) this.#join(tracked);
    }
    this.#plan(queue);
    this.#wake();
  }

  #postpone(queue: RemediationQueue, left: readonly WaitingState[], error: unknown): void {
    const { failures, refusedRetryMs, backoff } = this.#options;
    const { isAway } = failures.report(left, error);
    if (isAway) {
      this.#awayUntil ??= backoff.pause(undefined, this.#stopping.signal).then(() => {
        this.#awayUntil = undefined;
      });
      return;
    }
    // Its own trouble: the others go on.
    const untilMs = Date.now() + refusedRetryMs;
    if (!(error instanceof StateRefusedError)) queue.refusedUntilMs = untilMs;
    else for (const tracked of error.refused) queue.refuse(tracked, untilMs);
  }

  async #until(condition: () => boolean, longestMs: number): Promise<void> {
    const deadline = performance.now() + longestMs;
    while (!condition() && performance.now() < deadline && !this.#stopping.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
        this.#idle.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
