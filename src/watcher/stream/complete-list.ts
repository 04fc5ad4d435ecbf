import type { JsonObject } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import { Turn } from '../pacing.ts';
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
  /** Given each resource that tells something new; answers whether it keeps it, to be told later. Default: it is told at once. */
  readonly hold?: ((resource: JsonObject) => boolean) | undefined;
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

/** Reads all pages and tells the observer of every object. Throws when the list is cut short, refused or an older one. */
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
  { observer, collection, hold }: CompleteListOptions,
  { version, listed, regressed }: ListSoFar,
): Promise<void> {
  const turn = new Turn();
  for (const item of items) {
    listed.add(textAt(item, 'metadata.uid') ?? '');
    const ahead = observer.seenAheadOf(item, version);
    if (ahead !== undefined) regressed.add(ahead);
    const isHeld = hold !== undefined && observer.isNews(item) && hold(item);
    if (!isHeld) observer.observe(item, collection);
    if (turn.isOver()) await turn.next();
  }
}
