import type { JsonObject } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import { Turn } from '../pacing.ts';
import type { KindObserver } from '../state/kind-observer.ts';
import type { Tracked } from '../state/tracked.ts';
import type { Collection } from '../watched-kind.ts';
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
  /** Waits between pages while too much is on its way to Temporal. */
  readonly room: () => Promise<void>;
  /** Given each resource that tells something new; answers whether it keeps it, to be told later. Default: it is told at once. */
  readonly hold?: ((resource: JsonObject) => boolean) | undefined;
  /** Called for each page. */
  readonly progressed: () => void;
}

export interface CompleteList {
  readonly version: bigint;
  /** uids of all that are there. */
  readonly listed: ReadonlySet<string>;
  /** Resources that it shows at an older version than one that was seen and that it must know. */
  readonly behind: ReadonlySet<Tracked>;
}

interface ListSoFar extends CompleteList {
  readonly listed: Set<string>;
  readonly behind: Set<Tracked>;
}

/** Reads all pages and tells the observer of every object. Throws when the list is cut short, refused or an older one. */
export async function readCompleteList(
  options: CompleteListOptions,
  signal: AbortSignal,
): Promise<CompleteList> {
  const { collection, notOlderThan } = options;
  const [listed, behind] = [new Set<string>(), new Set<Tracked>()];
  let version = 0n;
  for await (const page of listPages({ ...options, path: collection.path, signal })) {
    version = BigInt(page.resourceVersion);
    if (version < notOlderThan) {
      throw new OlderListError(collection.path, version, notOlderThan);
    }
    options.progressed();
    await takeIn(page.items, options, { version, listed, behind });
    await options.room();
    signal.throwIfAborted();
  }
  return { version, listed, behind };
}

async function takeIn(
  items: readonly JsonObject[],
  { observer, collection, hold }: CompleteListOptions,
  { version, listed, behind }: ListSoFar,
): Promise<void> {
  const turn = new Turn();
  for (const item of items) {
    listed.add(textAt(item, 'metadata.uid') ?? '');
    const ahead = observer.seenAheadOf(item, version);
    if (ahead !== undefined) behind.add(ahead);
    const isHeld = hold !== undefined && observer.isNews(item) && hold(item);
    if (!isHeld) observer.observe(item, collection);
    if (turn.isOver()) await turn.next();
  }
}
