import type { JsonObject } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import { TimeSlice } from '../pacing.ts';
import type { KindObserver } from '../state/kind-observer.ts';
import type { Tracked } from '../state/tracked.ts';
import type { Collection } from '../watched-kind.ts';
import type { WatcherEvents } from '../watcher-options.ts';
import { OlderListError } from './failure.ts';
import { listPages } from './list.ts';

interface CompleteListOptions {
  readonly connection: ClusterConnection;
  readonly collection: Collection;
  readonly observer: KindObserver;
  readonly pageSize: number;
  readonly deadlineMs: number;
  /** No list may be older than what was seen already. */
  readonly notOlderThan: bigint;
  /** Pauses the list between pages while too much waits for Temporal. */
  readonly dispatcher: { waitForRoom(): Promise<void> };
  /** Takes each resource at a version that is news and answers whether it defers it. Default: it is observed at once. */
  readonly defer?: ((resource: JsonObject) => boolean) | undefined;
  readonly events: Pick<WatcherEvents, 'answered'>;
}

export interface CompleteList {
  readonly version: bigint;
  /** uids of all that are there. */
  readonly listed: ReadonlySet<string>;
  /** Resources that it shows at an older version than one that was seen and that it must know. */
  readonly regressed: ReadonlySet<Tracked>;
}

interface ListSoFar extends CompleteList {
  readonly listed: Set<string>;
  readonly regressed: Set<Tracked>;
}

/** Reads all pages into the observer. Throws when the list is cut short, refused or an older one. */
export async function readCompleteList(
  options: CompleteListOptions,
  signal: AbortSignal,
): Promise<CompleteList> {
  const { collection, notOlderThan } = options;
  const [listed, regressed] = [new Set<string>(), new Set<Tracked>()];
  let version = 0n;
  for await (const page of listPages({ ...options, path: collection.path, signal })) {
    version = BigInt(page.resourceVersion);
    if (version < notOlderThan) {
      throw new OlderListError(collection.path, version, notOlderThan);
    }
    options.events.answered();
    await takeIn(page.items, options, { version, listed, regressed });
    await options.dispatcher.waitForRoom();
    signal.throwIfAborted();
  }
  return { version, listed, regressed };
}

async function takeIn(
  items: readonly JsonObject[],
  { observer, collection, defer }: CompleteListOptions,
  { version, listed, regressed }: ListSoFar,
): Promise<void> {
  const slice = new TimeSlice();
  for (const item of items) {
    listed.add(textAt(item, 'metadata.uid') ?? '');
    const ahead = observer.seenAheadOf(item, version);
    if (ahead !== undefined) regressed.add(ahead);
    const isDeferred = defer !== undefined && observer.isNews(item) && defer(item);
    if (!isDeferred) observer.observe(item, collection);
    if (slice.isUsedUp()) await slice.yield();
  }
}
