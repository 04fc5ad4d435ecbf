import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../domain/errors.ts';
import type { RemediationReference } from '../kubernaut/observed-remediation.ts';
import { Dispatcher } from './delivery/dispatcher.ts';
import { Flapping } from './delivery/flapping.ts';
import { LostRemediations } from './delivery/lost-remediations.ts';
import { createObservationSender } from './delivery/observation-sender.ts';
import type { PendingState } from './delivery/pending-states.ts';
import type { WaitingState } from './delivery/remediation-queue.ts';
import type { SignalFailure } from './delivery/signal-failure.ts';
import { classifySignalFailure, withoutWorker } from './delivery/signal-failure.ts';
import { Backoff } from './pacing.ts';
import type { Completeness } from './state/completeness.ts';
import { completenessOf, publishCompleteness, publishHeld } from './state/completeness.ts';
import { KindObserver } from './state/kind-observer.ts';
import { KindRecall } from './state/kind-recall.ts';
import { createReadingReport } from './state/reading-report.ts';
import { RestoreDetector } from './state/restore-detector.ts';
import type { Tracked } from './state/tracked.ts';
import { CollectionWatcher } from './stream/collection-watcher.ts';
import type { FinalizerReconciler } from './strict/finalizer-reconciler.ts';
import { createFinalizerReconciler } from './strict/finalizer-reconciler.ts';
import type { WatchedKind } from './watched-kind.ts';
import { collectionsOf, REMEDIATION } from './watched-kind.ts';
import type { WatcherOptions } from './watcher-options.ts';

/** With more resources waiting for Temporal than this a list pauses between its pages. */
const CROWDED = 1_000;
/** Longer than this it may not pause: its pages would be forgotten by the server. */
const LONGEST_PAUSE_MS = 20_000;
const SIGNAL_BACKOFF_MS = 200;
const REFUSED_RETRY_MS = 10_000;
const TICK_MS = 10_000;
/** What still gathers when the watcher ends is sent within this; what is not will be seen by its next life. */
const LONGEST_DRAIN_MS = 2_000;

type ClusterWatcherOptions = WatcherOptions & Required<Pick<WatcherOptions, 'kinds' | 'random'>>;

interface KindParts {
  readonly observer: KindObserver;
  readonly recall: KindRecall | undefined;
  readonly collections: CollectionWatcher[];
}

/** Everything that follows one cluster, and what all of its kinds share: the way to Temporal and the epoch. */
export class ClusterWatcher {
  readonly #options: ClusterWatcherOptions;
  readonly #dispatcher: Dispatcher;
  readonly #flapping: Flapping;
  readonly #parts: readonly KindParts[];
  readonly #stopping = new AbortController();
  readonly #restores: RestoreDetector;
  /** In strict mode. */
  readonly #finalizers: FinalizerReconciler | undefined;
  readonly #lost: LostRemediations | undefined;
  #epoch = 0n;
  #answeredAt = performance.now();

