import { setImmediate as nextTurn } from 'node:timers/promises';

import type { JsonObject } from '../domain/json.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import { OlderListError } from './failure.ts';
import type { KindObserver } from './kind-observer.ts';
import { listPages } from './list.ts';
import type { Tracked } from './tracked.ts';
import type { Collection } from './watched-kind.ts';

/** Work of this length is followed by a turn for whatever else waits, above all for the watches. */
const LONGEST_TURN_MS = 10;

export interface CompleteListOptions {
  readonly connection: ClusterConnection;
  readonly collection: Collection;
  readonly observer: KindObserver;
  readonly pageSize: number;
  readonly deadlineMs: number;
  /** No list may be older than what was seen already. */
  readonly notOlderThan: bigint;
  /** Waits between pages while too much is on its way to Temporal. */
  readonly room: () => Promise<void>;
  /** Called for each page. */
  readonly progressed: () => void;
}

export interface CompleteList {
  readonly version: bigint;
  /** uids of all that are there. */
  readonly listed: ReadonlySet<string>;
  /** Those of them that were new, or at a newer version than seen before. */
  readonly news: readonly Tracked[];
}

/** Reads all pages and tells the observer of every object. Throws when the list is cut short, refused or an older one. */
export async function readCompleteList(
  options: CompleteListOptions,
  signal: AbortSignal,
): Promise<CompleteList> {
  const { collection, notOlderThan } = options;
  const listed = new Set<string>();
  const news: Tracked[] = [];
  let version = 0n;
  for await (const page of listPages({ ...options, path: collection.path, signal })) {
    version = BigInt(page.resourceVersion);
    if (version < notOlderThan) {
      throw new OlderListError(collection.path, version, notOlderThan);
    }
    options.progressed();
    await takeIn(page.items, options, (tracked, isNews) => {
      listed.add(tracked.uid);
      if (isNews) news.push(tracked);
    });
    await options.room();
    signal.throwIfAborted();
  }
  return { version, listed, news };
}

async function takeIn(
  items: readonly JsonObject[],
  { observer, collection }: CompleteListOptions,
  seen: (tracked: Tracked, isNews: boolean) => void,
): Promise<void> {
  let turnBeganAt = performance.now();
  for (const item of items) {
    const tracked = observer.observe(item, collection);
    if (tracked !== undefined) seen(tracked.tracked, tracked.isNews);
    if (performance.now() - turnBeganAt < LONGEST_TURN_MS) continue;
    await nextTurn();
    turnBeganAt = performance.now();
  }
}
