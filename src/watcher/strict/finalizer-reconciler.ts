import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../../domain/errors.ts';
import { instantOf } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { PendingState } from '../delivery/pending-states.ts';
import { Backoff } from '../pacing.ts';
import type { Tracked } from '../state/tracked.ts';
import { renewCredentials } from '../stream/api-request.ts';
import type { FailureCause } from '../stream/failure.ts';
import { classifyFailure } from '../stream/failure.ts';
import type { Collection, WatchedKind } from '../watched-kind.ts';
import { collectionsOf, REMEDIATION } from '../watched-kind.ts';
import type { WatcherOptions } from '../watcher-options.ts';
import type { WatcherTiming } from '../watcher-options.ts';
import type { FinalizerAction } from './finalizer.ts';
import {
  endSent,
  finalizerAction,
  finalizerWritten,
  forgetFinalizerVersion,
  isHeldDeleted,
  observeFinalizer,
} from './finalizer.ts';
import { addFinalizer, releaseFinalizer } from './finalizer-writer.ts';
import { StrictRights } from './strict-rights.ts';

/** Writes on their way at a time: the API server has others to serve, and the watch must not wait for them. */
const WRITES_AT_A_TIME = 4;
const LONGEST_TICK_MS = 1_000;
const LEAST_TICK_MS = 10;
/** Refusals of one write that are ordinary: the resource changed or went meanwhile. */
const ORDINARY_REFUSALS = 2;
/** Failures that say something of one resource or one kind; after all others the API server is left alone for a while. */
const OWN_TROUBLES: ReadonlySet<FailureCause> = new Set(['refused', 'not-served', 'forbidden', 'gone']);

interface FinalizerKeeperOptions {
  readonly cluster: string;
  /** How long after its deletion a resource may be kept although it is not recorded, in milliseconds. */
  readonly holdMs: number;
  readonly connection: ClusterConnection;
  readonly rights: StrictRights;
  readonly timing: WatcherTiming;
  readonly collectionOf: (tracked: Tracked) => Collection | undefined;
  /** Resources with states that Temporal does not have. */
  readonly waiting: () => Iterable<Tracked>;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
  readonly random: () => number;
}

interface Refused {
  readonly backoff: Backoff;
  times: number;
  /** On the clock of `performance`. */
  at: number;
}

/**
 * Strict mode: our finalizer on each resource, so that none goes before Temporal has its end. What is to be done is
 * decided anew whenever something was seen or sent, and again after each failure, from what is known by then; so nothing
 * is remembered that a restart could lose, and doing it twice is doing it once.
 */
export class FinalizerKeeper {
  readonly #options: FinalizerKeeperOptions;
  readonly #queue = new Set<Tracked>();
  readonly #busy = new Set<Tracked>();
  /** Of these something was said while a write was on its way. */
  readonly #again = new Set<Tracked>();
  /** Refused, with when to try again. */
  readonly #later = new Map<Tracked, Refused>();
  /** Deleted, and there only because of us. */
  readonly #kept = new Set<Tracked>();
  readonly #stopping = new AbortController();
  readonly #backoff: Backoff;
  #workers = 0;
  /** The API server is left alone until then, on the clock of `performance`. */
  #pausedUntil = 0;

  constructor(options: FinalizerKeeperOptions) {
    this.#options = options;
    this.#backoff = this.#newBackoff();
  }

  /** Called with each observation of a resource, before it is read. */
  observed(tracked: Tracked, resource: JsonObject): void {
    observeFinalizer(tracked, resource);
    this.consider(tracked);
  }

  /** The server's versions went back. */
  forgetVersion(tracked: Tracked): void {
    forgetFinalizerVersion(tracked);
  }

  /** Temporal has a state of it. */
  acknowledged(tracked: Tracked, { isHeld }: PendingState): void {
    if (isHeld) endSent(tracked);
    this.consider(tracked);
  }

  /** Something of it has changed: what is to be done is looked at soon, and never by the caller. */
  consider(tracked: Tracked): void {
    if (tracked.finalizer === undefined) return;
    if (isHeldDeleted(tracked) && !tracked.seen.isGone) this.#kept.add(tracked);
    else this.#kept.delete(tracked);
    if (this.#busy.has(tracked)) this.#again.add(tracked);
    else if (!this.#later.has(tracked)) this.#queue.add(tracked);
    this.#startWorkers();
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#stopping.abort();
    };
    signal.addEventListener('abort', stop, { once: true });
    const { timing, rights } = this.#options;
    const tickMs = Math.max(LEAST_TICK_MS, Math.min(LONGEST_TICK_MS, timing.backoffMs));
    const checked = rights.check(signal);
    while (!signal.aborted) {
      this.#lookAround();
      await delay(tickMs, undefined, { signal }).catch(() => undefined);
    }
    await checked;
  }

  /** What only time changes: deadlines, pauses after failures, and what waits too long for Temporal. */
  #lookAround(): void {
    for (const tracked of this.#kept) this.consider(tracked);
    for (const tracked of this.#options.waiting()) if (tracked.seen.isTerminal) this.consider(tracked);
    const now = performance.now();
    for (const [tracked, { at }] of this.#later) if (at <= now) this.#queue.add(tracked);
    this.#startWorkers();
  }

  #startWorkers(): void {
    if (performance.now() < this.#pausedUntil) return;
    // Those that are there already may be busy for long.
    while (this.#workers < WRITES_AT_A_TIME && this.#queue.size > 0) {
      this.#workers += 1;
      void this.#work().finally(() => {
        this.#workers -= 1;
      });
    }
  }

  async #work(): Promise<void> {
    // Whoever called is in the middle of taking something in.
    await nextTurn();
    for (let next = this.#take(); next !== undefined; next = this.#take()) {
      const action = this.#actionFor(next);
      if (action === undefined) this.#later.delete(next);
      else await this.#write(next, action);
    }
  }

