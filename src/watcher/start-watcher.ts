import type { Redactor } from '../domain/redaction.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { Logger } from '../observability/logger.ts';
import type { WatcherMetrics } from '../observability/watcher-metrics.ts';
import type { LostRuns } from '../temporal/lost-runs.ts';
import type { RemediationSignals } from '../temporal/remediation-signals.ts';
import { ClusterWatcher } from './cluster-watcher.ts';
import type { Completeness } from './completeness.ts';
import type { ObservedResources } from './observed-resources.ts';
import type { WatcherTiming } from './timing.ts';
import type { WatchedKind } from './watched-kind.ts';

/** Keeps resources in the cluster, by a finalizer of ours, until Temporal has their end. */
export interface StrictMode {
  readonly kinds: readonly string[];
  /** How long after its deletion a resource is kept at most, in milliseconds. */
  readonly holdMs: number;
}

export interface WatcherOptions {
  /** Configured name of the cluster. */
  readonly cluster: string;
  /** Empty for all namespaces. */
  readonly namespaces: readonly string[];
  readonly connection: ClusterConnection;
  readonly signals: RemediationSignals;
  readonly redactor: Redactor;
  /**
   * Whether some worker asks Temporal for work on the recording queue; undefined when Temporal does not say. QueryOptions when
   * a run takes no more signals. Default: unknown.
   */
  readonly hasWorker?: () => Promise<boolean | undefined>;
  /** Runs that ended before they had recorded everything. Default: nobody asks for them. */
  readonly lostRuns?: LostRuns;
  /** What is recorded. Default: unknown; then every state is sent again at every start. */
  readonly observed?: ObservedResources;
  /** Default: all that are known. */
  readonly kinds?: readonly WatchedKind[];
  /** Default: it only reads. */
  readonly strict?: StrictMode | undefined;
  readonly timing: WatcherTiming;
  readonly listPageSize: number;
  /** Remediations whose states are sent to Temporal at the same time. */
  readonly signalConcurrency: number;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
  /** In [0, 1). Default: Math.random. */
  readonly random?: () => number;
}

export interface RunningWatcher {
  /** Every kind was listed completely at least once, or is not installed. */
  isSynced(): boolean;
  completeness(): Completeness;
  /** Since the cluster last answered a list or a watch, in milliseconds. */
  silentMs(): number;
  /** Settles after `stop`. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** From one cluster to Temporal. */
export function startWatcher(options: WatcherOptions): RunningWatcher {
  const watcher = new ClusterWatcher({ kinds: KUBERNAUT_KINDS, random: Math.random, ...options });
  const stopping = new AbortController();
  const ended = watcher.run(stopping.signal);
  return {
    isSynced: () => watcher.isSynced,
    silentMs: () => watcher.silentMs(),
    completeness: () => watcher.completeness(),
    ended,
    async stop() {
      stopping.abort();
      // What ended it is told by `ended`; here it only has to be over.
      await ended.catch(() => undefined);
    },
  };
}
