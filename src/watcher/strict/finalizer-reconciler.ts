import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../../domain/errors.ts';
import { instantOf } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { Dispatcher } from '../delivery/dispatcher.ts';
import type { PendingState } from '../delivery/pending-states.ts';
import type { Tracked } from '../state/tracked.ts';
import { renewCredentials } from '../stream/api-request.ts';
import type { Failure, FailureCause } from '../stream/failure.ts';
import { classifyFailure } from '../stream/failure.ts';
import type { Collection, WatchedKind } from '../watched-kind.ts';
import { collectionsOf, REMEDIATION } from '../watched-kind.ts';
import type { WatcherOptions } from '../watcher-options.ts';
import type { WatcherTiming } from '../watcher-options.ts';
import type { FailureScope, WorkResult } from '../work-queue.ts';
import { WorkQueue } from '../work-queue.ts';
import { addFinalizer, releaseFinalizer } from './finalizer-writer.ts';
import type { FinalizerAction } from './finalizer.ts';
import {
  endSent,
  finalizerAction,
  finalizerWritten,
  forgetFinalizerVersion,
  isHeldDeleted,
  observeFinalizer,
} from './finalizer.ts';
import { StrictRights } from './strict-rights.ts';

/** Writes at a time: the API server has others to serve, and the watch must not wait for them. */
const WRITES_AT_A_TIME = 4;
const LONGEST_TICK_MS = 1_000;
const LEAST_TICK_MS = 10;
/** Refusals of one write that are ordinary: the resource changed or went meanwhile. */
const ORDINARY_REFUSALS = 2;
/** Failures that say something of one resource or one kind; after all others the API server is left alone for a while. */
const OWN_FAILURES: ReadonlySet<FailureCause> = new Set(['refused', 'not-served', 'forbidden', 'gone']);

interface FinalizerReconcilerOptions {
  readonly cluster: string;
  /** How long after its deletion a resource may be held although it is not recorded, in milliseconds. */
  readonly holdMs: number;
  readonly connection: ClusterConnection;
  readonly rights: StrictRights;
  readonly timing: WatcherTiming;
  /** Where it writes, by path. */
  readonly collections: ReadonlyMap<string, Collection>;
  /** Knows the resources with states that Temporal does not have. */
  readonly dispatcher: Pick<Dispatcher, 'waiting'>;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
  readonly random: () => number;
}

/**
 * Strict mode: our finalizer on each resource, so that none goes before Temporal has its end. Comes in: observations, what
 * Temporal has, and time. Goes out: patches of `metadata.finalizers` and nothing else. `finalizerAction` decides anew
 * whenever something may have changed and again after each failure, from what is known then; so nothing is remembered that a
 * restart could lose, and doing it twice is doing it once. The states of a finalizer are in `tracked.ts`.
 */
export class FinalizerReconciler {
  readonly #options: FinalizerReconcilerOptions;
  readonly #queue: WorkQueue<Tracked>;
  /** Deleted, and there only because of us: their deadline may pass without any other event. */
  readonly #heldDeleted = new Set<Tracked>();

