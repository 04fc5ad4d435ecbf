import type { Dispatcher } from './delivery/dispatcher.ts';
import type { ClusterState } from './state/cluster-state.ts';
import { KindObserver } from './state/kind-observer.ts';
import { KindRecall } from './state/kind-recall.ts';
import { createReadingReport } from './state/reading-report.ts';
import type { RestoreDetector } from './state/restore-detector.ts';
import type { Tracked } from './state/tracked.ts';
import { CollectionWatcher } from './stream/collection-watcher.ts';
import type { FinalizerReconciler } from './strict/finalizer-reconciler.ts';
import type { WatchedKind } from './watched-kind.ts';
import { collectionsOf } from './watched-kind.ts';
import type { WatcherEvents, WatcherOptions } from './watcher-options.ts';

interface KindWatcherOptions extends WatcherOptions {
  readonly random: () => number;
  readonly state: ClusterState;
  readonly dispatcher: Dispatcher;
  readonly restores: RestoreDetector;
  /** Undefined where strict mode is off. */
  readonly finalizers: FinalizerReconciler | undefined;
  readonly events: WatcherEvents;
}

/** One kind of one cluster: what is known of it, what the database shows of it, and a watcher of each of its collections. */
export class KindWatcher {
  readonly observer: KindObserver;
  /** Undefined without the database. */
  readonly recall: KindRecall | undefined;
  readonly #collections: readonly CollectionWatcher[];

  constructor(kind: WatchedKind, options: KindWatcherOptions) {
    const { cluster, namespaces, observed, dispatcher, state, strict, metrics, logger } = options;
    this.observer = new KindObserver({
      ...{ kind, cluster, known: state, dispatcher, now: Date.now },
      finalizers: strict?.kinds.includes(kind.kind) === true ? options.finalizers : undefined,
      report: createReadingReport(cluster, metrics, logger),
    });
    state.add(this.observer);
    this.recall =
      observed && new KindRecall({ ...options, observer: this.observer, recorded: observed, now: Date.now });
    const collections: CollectionWatcher[] = [];
    for (const collection of collectionsOf(kind, namespaces))
      collections.push(
        new CollectionWatcher({
          ...options,
          ...{ collection, observer: this.observer, recall: this.recall, ofKind: collections },
        }),
      );
    this.#collections = collections;
  }

  get isSynced(): boolean {
    return this.#collections.every(({ isSynced }) => isSynced);
  }

  async run(epoch: bigint, signal: AbortSignal): Promise<void> {
    await this.recall?.read();
    const recorded = this.recall?.newestOf(epoch) ?? 0n;
    for (const collection of this.#collections) collection.expectAtLeast(recorded);
    await Promise.all(this.#collections.map((collection) => collection.run(signal)));
  }

  /** Temporal has the deletion of a resource. */
  deletionSent(tracked: Tracked): void {
    // Without the database nobody can say whether it is recorded, so it need not be remembered.
    if (this.recall === undefined) this.observer.forget(tracked);
    else this.observer.rememberGone(tracked);
  }

  /** Sends all that belongs to these remediations again, from a new list. */
  sendAgain(remediationUids: ReadonlySet<string>): void {
    for (const tracked of this.observer.tracked())
      if (remediationUids.has(tracked.seen.remediation?.uid ?? '')) this.observer.sendAgain(tracked);
    this.#relist('run-ended');
  }

  /** Sends everything again, under a new epoch. */
  beginEpoch(): void {
    this.observer.forgetAllSent();
    this.#relist('epoch');
  }

  /** The server's versions went back: any list will do. */
  forgetVersions(): void {
    this.observer.forgetVersions();
    for (const collection of this.#collections) collection.forgetVersions();
    this.#relist('restored');
  }

  #relist(cause: string): void {
    for (const collection of this.#collections) collection.rebuild(cause);
  }
}
