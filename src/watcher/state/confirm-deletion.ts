import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import { probe } from '../stream/api-request.ts';
import type { Collection } from '../watched-kind.ts';
import { holdsNamespace } from '../watched-kind.ts';
import type { KindObserver } from './kind-observer.ts';
import type { Tracked } from './tracked.ts';

/** How many objects are asked for at a time: the API server has others to serve. */
const LOOKS_AT_A_TIME = 4;
/** So often in a row nothing must have served a kind before its objects count as gone with it. */
const ABSENCES_THAT_COUNT = 2;

interface TombstoneOptions {
  readonly connection: ClusterConnection;
  readonly observer: KindObserver;
  /** All collections of the kind, with how often in a row each was not served. */
  readonly ofKind: readonly { readonly collection: Collection; readonly absentPolls: number }[];
  readonly deadlineMs: number;
  readonly logger: Logger;
}

/**
 * Concludes deletions that nobody watched. A list alone is no proof, since it may come from a cache: each resource that is
 * missing from one is asked for by its name, wherever it may be. What stays unclear is asked for again after the next list.
 */
export async function confirmGone(
  missing: readonly Tracked[],
  options: TombstoneOptions,
  signal: AbortSignal,
): Promise<number> {
  const queue = [...missing];
  let gone = 0;
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined && !signal.aborted; next = queue.pop()) {
      // It may have been deleted before our eyes by now.
      if (next.seen.isGone || !(await isGone(next, options, signal))) continue;
      gone += Number(options.observer.vanished(next));
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_A_TIME }, work));
  return gone;
}

async function isGone(tracked: Tracked, options: TombstoneOptions, signal: AbortSignal): Promise<boolean> {
  const places = options.ofKind.filter(({ collection }) =>
    tracked.seen.collection === undefined
      ? holdsNamespace(collection, tracked.namespace)
      : collection.path === tracked.seen.collection,
  );
  for (const place of places) {
    if (!(await isMissingAt(place, tracked, options, signal))) return false;
  }
  return places.length > 0;
}

async function isMissingAt(
  { collection, absentPolls }: { readonly collection: Collection; readonly absentPolls: number },
  tracked: Tracked,
  { connection, deadlineMs, observer, logger }: TombstoneOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const look = await probe(collection, tracked, { connection, deadlineMs, signal });
  if (look === 'missing') return true;
  if (look === 'not-served') return absentPolls >= ABSENCES_THAT_COUNT;
  if ('unclear' in look) {
    const reason = look.unclear instanceof Error ? look.unclear.message : String(look.unclear);
    logger.warn({ kind: tracked.kind, uid: tracked.uid, reason }, 'cannot tell whether a resource is gone');
    return false;
  }
  observer.observe(look.object, collection);
  return textAt(look.object, 'metadata.uid') !== tracked.uid;
}
