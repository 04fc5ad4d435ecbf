import type { WatcherMetrics } from '../observability/watcher-metrics.ts';
import type { Completeness, GapReason } from './completeness.ts';
import type { Dispatcher } from './dispatcher.ts';

const REASONS: readonly GapReason[] = ['not-sent', 'not-recorded', 'cannot-be-read', 'overdue'];

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
  for (const reason of REASONS) metrics.gaps.set({ cluster, reason }, gapCounts[reason] ?? 0);
  if (leastRetentionSeconds === undefined) metrics.leastRetention.remove({ cluster });
  else metrics.leastRetention.set({ cluster }, leastRetentionSeconds);
  metrics.signalQueue.set({ cluster }, dispatcher.depth);
  metrics.signalQueueAge.set({ cluster }, (Date.now() - (oldestOf(dispatcher) ?? Date.now())) / 1_000);
}

function oldestOf(dispatcher: Dispatcher): number | undefined {
  let oldest: number | undefined;
  for (const { pending } of dispatcher.waiting()) {
    const [first] = pending;
    if (first !== undefined && first.queuedAtMs < (oldest ?? Infinity)) oldest = first.queuedAtMs;
  }
  return oldest;
}