  constructor(options: FinalizerReconcilerOptions) {
    this.#options = options;
    const { timing, random } = options;
    this.#queue = new WorkQueue({
      concurrency: WRITES_AT_A_TIME,
      reconcile: (tracked, signal) => this.#reconcile(tracked, signal),
      scopeOf: (error) => scopeOf(classifyFailure(error)),
      failed: (tracked, error, failuresInARow) => {
        this.#failed(tracked, error, failuresInARow);
      },
      backoff: { firstMs: timing.backoffMs, longestMs: timing.longestBackoffMs, random },
    });
  }

  /** Called with each observation of a resource, before it is read. */
  observed(tracked: Tracked, resource: JsonObject): void {
    observeFinalizer(tracked, resource);
    this.consider(tracked);
  }

  /** Temporal has a state of it. */
  sent(tracked: Tracked, { isHeld }: PendingState): void {
    if (isHeld) endSent(tracked);
    this.consider(tracked);
  }

  /** The server's versions went back. */
  forgetVersion(tracked: Tracked): void {
    forgetFinalizerVersion(tracked);
  }

  /** Something of it has changed. */
  consider(tracked: Tracked): void {
    if (tracked.finalizer === undefined) return;
    if (isHeldDeleted(tracked) && !tracked.seen.isGone) this.#heldDeleted.add(tracked);
    else this.#heldDeleted.delete(tracked);
    this.#queue.add(tracked);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { timing, rights } = this.#options;
    const tickMs = Math.max(LEAST_TICK_MS, Math.min(LONGEST_TICK_MS, timing.backoffMs));
    const checked = rights.check(signal);
    while (!signal.aborted) {
      this.#considerWhatTimeChanges();
      await delay(tickMs, undefined, { signal }).catch(() => undefined);
    }
    await this.#queue.stop();
    await checked;
  }

  /** Deadlines pass, and what waits for Temporal has waited too long. */
  #considerWhatTimeChanges(): void {
    for (const tracked of this.#heldDeleted) this.consider(tracked);
    for (const tracked of this.#options.dispatcher.waiting())
      if (tracked.seen.isTerminal) this.consider(tracked);
  }

  async #reconcile(tracked: Tracked, signal: AbortSignal): Promise<WorkResult> {
    const { rights } = this.#options;
    const collection = this.#collectionOf(tracked);
    const action = this.#actionFor(tracked);
    if (action === undefined || collection === undefined) return 'nothing';
    const refusedUntil = rights.refusedUntil(collection) ?? 0;
    if (refusedUntil > performance.now()) return { notBefore: refusedUntil };
    await this.#write(tracked, { collection, action }, signal);
    rights.granted(collection);
    this.#report(tracked, action);
    return 'done';
  }

  #collectionOf({ seen: { collection = '' } }: Tracked): Collection | undefined {
    return this.#options.collections.get(collection);
  }

  #actionFor(tracked: Tracked): FinalizerAction | undefined {
    return finalizerAction(tracked, {
      isRemediation: tracked.kind === REMEDIATION,
      isWaitedFor: () => this.#isWaitedFor(tracked),
      nowMs: Date.now(),
      holdMs: this.#options.holdMs,
    });
  }

  /** When a remediation goes, what belongs to it goes with it. */
  #isWaitedFor({ kind, uid }: Tracked): boolean {
    if (kind !== REMEDIATION) return false;
    for (const { seen } of this.#options.dispatcher.waiting()) if (seen.remediation?.uid === uid) return true;
    return false;
  }

  async #write(
    tracked: Tracked,
    { collection, action }: { readonly collection: Collection; readonly action: FinalizerAction },
    signal: AbortSignal,
  ): Promise<void> {
    const { connection, timing } = this.#options;
    const { namespace, name, uid } = tracked;
    const write = action === 'add' ? addFinalizer : releaseFinalizer;
    const request = { connection, deadlineMs: timing.requestMs, signal };
    finalizerWritten(tracked, await write({ collection, namespace, name, uid }, request));
  }

  /** Whatever it was: that the resource is gone or deleted by now the watch shows, and then nothing is left to be done. */
  #failed(tracked: Tracked, error: unknown, failuresInARow: number): void {
    const { cluster, metrics, logger, rights, connection } = this.#options;
    const failure = classifyFailure(error);
    const { cause } = failure;
    const { kind, namespace, name } = tracked;
    const reason = reasonOf(error);
    metrics.finalizerErrors.inc({ cluster, kind, cause });
    const collection = this.#collectionOf(tracked);
    if (scopeOf(failure) !== 'key')
      logger.warn(
        { server: `cluster ${cluster}`, cluster, cause, reason },
        'cannot write finalizers now: trying again',
      );
    else if (cause === 'forbidden' && collection !== undefined) rights.missing(collection, reason);
    else if (failuresInARow === ORDINARY_REFUSALS + 1)
      logger.warn({ cluster, kind, namespace, name, reason }, 'the API server refuses a finalizer');
    renewCredentials(failure, connection, logger);
  }

  #report(tracked: Tracked, action: FinalizerAction): void {
    const { cluster, metrics, logger } = this.#options;
    const { kind, namespace, name, uid, finalizer } = tracked;
    metrics.finalizerWrites.inc({ cluster, kind, action });
    if (action !== 'release-unrecorded') return;
    metrics.unrecordedReleases.inc({ cluster, kind });
    const deletedAt = instantOf(finalizer?.deletedAtMs ?? Date.now());
    logger.error(
      { cluster, kind, namespace, name, uid, deletedAt },
      'strict mode released a deleted resource although Temporal does not have its end: its deadline has passed; see why signals fail',
    );
  }
}

type ReconcilerOptions = WatcherOptions & {
  readonly kinds: readonly WatchedKind[];
  readonly random: () => number;
};

/** Undefined where strict mode is off. */
export function createFinalizerReconciler(
  options: ReconcilerOptions,
  dispatcher: Pick<Dispatcher, 'waiting'>,
): FinalizerReconciler | undefined {
  const { strict, kinds, namespaces, timing } = options;
  if (strict === undefined || strict.kinds.length === 0) return undefined;
  const collections = kinds
    .filter(({ kind }) => strict.kinds.includes(kind))
    .flatMap((kind) => collectionsOf(kind, namespaces));
  const byPath = new Map(collections.map((collection) => [collection.path, collection]));
  return new FinalizerReconciler({
    ...options,
    holdMs: strict.holdMs,
    rights: new StrictRights({ ...options, collections, retryMs: timing.longestBackoffMs }),
    collections: byPath,
    dispatcher,
  });
}

function scopeOf({ cause, retryAfterMs }: Failure): FailureScope {
  return OWN_FAILURES.has(cause) ? 'key' : { retryAfterMs };
}