  constructor(options: ClusterWatcherOptions) {
    this.#options = options;
    const { cluster, connection, timing, logger, random } = options;
    this.#flapping = new Flapping({ ...options, intervalMs: timing.coalesceMs });
    this.#dispatcher = new Dispatcher({
      concurrency: options.signalConcurrency,
      send: createObservationSender(options),
      acknowledged: (tracked, state) => {
        this.#acknowledged(tracked, state);
      },
      failed: (those, error) => this.#signalFailed(those, error),
      backoff: new Backoff({
        firstMs: Math.min(SIGNAL_BACKOFF_MS, timing.backoffMs),
        longestMs: timing.longestBackoffMs,
        random,
      }),
      refusedRetryMs: REFUSED_RETRY_MS,
      ...{ gatherMs: timing.gatherMs, briefGatherMs: timing.briefGatherMs },
      ...{ coalesceMs: timing.coalesceMs, flapping: this.#flapping },
      isSettling: () => !this.isSynced,
      superseded: ({ kind }, flaps) => {
        if (flaps) options.metrics.flappingStates.inc({ cluster, kind });
        else options.metrics.statesCoalesced.inc({ cluster });
      },
    });
    const look = { connection, deadlineMs: timing.requestMs, signal: this.#stopping.signal };
    this.#restores = new RestoreDetector({
      ...{ cluster, look, logger },
      restored: () => {
        this.#restored();
      },
    });
    this.#finalizers = createFinalizerReconciler(options, () => this.#dispatcher.waiting());
    this.#lost =
      options.lostRuns &&
      new LostRemediations({
        ...{ ...options, lostRuns: options.lostRuns, observed: options.observed },
        isSynced: () => this.isSynced,
        lookMs: timing.lostRunsMs,
        trackedOf: (uid) => this.#trackedOf(uid),
        sendAgain: (uids) => {
          this.#tellAgain(uids);
        },
      });
    this.#parts = options.kinds.map((kind) => this.#createKind(kind));
  }

  get isSynced(): boolean {
    return this.#collections().every(({ isSynced }) => isSynced);
  }

  completeness(): Completeness {
    return completenessOf({
      cluster: this.#options.cluster,
      kinds: this.#parts.map(({ observer }) => ({ kind: observer.kind.kind, tracked: observer.tracked() })),
      knowsRecorded: this.#parts.some(({ recall }) => recall?.isKnown),
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
    try {
      await this.#readEpoch();
      const loops = this.#parts.map((parts) => this.#runKind(parts));
      await Promise.all([...loops, this.#keepAnEye(), ...this.#helpers()]);
    } finally {
      stop();
      await this.#dispatcher.drain(LONGEST_DRAIN_MS);
      this.#dispatcher.stop();
      signal.removeEventListener('abort', stop);
    }
  }

  #helpers(): readonly (Promise<void> | undefined)[] {
    const { signal } = this.#stopping;
    return [this.#finalizers?.run(signal), this.#lost?.run(signal)];
  }

  async #runKind({ recall, collections }: KindParts): Promise<void> {
    await recall?.read();
    const recorded = recall?.newestOf(this.#epoch) ?? 0n;
    for (const collection of collections) collection.expectAtLeast(recorded);
    await Promise.all(collections.map((collection) => collection.run(this.#stopping.signal)));
  }

  #createKind(kind: WatchedKind): KindParts {
    const { cluster, namespaces, observed, timing, logger, metrics, strict } = this.#options;
    const observer = new KindObserver({
      kind,
      cluster,
      finalizers: strict?.kinds.includes(kind.kind) === true ? this.#finalizers : undefined,
      epoch: () => this.#epoch,
      remediationUid: (namespace, name) => this.#observerOf(REMEDIATION)?.uidOf(namespace, name),
      siblingCreatedAt: ({ kind: sibling, namespace, name }, remediationUid) =>
        this.#observerOf(sibling)?.createdAtOf(namespace, name, remediationUid),
      offer: (tracked, state) => {
        this.#dispatcher.offer(tracked, state);
      },
      report: createReadingReport(cluster, metrics, logger),
      now: Date.now,
    });
    const recall =
      observed &&
      new KindRecall({
        ...{ cluster, namespaces, observer, known: observed, timing, logger, metrics },
        now: Date.now,
      });
    const collections: CollectionWatcher[] = [];
    for (const collection of collectionsOf(kind, namespaces)) {
      collections.push(
        new CollectionWatcher({
          ...this.#options,
          collection,
          observer,
          room: () => this.#dispatcher.room(CROWDED, LONGEST_PAUSE_MS),
          places: () => collections,
          older: (watcher, version) => this.#restores.suspect(watcher.collection, observer, version),
          newEnough: (watcher) => {
            this.#restores.clear(watcher.collection);
          },
          behind: ({ behind, version }) => this.#restores.suspectBehind(collection, behind, version),
          recall: async () => recall?.read(),
          progressed: () => {
            this.#answeredAt = performance.now();
          },
        }),
      );
    }
    return { observer, recall, collections };
  }

  #observerOf(kind: string): KindObserver | undefined {
    return this.#parts.find(({ observer }) => observer.kind.kind === kind)?.observer;
  }

  #collections(): readonly CollectionWatcher[] {
    return this.#parts.flatMap(({ collections }) => collections);
  }

  #acknowledged(tracked: Tracked, state: PendingState): void {
    this.#finalizers?.sent(tracked, state);
    const remediation = this.#remediationOf(tracked);
    if (remediation !== undefined) this.#finalizers?.consider(remediation);
    if (!state.isDeletion || state.isHeld || tracked.delivery.pending.length > 0) return;
    const parts = this.#parts.find(({ observer }) => observer.kind.kind === tracked.kind);
    // Nobody can say whether it is recorded, so it need not be remembered.
    if (parts?.recall === undefined) parts?.observer.forget(tracked);
    else parts.observer.keepGone(tracked);
  }

  #remediationOf({ seen: { remediation } }: Tracked): Tracked | undefined {
    if (remediation === undefined) return undefined;
    return this.#observerOf(REMEDIATION)?.find(remediation.uid);
  }

  #signalFailed(those: readonly WaitingState[], error: unknown): { readonly isAway: boolean } {
    const failure = classifySignalFailure(error);
    const remediation = those[0]?.state.reading.remediation;
    void this.#reportFailure(failure, remediation, error);
    if (failure.losesRun && remediation !== undefined) this.#tellAgain(new Set([remediation.uid]));
    return failure;
  }

  async #reportFailure(
    failure: SignalFailure,
    remediation: RemediationReference | undefined,
    error: unknown,
  ): Promise<void> {
    const { cluster, metrics, logger, hasWorker } = this.#options;
    const isWithoutWorker = failure.reason === 'signal-limit' && (await hasWorker?.()) === false;
    const { reason, remedy } = isWithoutWorker ? withoutWorker(failure) : failure;
    metrics.signalErrors.inc({ cluster, reason });
    const message = reasonOf(error);
    logger.warn(
      { cluster, namespace: remediation?.namespace, remediation: remediation?.name, reason, message, remedy },
      'sending a signal to Temporal failed: it is tried again',
    );
  }

  #trackedOf(remediationUid: string): readonly Tracked[] {
    return this.#parts.flatMap(({ observer }) =>
      [...observer.tracked()].filter(({ seen }) => seen.remediation?.uid === remediationUid),
    );
  }

  /** What the lost run had not recorded went with it. */
  #tellAgain(remediationUids: ReadonlySet<string>): void {
    for (const { observer, collections } of this.#parts) {
      for (const tracked of observer.tracked()) {
        if (remediationUids.has(tracked.seen.remediation?.uid ?? '')) observer.sendAgain(tracked);
      }
      for (const collection of collections) collection.rebuild('run-ended');
    }
  }

  #restored(): void {
    const { cluster, metrics } = this.#options;
    metrics.clusterRestored.set({ cluster }, 1);
    for (const { observer, collections } of this.#parts) {
      observer.forgetVersions();
      for (const collection of collections) {
        collection.forgetVersions();
        collection.rebuild('restored');
      }
    }
  }

  async #keepAnEye(): Promise<void> {
    const { signal } = this.#stopping;
    const { timing } = this.#options;
    while (!signal.aborted) {
      await delay(Math.min(TICK_MS, timing.reconcileMs), undefined, { signal }).catch(() => undefined);
      if (isAborted(signal)) return;
      this.#flapping.settle(Date.now());
      await this.#readEpoch();
      for (const { recall } of this.#parts) {
        await recall?.settleSent();
        await recall?.settleGone();
      }
      publishCompleteness(this.completeness(), this.#dispatcher, this.#options.metrics);
      this.#publishHeld();
    }
  }

  #publishHeld(): void {
    const { strict, cluster, metrics } = this.#options;
    if (strict === undefined) return;
    const kinds = this.#parts
      .map(({ observer }) => ({ kind: observer.kind.kind, tracked: observer.tracked() }))
      .filter(({ kind }) => strict.kinds.includes(kind));
    publishHeld(cluster, kinds, metrics);
  }

  /** An operator who confirms that the cluster was restored raises it; then every state is sent again under it. */
  async #readEpoch(): Promise<void> {
    const { cluster, observed, logger, metrics } = this.#options;
    let epoch: bigint;
    try {
      epoch = (await observed?.epoch(cluster)) ?? this.#epoch;
    } catch (error: unknown) {
      // The one at hand holds until the database answers again.
      logger.warn({ cluster, reason: String(error) }, 'cannot read the epoch of the cluster');
      return;
    }
    if (epoch === this.#epoch) return;
    logger.info({ cluster, epoch: String(epoch) }, 'the cluster has a new epoch');
    this.#epoch = epoch;
    metrics.clusterRestored.set({ cluster }, 0);
    for (const { observer, collections } of this.#parts) {
      observer.forgetAllSent();
      for (const collection of collections) collection.rebuild('epoch');
    }
  }
}

/** A function, because the compiler believes that a signal tested once does not change. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
