import type { Setting } from './settings.ts';

/**
 * What the watcher and its connections to clusters read of the environment; part of VARIABLES. config.ts
 * turns most of them into the milliseconds of `WatcherTiming` (watcher/watcher-options.ts), where each is
 * explained to whoever uses it.
 */
export const WATCHER_VARIABLES = {
  KUBECONFIG: {
    default: '',
    unit: 'path',
    meaning: 'kubeconfig of the cluster to watch; in a pod its service account is used without it',
  },
  REMEDIATION_AUDIT_KUBE_CONTEXT: {
    default: '',
    unit: '',
    meaning: 'Context within the kubeconfig; empty for its current one',
  },
  // A name that belonged to another cluster is refused: the uid of kube-system decides (ADR 27).
  REMEDIATION_AUDIT_CLUSTER: {
    default: 'default',
    unit: '',
    meaning: 'Name of the watched cluster, part of every record and workflow id',
  },
  REMEDIATION_AUDIT_CLUSTERS: {
    default: '',
    unit: 'list',
    meaning:
      'Several clusters for one watcher, as `name=context` of the kubeconfig; empty for the one of REMEDIATION_AUDIT_CLUSTER',
  },
  REMEDIATION_AUDIT_NAMESPACES: {
    default: '',
    unit: 'list',
    meaning: 'Namespaces to watch, separated by commas; empty for all',
  },
  REMEDIATION_AUDIT_LIST_PAGE_SIZE: {
    default: '500',
    unit: 'objects',
    meaning: 'Page of a list request to the API server',
  },
  REMEDIATION_AUDIT_WATCH_TIMEOUT_SECONDS: {
    default: '300',
    unit: 's',
    meaning: 'Shortest time of one watch request; each lasts up to twice as long',
  },
  REMEDIATION_AUDIT_WATCH_INACTIVITY_SECONDS: {
    default: '120',
    unit: 's',
    meaning: 'Silence after which a watch is closed and opened again; above the bookmark period of 60 s',
  },
  REMEDIATION_AUDIT_WATCH_BACKOFF_MS: {
    default: '800',
    unit: 'ms',
    meaning: 'First pause after a failed list or watch; the next ones double',
  },
  REMEDIATION_AUDIT_WATCH_LONGEST_BACKOFF_SECONDS: {
    default: '30',
    unit: 's',
    meaning: 'Longest pause after failed lists and watches',
  },
  // Short watches alone never count as recovered: a server that closes each one at once is asked more and
  // more rarely.
  REMEDIATION_AUDIT_WATCH_HEALTHY_SECONDS: {
    default: '120',
    unit: 's',
    meaning: 'A watch that lasted so long has recovered: the pauses begin small again',
  },
  REMEDIATION_AUDIT_KUBE_REQUEST_SECONDS: {
    default: '60',
    unit: 's',
    meaning: 'Longest answer to one page of a list or to a GET of one object',
  },
  REMEDIATION_AUDIT_ABSENT_KIND_SECONDS: {
    default: '30',
    unit: 's',
    meaning: 'Between two checks for a kind of resource that is not installed',
  },
  // The watch gives speed, these lists give certainty: what the watch lost is found by them (ADR 16).
  REMEDIATION_AUDIT_RECONCILE_SECONDS: {
    default: '450',
    unit: 's',
    meaning: 'Between two complete lists that check the watch, a quarter more or less',
  },
  // Its code says probe; the variable is public and keeps its name.
  REMEDIATION_AUDIT_LOOK_SECONDS: {
    default: '60',
    unit: 's',
    meaning:
      'Between two rounds of single requests for resources that are overdue, or soon deleted by the cluster',
  },
  // Taken in at once, what such a list shows would hide the states between, which the watch may yet deliver
  // (ADR 16).
  REMEDIATION_AUDIT_RECONCILE_GRACE_SECONDS: {
    default: '10',
    unit: 's',
    meaning: 'How long a watch may lag behind such a list before what it did not deliver counts as missed',
  },
  // One signal carries what waits of a remediation: ADR 30 has the reasons, ADR 35 those of the half second.
  REMEDIATION_AUDIT_GATHER_MS: {
    default: '2000',
    unit: 'ms',
    meaning:
      'Shortest time between two signals to one remediation; deletions, blocks, approvals and ends do not wait for it',
  },
  REMEDIATION_AUDIT_BRIEF_GATHER_MS: {
    default: '500',
    unit: 'ms',
    meaning: 'How long a block, an approval or an end waits for what comes with it; deletions do not wait',
  },
  REMEDIATION_AUDIT_COALESCE_SECONDS: {
    default: '60',
    unit: 's',
    meaning: 'A resource that changes more than 20 times in this time is recorded once in this time',
  },
  REMEDIATION_AUDIT_LOST_RUNS_SECONDS: {
    default: '60',
    unit: 's',
    meaning:
      'Between two questions to Temporal for audit workflows that were terminated, failed or timed out',
  },
  // Needs DATABASE_URL: without it the watcher does not know what is stored.
  REMEDIATION_AUDIT_RECORDING_GRACE_SECONDS: {
    default: '600',
    unit: 's',
    meaning: 'An observation that is not stored within this time is sent again',
  },
  // The end of the process, because after so long only a new start may help. One cluster of several that
  // answers is enough to go on.
  REMEDIATION_AUDIT_CLUSTER_SILENCE_SECONDS: {
    default: '600',
    unit: 's',
    meaning: '`watch` ends with exit code 5 when no cluster answered a list or a watch for so long',
  },
  REMEDIATION_AUDIT_SIGNAL_CONCURRENCY: {
    default: '8',
    unit: 'remediations',
    meaning: 'Remediations whose states are handed to Temporal at the same time',
  },
  // Strict mode writes to the cluster, which nothing else of the watcher does (ADR 20).
  REMEDIATION_AUDIT_STRICT_KINDS: {
    default: '',
    unit: 'list',
    meaning:
      'Kinds that are kept in the cluster, by a finalizer, until Temporal has their end: `RemediationRequest`, others, or `all`; empty: the watcher only reads (docs/strict-mode.md)',
  },
  REMEDIATION_AUDIT_STRICT_DEADLINE_SECONDS: {
    default: '3600',
    unit: 's',
    meaning:
      'How long after its deletion a resource is kept at most; then it goes although it is not recorded',
  },
} as const satisfies Readonly<Record<string, Setting>>;