  #take(): Tracked | undefined {
    const [next] = this.#queue;
    const isPaused = this.#stopping.signal.aborted || performance.now() < this.#pausedUntil;
    if (next === undefined || isPaused) return undefined;
    this.#queue.delete(next);
    return next;
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
    for (const { seen } of this.#options.waiting()) if (seen.remediation?.uid === uid) return true;
    return false;
  }

  async #write(tracked: Tracked, action: FinalizerAction): Promise<void> {
    const collection = this.#options.collectionOf(tracked);
    if (collection === undefined) return;
    const { rights } = this.#options;
    const refusedUntil = rights.refusedUntil(collection) ?? 0;
    if (refusedUntil > performance.now()) {
      this.#postpone(tracked).at = refusedUntil;
      return;
    }
    this.#busy.add(tracked);
    try {
      await this.#send(tracked, collection, action);
      rights.granted(collection);
      this.#later.delete(tracked);
      this.#backoff.reset();
      this.#report(tracked, action);
    } catch (error: unknown) {
      if (!this.#stopping.signal.aborted) this.#failed(tracked, collection, error);
    } finally {
      this.#busy.delete(tracked);
    }
    if (this.#again.delete(tracked)) this.consider(tracked);
  }

  async #send(tracked: Tracked, collection: Collection, action: FinalizerAction): Promise<void> {
    const { connection, timing } = this.#options;
    const { namespace, name, uid } = tracked;
    const look = { connection, deadlineMs: timing.requestMs, signal: this.#stopping.signal };
    const write = action === 'add' ? addFinalizer : releaseFinalizer;
    const answer = await write({ collection, namespace, name, uid }, look);
    finalizerWritten(tracked, answer);
  }

  /** Whatever it was: that the resource is gone or deleted by now the watch tells, and then nothing is left to be done. */
  #failed(tracked: Tracked, collection: Collection, error: unknown): void {
    const { cluster, metrics, logger, rights, connection } = this.#options;
    const failure = classifyFailure(error);
    const { cause, retryAfterMs } = failure;
    const { kind, namespace, name } = tracked;
    metrics.finalizerErrors.inc({ cluster, kind, cause });
    const reason = reasonOf(error);
    if (OWN_TROUBLES.has(cause)) {
      const { times } = this.#postpone(tracked);
      if (cause === 'forbidden') rights.missing(collection, reason);
      else if (times === ORDINARY_REFUSALS + 1)
        logger.warn({ cluster, kind, namespace, name, reason }, 'the API server refuses a finalizer');
    } else {
      this.#queue.add(tracked);
      this.#pausedUntil = performance.now() + this.#backoff.nextMs(retryAfterMs);
      logger.warn({ cluster, cause, reason }, 'cannot write finalizers now: it is tried again');
    }
    renewCredentials(failure, connection, logger);
  }

  #postpone(tracked: Tracked): Refused {
    const refused = this.#later.get(tracked) ?? { backoff: this.#newBackoff(), times: 0, at: 0 };
    refused.times += 1;
    refused.at = performance.now() + refused.backoff.nextMs();
    this.#later.set(tracked, refused);
    return refused;
  }

  #newBackoff(): Backoff {
    const { timing, random } = this.#options;
    return new Backoff({ firstMs: timing.backoffMs, longestMs: timing.longestBackoffMs, random });
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
      'strict mode let a deleted resource go although Temporal does not have its end: its deadline has passed; see why signals fail',
    );
  }
}

type KeeperOptions = WatcherOptions & {
  readonly kinds: readonly WatchedKind[];
  readonly random: () => number;
};

/** Undefined where strict mode is off. */
export function createFinalizerKeeper(
  options: KeeperOptions,
  waiting: () => Iterable<Tracked>,
): FinalizerKeeper | undefined {
  const { strict, kinds, namespaces, timing } = options;
  if (strict === undefined || strict.kinds.length === 0) return undefined;
  const collections = kinds
    .filter(({ kind }) => strict.kinds.includes(kind))
    .flatMap((kind) => collectionsOf(kind, namespaces));
  const byPath = new Map(collections.map((collection) => [collection.path, collection]));
  return new FinalizerKeeper({
    ...options,
    holdMs: strict.holdMs,
    rights: new StrictRights({ ...options, collections, retryMs: timing.longestBackoffMs }),
    collectionOf: ({ seen: { collection = '' } }) => byPath.get(collection),
    waiting,
  });
}
