import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../../domain/errors.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import { Backoff } from '../pacing.ts';
import type { KindObserver } from '../state/kind-observer.ts';
import type { Collection } from '../watched-kind.ts';
import type { WatcherEvents, WatcherTiming } from '../watcher-options.ts';
import { renewCredentials } from './api-request.ts';
import type { Failure } from './failure.ts';
import { classifyFailure, WatchTooShortError } from './failure.ts';
import type { CompleteList } from './list.ts';
import type { WatchEvent } from './watch.ts';
import { readWatch } from './watch.ts';

/** A watch that ends sooner and brought nothing counts as failed. */
const LEAST_WATCH_MS = 1_000;
/** Of the inactivity deadline: how long a watch is requested for where no bookmarks come. */
const QUIET_WATCH_SHARE = 0.75;

interface ReflectorOptions {
  readonly cluster: string;
  readonly collection: Collection;
  readonly connection: ClusterConnection;
  readonly observer: KindObserver;
  readonly timing: WatcherTiming;
  /** Reads a complete list into the observer. */
  readonly list: (signal: AbortSignal) => Promise<CompleteList>;
  /** Called with a list that was read because the watch needed one. */
  readonly listed: (list: CompleteList) => void;
  /** Called when nothing serves the collection; `polls` counts how often in a row. */
  readonly absent: (polls: number) => void;
  /** Called when a list was older than what was seen. */
  readonly older: (error: unknown) => Promise<void>;
  /** Called with the version of each event. */
  readonly saw: (version: bigint) => void;
  readonly events: Pick<WatcherEvents, 'answered'>;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Follows one collection for as long as the signal allows. Comes in: pages of a list and the events of one watch. Goes out: every
 * object and deletion to the observer, in the order of the stream. What must stay true: the version never goes back, and none is
 * skipped; after anything that cannot be understood the next step is a list. One loop, so there is never a second watch beside
 * the first:
 *
 * - listing: no version to go on from. Entered at start, after 410, after a stream that made no sense, when a list found
 *   what the watch had lost, and when versions went back. Left with the version of a complete list.
 * - watching: from that version. Every event advances it. Left when the server ends the stream, with an error, in silence.
 * - waiting: a pause after a failure, longer each time; back to watching, or to listing when the version is worth nothing.
 * - absent: nothing serves the collection. Left by looking again after a while: a kind may be installed at any time.
 */
export class Reflector {
  readonly collection: Collection;
  readonly #options: ReflectorOptions;
  readonly #backoff: Backoff;
  #version: bigint | undefined;
  #attempt = new AbortController();
  #watchOpenedAt: number | undefined;
  #sawBookmark = false;
  #isQuiet = false;
  #hasListed = false;
  #absentPolls = 0;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.collection = options.collection;
    this.#backoff = new Backoff({
      firstMs: options.timing.backoffMs,
      longestMs: options.timing.longestBackoffMs,
      random: options.random,
    });
  }

  /** All that is there was seen once, or nothing is there that could be. */
  get isSynced(): boolean {
    return this.#hasListed || this.#absentPolls > 0;
  }

  get absentPolls(): number {
    return this.#absentPolls;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#attempt = new AbortController();
      const stop = AbortSignal.any([signal, this.#attempt.signal]);
      try {
        this.#version ??= await this.#list(stop);
        await this.#watch(this.#version, stop);
        this.#options.metrics.watchEnds.inc({ ...this.#labels(), cause: 'closed' });
      } catch (error: unknown) {
        if (isAborted(signal)) return;
        await this.#recover(error, signal);
      }
    }
  }

  /** Begins anew with a list: the watch cannot be trusted any more. */
  rebuild(cause: string): void {
    this.#options.metrics.relists.inc({ ...this.#labels(), cause });
    this.#version = undefined;
    this.#attempt.abort(new RebuildRequest(cause));
  }

  /** Since when a watch is open, on the clock of `performance`; undefined when none is. */
  get watchOpenedAt(): number | undefined {
    return this.#watchOpenedAt;
  }

  /** A list has found what the open watch did not show: it cannot be trusted any more. */
  lost(events: number): void {
    if (events === 0) return;
    const { metrics, logger } = this.#options;
    metrics.missedOnRelist.inc(this.#labels(), events);
    logger.error(
      { ...this.#labels(), events },
      'a relist or a probe found changes that the watch missed; restarting the watch',
    );
    this.rebuild('missed');
  }

  async #list(signal: AbortSignal): Promise<bigint> {
    const list = await this.#options.list(signal);
    this.#hasListed = true;
    this.#absentPolls = 0;
    this.#options.listed(list);
    return list.version;
  }

  async #watch(from: bigint, signal: AbortSignal): Promise<void> {
    const { connection, collection, timing } = this.#options;
    const attempt = this.#attempt;
    const beganAt = performance.now();
    let events = 0;
    try {
      await readWatch({
        connection,
        path: collection.path,
        resourceVersion: String(from),
        timeoutSeconds: this.#timeoutSeconds(),
        inactivityMs: timing.inactivityMs,
        signal,
        onOpen: () => {
          // No sign that the server is well: without its etcd it accepts watches, too, and sends nothing.
          this.#watchOpenedAt = performance.now();
        },
        onEvent: (event) => {
          // A late event of a watch that was given up must not move the version of the one after it.
          if (attempt !== this.#attempt || attempt.signal.aborted) return;
          events += 1;
          this.#take(event);
        },
      });
    } finally {
      const openMs = performance.now() - (this.#watchOpenedAt ?? Infinity);
      this.#watchOpenedAt = undefined;
      // A stream of a kind on which nothing happens falls silent without having been ill.
      if (openMs >= Math.min(timing.healthyMs, timing.inactivityMs)) this.#backoff.reset();
    }
    if (events === 0 && performance.now() - beganAt < LEAST_WATCH_MS)
      throw new WatchTooShortError(collection.path);
    this.#options.events.answered();
  }

  #take(event: WatchEvent): void {
    const { observer, collection, metrics, events } = this.#options;
    events.answered();
    const now = Date.now() / SECOND_MS;
    if (event.type === 'BOOKMARK') {
      this.#sawBookmark = true;
      metrics.lastBookmark.set(this.#labels(), now);
    } else {
      if (event.type === 'DELETED') observer.deleted(event.object, collection);
      else observer.observe(event.object, collection);
      metrics.lastEvent.set(this.#labels(), now);
    }
    this.#options.saw(event.version);
    // Never back, whatever the stream says: a repeated event is no reason to read everything again.
    if (this.#version !== undefined && event.version > this.#version) this.#version = event.version;
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    if (this.#attempt.signal.reason instanceof RebuildRequest) {
      // Again: a list that was just ending may have set it.
      this.#version = undefined;
      return;
    }
    const failure = classifyFailure(error);
    this.#report(error, failure);
    if (failure.relist) this.#version = undefined;
    if (failure.cause === 'silent' && !this.#sawBookmark) this.#isQuiet = true;
    if (failure.cause === 'older-list') await this.#options.older(error);
    if (failure.cause === 'not-served') {
      await this.#waitForKind(signal);
      return;
    }
    this.#absentPolls = 0;
    await this.#backoff.pause(failure.retryAfterMs, signal);
  }

  async #waitForKind(signal: AbortSignal): Promise<void> {
    const { timing, random, absent, events } = this.#options;
    // That nothing is served there is an answer, too.
    events.answered();
    this.#absentPolls += 1;
    absent(this.#absentPolls);
    const pauseMs = timing.absentPollMs * (0.75 + random() / 2);
    await delay(pauseMs, undefined, { signal }).catch(() => undefined);
  }

  #report(error: unknown, failure: Failure): void {
    const { metrics, logger, connection } = this.#options;
    const { cause, relist } = failure;
    metrics.watchEnds.inc({ ...this.#labels(), cause });
    if (relist) metrics.relists.inc({ ...this.#labels(), cause });
    const reason = reasonOf(error);
    // A kind that is not installed is ordinary, and so is a watch that is requested again.
    if (cause === 'not-served') logger.debug({ ...this.#labels(), reason }, 'the kind is not installed');
    else if (cause === 'unauthorized' || cause === 'forbidden')
      logger.error(
        { server: `cluster ${this.#options.cluster}`, ...this.#labels(), reason },
        'the cluster refuses these credentials: check the service account and deploy/rbac.yaml',
      );
    else
      logger.warn(
        { server: `cluster ${this.#options.cluster}`, ...this.#labels(), cause, reason },
        'the watch was interrupted and starts again',
      );
    renewCredentials(failure, connection, logger);
  }

  #timeoutSeconds(): number {
    const { timing, random } = this.#options;
    // Without bookmarks a quiet stream cannot be distinguished from a dead one: it is requested again before the deadline.
    if (this.#isQuiet && !this.#sawBookmark) {
      return Math.max(1, Math.floor((timing.inactivityMs * QUIET_WATCH_SHARE) / SECOND_MS));
    }
    return Math.ceil(timing.watchTimeoutSeconds * (1 + random()));
  }

  #labels() {
    return { cluster: this.#options.cluster, kind: this.collection.kind };
  }
}

class RebuildRequest extends Error {}

/** A function, because the compiler believes that a signal tested once does not change. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
