import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import { confirmGone, DueForProbe } from '../state/confirm-deletion.ts';
import type { KindObserver } from '../state/kind-observer.ts';
import type { KindRecall } from '../state/kind-recall.ts';
import type { MissingResource, NewerResource } from '../state/missed-changes.ts';
import { judge, waitForWatch } from '../state/missed-changes.ts';
import { identify } from '../state/read-resource.ts';
import type { RestoreDetector } from '../state/restore-detector.ts';
import type { Tracked } from '../state/tracked.ts';
import type { Collection } from '../watched-kind.ts';
import type { WatcherEvents, WatcherTiming } from '../watcher-options.ts';
import { probe, renewCredentials } from './api-request.ts';
import { classifyFailure, OlderListError } from './failure.ts';
import type { CompleteList } from './list.ts';
import { readCompleteList } from './list.ts';
import { Reflector } from './reflector.ts';

/** What a list or a probe has just shown and the watch has not. */
interface FoundNow {
  /** The watch that was open before the request. */
  readonly openedAt: number | undefined;
  readonly newer: readonly JsonObject[];
  readonly missing: readonly Tracked[];
}

interface CollectionWatcherOptions {
  readonly cluster: string;
  readonly collection: Collection;
  readonly connection: ClusterConnection;
  readonly observer: KindObserver;
  readonly timing: WatcherTiming;
  readonly listPageSize: number;
  /** Pauses a list between its pages while too much waits for Temporal. */
  readonly dispatcher: { waitForRoom(): Promise<void> };
  /** The watchers of all collections of the kind. */
  readonly ofKind: readonly CollectionWatcher[];
  readonly restores: RestoreDetector;
  /** What the database shows of the kind; read before each list that checks the watch. */
  readonly recall: KindRecall | undefined;
  readonly events: Pick<WatcherEvents, 'answered'>;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
  readonly random: () => number;
}

/** One collection: its reflector, and beside it the list that checks it from time to time. */
export class CollectionWatcher {
  readonly collection: Collection;
  readonly #options: CollectionWatcherOptions;
  readonly #reflector: Reflector;
  readonly #dueForProbe: DueForProbe;
  /** Missing from a list that a watch began with: no watch could show their end. */
  readonly #endedBefore = new WeakSet<Tracked>();
  /** The newest version that anything has shown: no list may be older. */
  #newest = 0n;
  #stopping = new AbortController().signal;

