import type { RemediationReference } from '../kubernaut/observed-remediation.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { Logger } from '../observability/logger.ts';
import type { WatcherMetrics } from '../observability/watcher-metrics.ts';
import type { Redactor } from '../redaction/redactor.ts';
import type { LostRuns } from '../temporal/lost-runs.ts';
import type { RemediationSignals } from '../temporal/remediation-signals.ts';
import type { PendingState } from './delivery/pending-states.ts';
import type { Completeness } from './state/completeness.ts';
import type { Tracked } from './state/tracked.ts';
import type { WatchedKind } from './watched-kind.ts';

/** Holds resources in the cluster, by a finalizer of ours, until Temporal has their end. */
export interface StrictMode {
  readonly kinds: readonly string[];
  /** How long after its deletion a resource is held at most, in milliseconds. */
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
   * Whether some worker asks Temporal for work on the recording queue; undefined when Temporal does not say. Called when a run takes no more signals. Default: unknown.
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
  /** Settles when the watcher has ended. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** What the parts of a watcher report that concerns all of it. Nothing waits for what follows from it. */
export interface WatcherEvents {
  /** The API server answered a list or a watch, if only that it does not serve the kind. */
  answered(): void;
  /** Temporal has a state durably. */
  sent(tracked: Tracked, state: PendingState): void;
  /** Runs ended with what they had not recorded: all of these remediations are to be sent again from the cluster. */
  runsLost(remediationUids: ReadonlySet<string>): void;
  /** The data of the cluster was put back to an earlier state. */
  restored(): void;
}

/** Every deadline and interval of the watcher; tests run them at a fraction. */
export interface WatcherTiming {
  /** Shortest time that a watch is requested for; each is requested for up to twice as long. */
  readonly watchTimeoutSeconds: number;
  /** Silence after which a watch is given up; above the bookmark period of a minute. */
  readonly inactivityMs: number;
  /** For the whole answer to a list's page or to a probe. */
  readonly requestMs: number;
  /** First pause after a failure; the next ones double. */
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
  /** A watch that lasted so long has recovered: the next failure pauses as the first one did. */
  readonly healthyMs: number;
  /** Between two requests for a kind that is not installed. */
  readonly absentPollMs: number;
  /** Between two complete lists that check the watch. */
  readonly reconcileMs: number;
  /** Between two rounds of probes of what is overdue or soon deleted. */
  readonly probeMs: number;
  /** How long the watch may lag behind such a list or probe. */
  readonly reconcileGraceMs: number;
  /** Shortest time between two signals to one remediation, unless something is due soon. */
  readonly gatherMs: number;
  /** How long a block, an approval or an end waits for what comes with it. */
  readonly briefGatherMs: number;
  /** Of a resource that flaps the newest state is sent so often; within the same time its changes are counted. */
  readonly coalesceMs: number;
  /** Between two queries to Temporal for runs that ended without having recorded everything. */
  readonly lostRunsMs: number;
  /** What the database does not show so long after Temporal took it is sent again. */
  readonly recordingGraceMs: number;
}

/** What the database shows of a resource that is there, as far as it knows. */
export interface RecordedResource {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** The remediation it belongs to, when the database knows its name. */
  readonly remediation: RemediationReference | undefined;
  /** As in observations. */
  readonly sourceVersion: string;
  /** In hex: of the last state that is recorded completely. */
  readonly projectionHash: string | undefined;
  readonly phase: string | undefined;
  readonly firstSeen: string;
}

/**
 * What the recording side knows. The watcher only reads it, and works on without it: then it sends everything again,
 * which costs repetition, and what vanished while it was not running waits.
 */
export interface ObservedResources {
  /** Resources of a kind that are not known to be deleted, page by page. */
  openResources(cluster: string, kind: string): AsyncIterable<readonly RecordedResource[]>;
  /** Of these uids, those of resources whose deletion is recorded. */
  recordedEnds(cluster: string, uids: readonly string[]): Promise<readonly string[]>;
  /** Of these uids, the hash of the last state that is recorded completely, in hex. */
  recordedHashes(cluster: string, uids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Raised by an operator when a cluster was restored and its versions went back. */
  epoch(cluster: string): Promise<bigint>;
}
