import type { WatcherMetrics } from '../observability/watcher-metrics.ts';
import type { Completeness } from './completeness.ts';
import { GAP_REASONS } from './completeness.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Tracked } from './tracked.ts';

const MS_PER_SECOND = 1_000;

/** What is alarmed on. */
export function publishCompleteness(
  { cluster, kinds, gapCounts, leastRetentionSeconds }: Completeness,
  dispatcher: Dispatcher,
  metrics: WatcherMetrics,
): void {
  for (const { kind, ...states } of kinds) {
    for (const [state, count] of Object.entries(states)) {
      if (count !== undefined) metrics.resources.set({ cluster, kind, state }, count);
    }
  }
  for (const reason of GAP_REASONS) metrics.gaps.set({ cluster, reason }, gapCounts[reason] ?? 0);
  if (leastRetentionSeconds === undefined) metrics.leastRetention.remove({ cluster });
  else metrics.leastRetention.set({ cluster }, leastRetentionSeconds);
  metrics.signalQueue.set({ cluster }, dispatcher.depth);
  metrics.signalQueueAge.set(
    { cluster },
    (Date.now() - (oldestOf(dispatcher) ?? Date.now())) / MS_PER_SECOND,
  );
}

/** What strict mode keeps in the cluster, and for how long already. */
export function publishHeld(
  cluster: string,
  kinds: readonly { readonly kind: string; readonly tracked: Iterable<Tracked> }[],
  metrics: WatcherMetrics,
): void {
  let oldestMs = Date.now();
  for (const { kind, tracked } of kinds) {
    const held = [...tracked].flatMap(({ finalizer, isGone }) =>
      finalizer?.isHeld && !isGone ? [finalizer] : [],
    );
    const deleted = held.flatMap(({ deletedAtMs }) => deletedAtMs ?? []);
    metrics.heldResources.set({ cluster, kind, state: 'open' }, held.length - deleted.length);
    metrics.heldResources.set({ cluster, kind, state: 'deleted' }, deleted.length);
    for (const deletedAtMs of deleted) oldestMs = Math.min(oldestMs, deletedAtMs);
  }
  metrics.heldDeletionAge.set({ cluster }, (Date.now() - oldestMs) / MS_PER_SECOND);
}

function oldestOf(dispatcher: Dispatcher): number | undefined {
  let oldest: number | undefined;
  for (const { pending } of dispatcher.waiting()) {
    const [first] = pending;
    if (first !== undefined && first.queuedAtMs < (oldest ?? Infinity)) oldest = first.queuedAtMs;
  }
  return oldest;
}
