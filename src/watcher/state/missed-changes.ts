import { setImmediate as afterPendingReads, setTimeout as delay } from 'node:timers/promises';

import type { JsonObject } from '../../domain/json.ts';

// A list or a probe may find changes that the watch has not shown. They are not taken in at once: that would hide the states
// between, which the watch may be about to show. Each of them is in one of these states:
//
//   found    a complete list or a probe by name shows it, newer than what is known. Left when the watch had its time.
//   shown    the watch showed that version, a newer one or the deletion meanwhile. Nothing is to be done.
//   missed   the watch that was open before the request is still open, had its time and did not show it. It is taken in and
//            counted, and the watch is restarted from a list: it cannot be trusted.
//   late     the watch was closed or opened again meanwhile. It is taken in; the new watch may have begun after it.
//   deleted  a resource that the list or the probe lacks. Nobody records that before a GET by its name confirms it, since a
//            list may come from a stale cache; then it counts like `missed` if the watch was open all the time.
//
// What must stay true: whatever is found ends in one of the last four; nothing is called missed while the watch had a reason
// not to show it; nothing is called deleted that the watch has shown since.

/** A resource at a version that was not known when it was found. */
export interface NewerResource {
  readonly uid: string;
  readonly version: bigint;
  readonly resource: JsonObject;
}

/** A resource that a list or a probe should have shown. */
export interface MissingResource<Resource> {
  readonly uid: string;
  /** Newest version known of it when it was missing. */
  readonly version: bigint;
  /** It was missing already from the list with which a watch began: no watch could show its deletion. */
  readonly endedBeforeWatch: boolean;
  readonly tracked: Resource;
}

export interface Found<Resource> {
  /** When the watch was opened that was open before the request; undefined when none was. On the clock of `performance`. */
  readonly openedAt: number | undefined;
  /** When the request had its answer, on the same clock. */
  readonly foundAt: number;
  readonly newer: readonly NewerResource[];
  readonly missing: readonly MissingResource<Resource>[];
}

/** What the watch has done since. */
interface WatchState {
  /** When the watch was opened that is open now; undefined when none is. */
  readonly openedAt: number | undefined;
  /** How long an open watch may lag behind a list or a probe, in milliseconds. */
  readonly graceMs: number;
  /** The newest version it has shown of a resource, also of one that ended; -1 when none. */
  readonly versionOf: (uid: string) => bigint;
  readonly isGone: (uid: string) => boolean;
}

interface Judgement<Resource> {
  readonly missed: readonly NewerResource[];
  readonly late: readonly NewerResource[];
  /** To be confirmed by name; `isMissed` says whether the watch should have shown it. */
  readonly deleted: readonly { readonly tracked: Resource; readonly isMissed: boolean }[];
}

/** What of that which was found the watch has not shown by now, and whether it should have. */
export function judge<Resource>(found: Found<Resource>, watch: WatchState, now: number): Judgement<Resource> {
  const hadItsTime = isSameWatch(found, watch.openedAt) && now - found.foundAt >= watch.graceMs;
  const unseen = found.newer.filter(({ uid, version }) => version > watch.versionOf(uid));
  const absent = found.missing.filter(
    ({ uid, version }) => !watch.isGone(uid) && watch.versionOf(uid) <= version,
  );
  return {
    missed: hadItsTime ? unseen : [],
    late: hadItsTime ? [] : unseen,
    deleted: absent.map(({ tracked, endedBeforeWatch }) => ({
      tracked,
      isMissed: hadItsTime && !endedBeforeWatch,
    })),
  };
}

function isSameWatch({ openedAt }: Pick<Found<unknown>, 'openedAt'>, openNow: number | undefined): boolean {
  return openedAt !== undefined && openedAt === openNow;
}

interface WaitOptions {
  readonly graceMs: number;
  /** The longest pause before a watch is opened again, in milliseconds. */
  readonly reopenMs: number;
  readonly openedAt: () => number | undefined;
  readonly signal: AbortSignal;
}

const ROUNDS_OF_READS = 3;

/** Resolves when the watch had its time to show what was found; a watch that is being opened again has that time too. */
export async function waitForWatch(
  found: Pick<Found<unknown>, 'openedAt' | 'foundAt'>,
  { graceMs, reopenMs, openedAt, signal }: WaitOptions,
): Promise<void> {
  const until = found.foundAt + graceMs + (isSameWatch(found, openedAt()) ? 0 : reopenMs);
  for (let leftMs = until - performance.now(); leftMs > 0; leftMs = until - performance.now()) {
    await delay(leftMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
  // After a stall timers come first: what has arrived meanwhile is read before it is called missed.
  for (let round = 0; round < ROUNDS_OF_READS; round += 1) await afterPendingReads();
}
