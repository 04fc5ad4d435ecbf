import { HOUR_MS } from '../../src/domain/time.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { DispatcherOptions } from '../../src/watcher/delivery/dispatcher.ts';
import { Dispatcher } from '../../src/watcher/delivery/dispatcher.ts';
import { Flapping } from '../../src/watcher/delivery/flapping.ts';
import type { PendingState } from '../../src/watcher/delivery/pending-states.ts';
import { Backoff } from '../../src/watcher/pacing.ts';
import type { Tracked } from '../../src/watcher/state/tracked.ts';
import { newTracked } from '../../src/watcher/state/tracked.ts';

const NEVER_MS = HOUR_MS;

/** A dispatcher that sends at once; what it sends is taken. */
export function createDispatcher(given: Partial<DispatcherOptions>): Dispatcher {
  return new Dispatcher({
    concurrency: 2,
    send: (those, done) => {
      for (const one of those) done(one);
      return Promise.resolve({ isSignalled: true });
    },
    events: { sent: () => undefined },
    failures: { report: () => ({ isAway: false }) },
    backoff: new Backoff({ firstMs: 1, longestMs: 1, random: () => 0 }),
    refusedRetryMs: 1,
    gatherMs: 0,
    briefGatherMs: 0,
    coalesceMs: NEVER_MS,
    flapping: createFlapping(NEVER_MS),
    sync: { isSynced: true },
    ...{ cluster: 'test', metrics: createMetrics().watcher },
    ...given,
  });
}

export function createFlapping(intervalMs: number, metrics = createMetrics().watcher): Flapping {
  return new Flapping({ cluster: 'test', intervalMs, logger: createLogger('silent', 'test'), metrics });
}

export function trackedOf(uid: string, kind = 'AIAnalysis'): Tracked {
  return newTracked({
    ...{ kind, namespace: 'payments', name: uid, uid },
    createdAt: '2026-11-21T10:00:00Z',
  });
}

/** A state that says nothing but its phase. */
export function stateOf(
  shows: readonly string[],
  { remediation = 'rr-uid', ...given }: Partial<PendingState> & { readonly remediation?: string } = {},
): PendingState {
  return {
    reading: {
      remediation: { namespace: 'payments', name: remediation, uid: remediation },
      ...{ observations: [], summary: '', target: undefined, shape: 'G3', unrecognised: [], misshapen: [] },
    },
    ...{ shows, phase: undefined, isFirst: false, isDeletion: false, isHeld: false },
    ...{ isTerminal: false, isDueSoon: false, queuedAtMs: Date.now() },
    ...given,
  };
}