  constructor(options: CollectionWatcherOptions) {
    this.#options = options;
    this.collection = options.collection;
    this.#dueForProbe = new DueForProbe({ reconcileMs: options.timing.reconcileMs, now: Date.now });
    this.#reflector = new Reflector({
      ...options,
      list: (signal) => this.#list(signal),
      listed: (list) => {
        const missing = this.#missingFrom(list);
        for (const tracked of missing) this.#endedBefore.add(tracked);
        void this.#confirmGone(missing);
      },
      absent: () => {
        void this.#confirmGone(this.#missingFrom({ listed: new Set(), version: this.#newest }));
      },
      older: (error) => this.#olderList(error),
      saw: (version) => {
        this.expectAtLeast(version);
      },
    });
  }

  get isSynced(): boolean {
    return this.#reflector.isSynced;
  }

  get absentPolls(): number {
    return this.#reflector.absentPolls;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#stopping = signal;
    const { timing } = this.#options;
    await Promise.all([
      this.#reflector.run(signal),
      this.#checkForever(timing.reconcileMs, () => this.#reconcile(signal), signal),
      this.#checkForever(timing.probeMs, () => this.#probeDue(signal), signal),
    ]);
  }

  rebuild(cause: string): void {
    this.#reflector.rebuild(cause);
  }

  /** So new was the cluster when something was recorded of it, in an earlier life of this process or by another one. */
  expectAtLeast(version: bigint): void {
    if (version > this.#newest) this.#newest = version;
  }

  /** The server's versions went back: any list will do. */
  forgetVersions(): void {
    this.#newest = 0n;
  }

  async #list(signal: AbortSignal, defer?: (resource: JsonObject) => boolean): Promise<CompleteList> {
    const { timing, listPageSize, metrics, cluster, collection, restores } = this.#options;
    const notOlderThan = this.#newest;
    const list = await readCompleteList(
      { ...this.#options, pageSize: listPageSize, deadlineMs: timing.requestMs, notOlderThan, defer },
      signal,
    );
    this.expectAtLeast(list.version);
    restores.newEnough(collection);
    if (list.regressed.size > 0) await restores.versionsRegressed(collection, list.regressed, list.version);
    metrics.lastGoodList.set({ cluster, kind: collection.kind }, Date.now() / 1_000);
    return list;
  }

  async #checkForever(periodMs: number, check: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { random } = this.#options;
    for (;;) {
      const pauseMs = periodMs * (0.75 + random() / 2);
      await delay(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      // A collection that was never listed completely has nothing to be checked against.
      if (!this.#reflector.isSynced || this.#reflector.absentPolls > 0) continue;
      await check().catch((error: unknown) => this.#checkFailed(error));
    }
  }

  /** The next round comes anyway. An open watch does not notice that the credentials of its request are over. */
  async #checkFailed(error: unknown): Promise<void> {
    const { cluster, connection, logger, collection } = this.#options;
    const reason = reasonOf(error);
    logger.warn(
      { server: `cluster ${cluster}`, cluster, kind: collection.kind, reason },
      'cannot check the watch',
    );
    renewCredentials(classifyFailure(error), connection, logger);
    await this.#olderList(error);
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    await this.#options.recall?.read();
    const openedAt = this.#reflector.watchOpenedAt;
    const newer: JsonObject[] = [];
    const list = await this.#list(signal, (resource) => newer.push(resource) > 0);
    await this.#judgeFound({ openedAt, newer, missing: this.#missingFrom(list) }, signal);
  }

  /** Between two lists each resource that is overdue, or soon to be deleted, is probed by its name: etcd itself answers. */
  async #probeDue(signal: AbortSignal): Promise<void> {
    const { observer, connection, timing } = this.#options;
    const openedAt = this.#reflector.watchOpenedAt;
    const newer: JsonObject[] = [];
    const missing: Tracked[] = [];
    for (const tracked of this.#dueForProbe.take(observer.tracked(), this.collection)) {
      const answer = await probe(this.collection, tracked, {
        connection,
        deadlineMs: timing.requestMs,
        signal,
      });
      if (answer === 'missing') missing.push(tracked);
      if (typeof answer === 'string') continue;
      if ('unclear' in answer) throw answer.unclear;
      if (textAt(answer.object, 'metadata.uid') !== tracked.uid) missing.push(tracked);
      if (observer.isNews(answer.object)) newer.push(answer.object);
    }
    await this.#judgeFound({ openedAt, newer, missing }, signal);
  }

  /** What was found is taken in when the watch had its time to show it; what that watch has missed is counted. */
  async #judgeFound({ openedAt, newer, missing }: FoundNow, signal: AbortSignal): Promise<void> {
    if (newer.length + missing.length === 0) return;
    const { observer, timing } = this.#options;
    const graceMs = timing.reconcileGraceMs;
    const found = {
      openedAt,
      foundAt: performance.now(),
      newer: newer.flatMap((resource) => newerResource(resource)),
      missing: missing.map((tracked) => this.#missingResource(tracked)),
    };
    const isOpen = (): number | undefined => this.#reflector.watchOpenedAt;
    await waitForWatch(found, { graceMs, reopenMs: timing.longestBackoffMs, openedAt: isOpen, signal });
    // What was found may be over by now, and nobody is left to show that: the next life lists.
    if (signal.aborted) return;
    const watch = {
      openedAt: isOpen(),
      graceMs,
      versionOf: (uid: string) => observer.versionOf(uid),
      isGone: (uid: string) => observer.find(uid)?.seen.isGone ?? true,
    };
    const { missed, deleted } = judge(found, watch, performance.now());
    for (const resource of newer) observer.observe(resource, this.collection);
    await this.#confirmGone(deleted.flatMap(({ tracked, isMissed }) => (isMissed ? [] : [tracked])));
    const gone = await this.#confirmGone(
      deleted.flatMap(({ tracked, isMissed }) => (isMissed ? [tracked] : [])),
    );
    this.#reflector.lost(missed.length + gone);
  }

  #missingResource(tracked: Tracked): MissingResource<Tracked> {
    const { version } = tracked.seen;
    return { tracked, uid: tracked.uid, version, endedBeforeWatch: this.#endedBefore.has(tracked) };
  }

  #missingFrom({ listed, version }: Pick<CompleteList, 'listed' | 'version'>): Tracked[] {
    return this.#options.observer.missingFrom(this.collection, listed, version);
  }

  async #confirmGone(missing: readonly Tracked[]): Promise<number> {
    if (missing.length === 0) return 0;
    const { timing } = this.#options;
    return confirmGone(missing, { ...this.#options, deadlineMs: timing.requestMs }, this.#stopping);
  }

  async #olderList(error: unknown): Promise<void> {
    const { collection, observer, restores } = this.#options;
    if (error instanceof OlderListError) await restores.olderList(collection, observer, error.version);
  }
}

function newerResource(resource: JsonObject): readonly NewerResource[] {
  const identity = identify(resource);
  return identity === undefined ? [] : [{ uid: identity.uid, version: identity.version, resource }];
}
