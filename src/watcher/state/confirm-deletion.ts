import { reasonOf } from '../../domain/errors.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import { probe } from '../stream/api-request.ts';
import type { Collection } from '../watched-kind.ts';
import { holdsNamespace } from '../watched-kind.ts';
import type { KindObserver } from './kind-observer.ts';
import type { Tracked } from './tracked.ts';

/** How many objects are probed at a time: the API server has others to serve. */
const PROBES_AT_A_TIME = 4;
/** So often in a row nothing must have served a kind before its objects count as gone with it. */
const ABSENCES_THAT_COUNT = 2;

interface ConfirmOptions {
  readonly cluster: string;
  readonly connection: ClusterConnection;
  readonly observer: KindObserver;
  /** All collections of the kind, with how often in a row each was not served. */
  readonly ofKind: readonly { readonly collection: Collection; readonly absentPolls: number }[];
  readonly deadlineMs: number;
  readonly logger: Logger;
}

/**
 * Concludes deletions that nobody watched. A list alone is no proof, since it may come from a cache: each resource that is
 * missing from one is probed by its name, wherever it may be. What stays unclear is probed again after the next list.
 */
export async function confirmGone(
  missing: readonly Tracked[],
  options: ConfirmOptions,
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
  await Promise.all(Array.from({ length: PROBES_AT_A_TIME }, work));
  return gone;
}

async function isGone(tracked: Tracked, options: ConfirmOptions, signal: AbortSignal): Promise<boolean> {
  const collections = options.ofKind.filter(({ collection }) =>
    tracked.seen.collection === undefined
      ? holdsNamespace(collection, tracked.namespace)
      : collection.path === tracked.seen.collection,
  );
  for (const one of collections) {
    if (!(await isMissingAt(one, tracked, options, signal))) return false;
  }
  return collections.length > 0;
}

async function isMissingAt(
  { collection, absentPolls }: { readonly collection: Collection; readonly absentPolls: number },
  tracked: Tracked,
  { cluster, connection, deadlineMs, observer, logger }: ConfirmOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await probe(collection, tracked, { connection, deadlineMs, signal });
  if (answer === 'missing') return true;
  if (answer === 'not-served') return absentPolls >= ABSENCES_THAT_COUNT;
  if ('unclear' in answer) {
    const reason = reasonOf(answer.unclear);
    logger.warn(
      { server: `cluster ${cluster}`, cluster, kind: tracked.kind, uid: tracked.uid, reason },
      'cannot find out whether a resource was deleted',
    );
    return false;
  }
  observer.observe(answer.object, collection);
  return textAt(answer.object, 'metadata.uid') !== tracked.uid;
}

/** Of one collection and round: the API server has others to serve. The next round takes the next. */
const MOST_PROBES = 100;
/** Of the time between two lists: what is deleted sooner may be gone before a list can show it. */
const LISTS_AHEAD = 2;

interface DueOptions {
  /** Between two complete lists, in milliseconds. */
  readonly reconcileMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Finds the resources whose silence is suspicious or whose time is short: open beyond their deadline, or soon to be
 * deleted by the cluster. Each is due once between two lists.
 */
export class DueForProbe {
  readonly #options: DueOptions;
  readonly #dueAtMs = new WeakMap<Tracked, number>();

  constructor(options: DueOptions) {
    this.#options = options;
  }

  /** Those that are due, the longest due first; they are due again after a while. */
  take(tracked: Iterable<Tracked>, { path }: Collection): readonly Tracked[] {
    const nowMs = this.#options.now();
    const due = (one: Tracked): number => this.#dueAtMs.get(one) ?? 0;
    const chosen = [...tracked]
      .filter(
        (one) =>
          one.seen.collection === path && !one.seen.isGone && due(one) <= nowMs && this.#isDue(one, nowMs),
      )
      .sort((one, other) => due(one) - due(other))
      .slice(0, MOST_PROBES);
    for (const one of chosen) this.#dueAtMs.set(one, nowMs + this.#options.reconcileMs);
    return chosen;
  }

  #isDue({ seen: { isTerminal, deadlineAtMs, retentionExpiresAtMs } }: Tracked, nowMs: number): boolean {
    const soonMs = nowMs + LISTS_AHEAD * this.#options.reconcileMs;
    if (retentionExpiresAtMs !== undefined && retentionExpiresAtMs < soonMs) return true;
    return !isTerminal && deadlineAtMs !== undefined && deadlineAtMs < nowMs;
  }
}
