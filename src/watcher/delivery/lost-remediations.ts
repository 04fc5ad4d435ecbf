import { setTimeout as delay } from 'node:timers/promises';

import { reasonOf } from '../../domain/errors.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { LostRun, LostRuns } from '../../temporal/lost-runs.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { Tracked } from '../state/tracked.ts';
import { isRecorded } from '../state/tracked.ts';
import type { ObservedResources, WatcherEvents } from '../watcher-options.ts';

/** Temporal shows the end of a run somewhat later than it was: each query reaches so far back before the one before. */
const OVERLAP_MS = 120_000;
/** Run ids that are remembered, so that none is dealt with twice. */
const MOST_REMEMBERED = 10_000;

interface LostRemediationsOptions {
  readonly cluster: string;
  readonly lostRuns: LostRuns;
  readonly observed?: ObservedResources;
  /** Everything that is in the cluster is known: before that nothing can be called gone. */
  readonly sync: { readonly isSynced: boolean };
  /** Between two queries to Temporal, in milliseconds. */
  readonly periodMs: number;
  readonly state: Pick<ClusterState, 'resourcesOf'>;
  readonly events: Pick<WatcherEvents, 'runsLost'>;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
}

/**
 * Finds the runs that Temporal or somebody ended before they had recorded what they had taken. What is still in the
 * cluster is sent again from there, and counts as a gap until it is recorded; what is not is named as an error.
 */
export class LostRemediations {
  readonly #options: LostRemediationsOptions;
  /** Sent again and not recorded yet: the run that was lost, by the uid of the remediation. */
  readonly #lost = new Map<string, string>();
  readonly #seen = new Set<string>();
  #askedAtMs = Date.now();

  constructor(options: LostRemediationsOptions) {
    this.#options = options;
  }

  /** The run that was lost with what a remediation said, while that is not recorded again. */
  runOf(remediationUid: string | undefined): string | undefined {
    return remediationUid === undefined ? undefined : this.#lost.get(remediationUid);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { cluster, periodMs, logger, sync } = this.#options;
    while (!signal.aborted) {
      await delay(periodMs, undefined, { signal }).catch(() => undefined);
      if (isAborted(signal)) return;
      if (!sync.isSynced) continue;
      await this.#findLost().catch((error: unknown) => {
        // The next query reaches as far back as this one would have.
        logger.warn(
          { server: 'temporal', cluster, reason: reasonOf(error) },
          'cannot ask Temporal for runs that ended too early',
        );
      });
      this.#forgetRecorded();
    }
  }

  async #findLost(): Promise<void> {
    const { cluster, lostRuns, events, metrics } = this.#options;
    const askedAtMs = Date.now();
    const found = await lostRuns.closedSince(cluster, this.#askedAtMs - OVERLAP_MS);
    const again = new Set<string>();
    for (const run of found) {
      if (this.#seen.has(run.runId)) continue;
      const result = await this.#judge(run);
      // Only now: when the database does not answer, the next round judges it.
      this.#remember(run.runId);
      metrics.lostRuns.inc({ cluster, result });
      if (result !== 'sent-again') continue;
      this.#lost.set(run.remediationUid, run.runId);
      again.add(run.remediationUid);
    }
    if (again.size > 0) events.runsLost(again);
    this.#askedAtMs = askedAtMs;
  }

  async #judge(run: LostRun): Promise<'sent-again' | 'recorded' | 'gone'> {
    const { cluster, observed, state, logger } = this.#options;
    const { workflowId, runId, status, remediationUid } = run;
    const tracked = state.resourcesOf(remediationUid);
    if (tracked.length === 0) {
      const ended = (await observed?.recordedEnds(cluster, [remediationUid])) ?? [];
      if (ended.length > 0) return 'recorded';
      logger.error(
        { cluster, workflowId, runId, status },
        'the run of an audit ended before it was complete, and its remediation is gone from the cluster: what it had not recorded is lost; see who or what ended it',
      );
      return 'gone';
    }
    if (observed !== undefined && tracked.every(isRecorded)) return 'recorded';
    logger.warn(
      { cluster, workflowId, runId, status },
      'the run of an audit ended before it was complete: its remediation is sent again from the cluster',
    );
    return 'sent-again';
  }

  #forgetRecorded(): void {
    const { observed, state } = this.#options;
    for (const uid of this.#lost.keys()) {
      const isDone = ({ delivery: { sentHash, recordedHash } }: Tracked): boolean =>
        sentHash !== undefined && (observed === undefined || sentHash === recordedHash);
      if (state.resourcesOf(uid).every(isDone)) this.#lost.delete(uid);
    }
  }

  #remember(runId: string): void {
    this.#seen.add(runId);
    const [oldest] = this.#seen;
    if (this.#seen.size > MOST_REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
  }
}

/** A function, because the compiler believes that a signal tested once does not change. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
