import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import {
  type Completeness,
  RECORD_GAP_REASONS,
  selectCompleteness,
  selectGapCounts,
} from '../database/reading/completeness.ts';
import type { ClusterRegister } from '../database/reading/watched-cluster.ts';
import { reasonOf } from '../domain/errors.ts';
import type { Logger } from '../observability/logger.ts';
import type { WatcherMetrics } from '../observability/watcher-metrics.ts';
import { GAP_REASONS } from '../watcher/state/completeness.ts';
import type { RunningWatcher } from '../watcher/watcher-options.ts';

/** A report that is older than a minute counts as none (ADR 28). */
const REPORT_MS = 10_000;
/** The record's own gaps are searched for over all that is recorded, so less often. */
const ROUNDS_PER_SEARCH = 6;
const OF_THE_WATCHER: ReadonlySet<string> = new Set(GAP_REASONS);

interface ReportOptions {
  readonly watchers: readonly RunningWatcher[];
  readonly pool: pg.Pool;
  readonly register: ClusterRegister;
  readonly metrics: WatcherMetrics;
  readonly logger: Logger;
  /** Milliseconds between two reports; more than ten seconds counts as ten. Default ten seconds. */
  readonly everyMs?: number;
}

interface WatcherReports {
  /** What the database says once it has the newest report: the same as GET /api/v1/completeness. */
  completeness(): Promise<Completeness>;
  stop(): Promise<void>;
}

/**
 * Sends the database what the watchers of this process know, so that everybody who asks for completeness gets
 * one answer (ADR 28). A report that fails is logged and followed by the next. `stop` waits for the one that
 * is being written.
 */
export function startReports(options: ReportOptions): WatcherReports {
  const { watchers, pool, logger, everyMs = REPORT_MS } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async (): Promise<void> => {
    for (let round = 0; !signal.aborted; round += 1) {
      // Rejects when it is stopped, which ends the loop.
      await delay(Math.min(REPORT_MS, everyMs), undefined, { signal }).catch(() => undefined);
      if (isAborted(signal)) return;
      try {
        await reportAll(options);
        if (round % ROUNDS_PER_SEARCH === 0) await publishRecordGaps(options);
      } catch (error: unknown) {
        // The next report says it all again; until then the others call it unknown.
        const reason = reasonOf(error);
        logger.warn(
          { server: 'database', reason },
          'cannot write the progress of the watcher to the database; trying again in seconds',
        );
      }
    }
  };
  const running = run();
  return {
    async completeness() {
      // Reported first: the answer is then no older than the question.
      await reportAll(options);
      const found = await Promise.all(
        watchers.map((watcher) => selectCompleteness(pool, { cluster: watcher.completeness().cluster })),
      );
      return {
        clusters: found.flatMap(({ clusters }) => clusters),
        kinds: found.flatMap(({ kinds }) => kinds),
        verdicts: found.flatMap(({ verdicts }) => verdicts),
        gaps: found.flatMap(({ gaps }) => gaps),
        has_more_gaps: found.some(({ has_more_gaps: hasMore }) => hasMore),
      };
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function reportAll({ watchers, register }: ReportOptions): Promise<void> {
  for (const watcher of watchers) {
    // What it knows before its first list is complete says nothing of the cluster.
    if (!watcher.isSynced()) continue;
    const completeness = watcher.completeness();
    await register.report(completeness.cluster, completeness);
  }
}

/** `overdue` is the watcher's: it knows how long each resource may take. */
async function publishRecordGaps({ watchers, pool, metrics }: ReportOptions): Promise<void> {
  for (const watcher of watchers) {
    const { cluster } = watcher.completeness();
    const counts = await selectGapCounts(pool, cluster);
    for (const reason of RECORD_GAP_REASONS)
      if (!OF_THE_WATCHER.has(reason)) metrics.gaps.set({ cluster, reason }, counts.get(reason) ?? 0);
  }
}

/**
 * What is known without the database: what is there, and that nobody can say what of it is recorded. `detail`
 * says why the database was not asked. It has the shape of the whole answer, so that readers need no second
 * one.
 */
export function completenessAlone(watchers: readonly RunningWatcher[], detail: string): Completeness {
  const all = watchers.map((watcher) => watcher.completeness());
  return {
    clusters: all.map(({ cluster }) => ({
      ...{ cluster, state: 'unknown' as const, detail },
      first_watched_at: null,
      reported_at: null,
    })),
    kinds: all.flatMap(({ cluster, kinds }) =>
      kinds.map((kind) => ({ ...kind, cluster, recorded: null, ever: 0, present: kind.seen })),
    ),
    verdicts: [],
    gaps: all.flatMap(({ cluster, gaps }) =>
      gaps.map(({ kind, namespace, name, reason, detail: why }) => ({
        ...{ cluster, reason, kind, namespace, name },
        remediation_uid: null,
        detail: why ?? null,
        since: null,
      })),
    ),
    has_more_gaps: all.some(({ gapsLeftOut }) => gapsLeftOut > 0),
  };
}

interface GapCount {
  readonly cluster: string;
  readonly reason: string;
  readonly kind: string | null;
  readonly gaps: number;
}

interface NamelessCompleteness extends Omit<Completeness, 'gaps'> {
  readonly gap_counts: readonly GapCount[];
}

/** For whoever may not know what is in the cluster: gaps as numbers. The API names them for those who may read there. */
export function withoutNames({
  clusters,
  kinds,
  verdicts,
  gaps,
  has_more_gaps,
}: Completeness): NamelessCompleteness {
  const counts = new Map<string, GapCount>();
  for (const { cluster, reason, kind } of gaps) {
    const key = JSON.stringify([cluster, reason, kind]);
    const count = counts.get(key) ?? { cluster, reason, kind, gaps: 0 };
    counts.set(key, { ...count, gaps: count.gaps + 1 });
  }
  return {
    // The detail may have the words of the database, which name users and hosts.
    clusters: clusters.map((cluster) => ({ ...cluster, detail: null })),
    ...{ kinds, verdicts, gap_counts: [...counts.values()], has_more_gaps },
  };
}

/** A function, because the compiler believes that a signal tested once does not change. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
