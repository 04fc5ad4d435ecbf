import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../domain/errors.ts';
import { Dispatcher } from './delivery/dispatcher.ts';
import { Flapping } from './delivery/flapping.ts';
import { LostRemediations } from './delivery/lost-remediations.ts';
import { createObservationSender } from './delivery/observation-sender.ts';
import type { PendingState } from './delivery/pending-states.ts';
import { SignalFailures } from './delivery/signal-failure.ts';
import { KindWatcher } from './kind-watcher.ts';
import { Backoff } from './pacing.ts';
import { ClusterState } from './state/cluster-state.ts';
import type { Completeness } from './state/completeness.ts';
import { completenessOf, publishCompleteness, publishHeld } from './state/completeness.ts';
import { RestoreDetector } from './state/restore-detector.ts';
import type { Tracked } from './state/tracked.ts';
import type { FinalizerReconciler } from './strict/finalizer-reconciler.ts';
import { createFinalizerReconciler } from './strict/finalizer-reconciler.ts';
import type { WatcherEvents, WatcherOptions } from './watcher-options.ts';

const SIGNAL_BACKOFF_MS = 200;
const REFUSED_RETRY_MS = 10_000;
const TICK_MS = 10_000;
/** What still gathers when the watcher ends is sent within this; what is not will be seen by its next life. */
const LONGEST_DRAIN_MS = 2_000;

type ClusterWatcherOptions = WatcherOptions & Required<Pick<WatcherOptions, 'kinds' | 'random'>>;

/**
 * Follows one cluster. Comes in: lists, watches and probes of each kind, and what the database shows. Goes out: signals to
 * Temporal, finalizers in strict mode, and what is missing.
 *
 * The parts are built here and know each other as they stand; what concerns all of them they report through the four events
 * of `WatcherEvents`:
 *
 * - `stream/` lists and watches each collection into
 * - `state/`, which knows each resource, decides what of it is news, and offers that to
 * - `delivery/`, which gathers the states of one remediation and sends them until Temporal has them.
 * - `strict/` holds resources in the cluster until their end is with Temporal.
 *
 * What must stay true: no state that was seen is given up before Temporal has it or a newer state shows all it shows; nothing
 * counts as deleted before a GET by its name confirms it; a restart needs nothing that was only in memory, except what was
 * deleted and not yet sent.
 */
export class ClusterWatcher implements WatcherEvents {
  readonly #options: ClusterWatcherOptions;
  readonly #state = new ClusterState();
  readonly #dispatcher: Dispatcher;
  readonly #flapping: Flapping;
  readonly #kinds: readonly KindWatcher[];
  readonly #stopping = new AbortController();
  /** In strict mode. */
  readonly #finalizers: FinalizerReconciler | undefined;
  readonly #lost: LostRemediations | undefined;
  #answeredAt = performance.now();

