import { setTimeout as delay } from 'node:timers/promises';

import type { ArchiveContext } from '../archive/archive-context.ts';
import type { StoreHoldReport } from '../archive/expiry/store-holds.ts';
import { applyStoreHolds } from '../archive/expiry/store-holds.ts';
import { reasonOf } from '../domain/errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { MaintenanceMetrics } from '../observability/maintenance-metrics.ts';

const ROUND_MS = 60_000;
const NOT_IN_STORE = 'legal holds could not be written to the object store; trying again in a minute';

interface HoldReconciler {
  start(): void;
  /** Ends the round between two objects, and settles when it has ended. */
  stop(): Promise<void>;
}

interface HoldReconcilerOptions {
  readonly context: ArchiveContext;
  readonly metrics: MaintenanceMetrics;
  readonly logger: Logger;
  /** Milliseconds between two rounds. Default a minute. */
  readonly roundMs?: number;
}

/**
 * Brings legal holds to the object store, round after round, until it is stopped. A round that fails is
 * logged and repeated. Several workers may run it: a round that another process is at does nothing.
 */
export function createHoldReconciler({
  context,
  metrics,
  logger,
  roundMs = ROUND_MS,
}: HoldReconcilerOptions): HoldReconciler {
  const over = new AbortController();
  let running = Promise.resolve();
  const round = async (): Promise<void> => {
    try {
      const report = await applyStoreHolds(context, over.signal);
      if (report !== undefined) publish(report, { metrics, logger });
    } catch (error: unknown) {
      if (over.signal.aborted) return;
      const reason = reasonOf(error);
      logger.warn({ server: 'database', reason }, NOT_IN_STORE);
    }
  };
  const keep = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await round();
      // Rejects when it is stopped, which ends the loop.
      await delay(roundMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  };
  return {
    start: () => {
      running = keep();
    },
    stop: async () => {
      over.abort();
      await running;
    },
  };
}

function publish(
  report: StoreHoldReport,
  { metrics, logger }: Pick<HoldReconcilerOptions, 'metrics' | 'logger'>,
): void {
  const { held, unsupported, pending, troubles } = report;
  for (const reason of troubles) logger.warn({ reason }, NOT_IN_STORE);
  for (const [state, count] of Object.entries({ held, unsupported, pending }))
    metrics.archiveHolds.set({ state }, count);
  if (unsupported > 0)
    logger.warn(
      { months: unsupported },
      'the object store knows no legal holds: what it keeps is protected by its permissions alone; switch object lock on',
    );
}