  constructor(options: ClusterWatcherOptions) {
    this.#options = options;
    const { connection, timing, lostRuns } = options;
    this.#flapping = new Flapping({ ...options, intervalMs: timing.coalesceMs });
    const [events, state, sync] = [this, this.#state, this];
    this.#dispatcher = this.#createDispatcher();
    this.#finalizers = createFinalizerReconciler(options, this.#dispatcher);
    this.#lost =
      lostRuns &&
      new LostRemediations({ ...options, lostRuns, events, state, sync, periodMs: timing.lostRunsMs });
    const request = { connection, deadlineMs: timing.requestMs, signal: this.#stopping.signal };
    const parts = {
      ...{ events, state, dispatcher: this.#dispatcher, finalizers: this.#finalizers },
      restores: new RestoreDetector({ ...options, request, events }),
    };
    this.#kinds = options.kinds.map((kind) => new KindWatcher(kind, { ...options, ...parts }));
  }

  #createDispatcher(): Dispatcher {
    const { timing, random, signalConcurrency } = this.#options;
    const firstMs = Math.min(SIGNAL_BACKOFF_MS, timing.backoffMs);
    return new Dispatcher({
      ...this.#options,
      ...timing,
      concurrency: signalConcurrency,
      send: createObservationSender(this.#options),
      failures: new SignalFailures({ ...this.#options, events: this }),
      backoff: new Backoff({ firstMs, longestMs: timing.longestBackoffMs, random }),
      refusedRetryMs: REFUSED_RETRY_MS,
      flapping: this.#flapping,
      events: this,
      sync: this,
    });
  }

  get isSynced(): boolean {
    return this.#kinds.every(({ isSynced }) => isSynced);
  }

  completeness(): Completeness {
    return completenessOf({
      cluster: this.#options.cluster,
      kinds: this.#state.byKind(),
      knowsRecorded: this.#kinds.some(({ recall }) => recall?.isKnown),
      recordingGraceMs: this.#options.timing.recordingGraceMs,
      nowMs: Date.now(),
      lostRunOf: (remediationUid) => this.#lost?.runOf(remediationUid),
    });
  }

  /** Since the cluster last answered a list or a watch. */
  silentMs(): number {
    return performance.now() - this.#answeredAt;
  }

  /** Ends with the signal alone. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#stopping.abort();
    };
    signal.addEventListener('abort', stop, { once: true });
    const stopping = this.#stopping.signal;
    try {
      await this.#readEpoch();
      await Promise.all([
        ...this.#kinds.map((kind) => kind.run(this.#state.epoch, stopping)),
        this.#runPeriodically(stopping),
        this.#finalizers?.run(stopping),
        this.#lost?.run(stopping),
      ]);
    } finally {
      stop();
      await this.#dispatcher.drain(LONGEST_DRAIN_MS);
      this.#dispatcher.stop();
      signal.removeEventListener('abort', stop);
    }
  }

  answered(): void {
    this.#answeredAt = performance.now();
  }

  sent(tracked: Tracked, state: PendingState): void {
    this.#finalizers?.sent(tracked, state);
    const remediation = this.#state.remediationOf(tracked);
    if (remediation !== undefined) this.#finalizers?.consider(remediation);
    if (!state.isDeletion || state.isHeld || tracked.delivery.pending.length > 0) return;
    this.#kinds.find(({ observer }) => observer.kind.kind === tracked.kind)?.deletionSent(tracked);
  }

  runsLost(remediationUids: ReadonlySet<string>): void {
    for (const kind of this.#kinds) kind.sendAgain(remediationUids);
  }

  restored(): void {
    const { cluster, metrics } = this.#options;
    metrics.clusterRestored.set({ cluster }, 1);
    for (const kind of this.#kinds) kind.forgetVersions();
  }

  async #runPeriodically(signal: AbortSignal): Promise<void> {
    const { timing } = this.#options;
    while (!signal.aborted) {
      await delay(Math.min(TICK_MS, timing.reconcileMs), undefined, { signal }).catch(() => undefined);
      if (isAborted(signal)) return;
      this.#flapping.forgetQuiet(Date.now());
      await this.#readEpoch();
      for (const { recall } of this.#kinds) {
        await recall?.checkSent();
        await recall?.checkGone();
      }
      this.#publish();
    }
  }

  #publish(): void {
    const { strict, cluster, metrics } = this.#options;
    publishCompleteness(this.completeness(), this.#dispatcher, metrics);
    if (strict === undefined) return;
    const kinds = this.#state.byKind().filter(({ kind }) => strict.kinds.includes(kind));
    publishHeld(cluster, kinds, metrics);
  }

  /** An operator who confirms that the cluster was restored raises it; then every state is sent again under it. */
  async #readEpoch(): Promise<void> {
    const { cluster, observed, logger, metrics } = this.#options;
    let epoch: bigint;
    try {
      epoch = (await observed?.epoch(cluster)) ?? this.#state.epoch;
    } catch (error: unknown) {
      // The known one holds until the database answers again.
      logger.warn(
        { server: 'database', cluster, reason: reasonOf(error) },
        'cannot read the epoch of the cluster',
      );
      return;
    }
    if (epoch === this.#state.epoch) return;
    logger.info({ cluster, epoch: String(epoch) }, 'the cluster has a new epoch');
    this.#state.epoch = epoch;
    metrics.clusterRestored.set({ cluster }, 0);
    for (const kind of this.#kinds) kind.beginEpoch();
  }
}

/** A function, because the compiler believes that a signal tested once does not change. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
