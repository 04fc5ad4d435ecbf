import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';

/**
 * Metrics of the watcher. `cluster` is the configured name and `kind` the kind of resource, such as
 * RemediationRequest. Counters count since the start of the process. The help texts below say what each is;
 * here is what a label may be, and when a sample is absent.
 */
export interface WatcherMetrics {
  readonly observationsSignalled: Counter<'cluster' | 'kind'>;
  /** `reason` is what the resource lacks, such as no-identity. */
  readonly unreadableResources: Counter<'cluster' | 'kind' | 'reason'>;
  /** `problem` is unrecognised or misshapen. The log names the fields, once per kind and problem. */
  readonly oddFields: Counter<'cluster' | 'kind' | 'problem'>;
  /** `rule` is the name of a redaction rule. */
  readonly redactions: Counter<'cluster' | 'rule'>;
  /** `reason` is too-large or failed. The message of the error stays out: it may quote a secret. */
  readonly statesReduced: Counter<'cluster' | 'kind' | 'reason'>;
  /**
   * `cause` is closed, or a FailureCause of watcher/stream/failure.ts. Until a cluster is identified its
   * failures count as kind Namespace.
   */
  readonly watchEnds: Counter<'cluster' | 'kind' | 'cause'>;
  readonly relists: Counter<'cluster' | 'kind' | 'cause'>;
  readonly missedOnRelist: Counter<'cluster' | 'kind'>;
  /** `seen` is observed or unobserved. */
  readonly tombstones: Counter<'cluster' | 'kind' | 'seen'>;
  /** Seconds since 1970, as the two below. Alerts fire when it is old, and when there is no sample at all. */
  readonly lastGoodList: Gauge<'cluster' | 'kind'>;
  readonly lastEvent: Gauge<'cluster' | 'kind'>;
  readonly lastBookmark: Gauge<'cluster' | 'kind'>;
  /** `reason` is that of watcher/delivery/signal-failure.ts; away is an outage of Temporal. */
  readonly signalErrors: Counter<'cluster' | 'reason'>;
  readonly signalQueue: Gauge<'cluster'>;
  /** 0 when nothing waits. */
  readonly signalQueueAge: Gauge<'cluster'>;
  readonly signals: Counter<'cluster'>;
  readonly statesCoalesced: Counter<'cluster'>;
  readonly equalObservations: Counter<'cluster' | 'kind'>;
  readonly flappingStates: Counter<'cluster' | 'kind'>;
  /** The only one with names of resources: a sample is removed when its resource has come to rest. */
  readonly flapping: Gauge<'cluster' | 'kind' | 'namespace' | 'name'>;
  /**
   * `result` is sent-again, recorded or gone; an alert fires for gone, because nothing is left to send again.
   */
  readonly lostRuns: Counter<'cluster' | 'result'>;
  readonly statesResent: Counter<'cluster' | 'kind'>;
  /** `state` is seen, open, overdue, waiting or recorded; the last one has no sample without a database. */
  readonly resources: Gauge<'cluster' | 'kind' | 'state'>;
  /**
   * `reason` is one of GAP_REASONS, which the watcher knows, or RECORD_GAP_REASONS, which the database does.
   */
  readonly gaps: Gauge<'cluster' | 'reason'>;
  /** No sample while everything that ended is recorded. */
  readonly leastRetention: Gauge<'cluster'>;
  readonly clusterRestored: Gauge<'cluster'>;
  /** One per write that was made. `action` says whether the finalizer was added or why it was released. */
  readonly finalizerWrites: Counter<'cluster' | 'kind' | 'action'>;
  readonly finalizerErrors: Counter<'cluster' | 'kind' | 'cause'>;
  readonly unrecordedReleases: Counter<'cluster' | 'kind'>;
  /** `state` is open or deleted. */
  readonly heldResources: Gauge<'cluster' | 'kind' | 'state'>;
  readonly heldDeletionAge: Gauge<'cluster'>;
  readonly strictRightsMissing: Gauge<'cluster' | 'kind'>;
}

/** All names get the prefix `remediation_audit_`. */
export function createWatcherMetrics(registry: Registry): WatcherMetrics {
  const registers = [registry];
  const counter = <const Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Counter({ name: `remediation_audit_${name}`, help, labelNames, registers });
  const gauge = <const Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
    new Gauge({ name: `remediation_audit_${name}`, help, labelNames, registers });
  return {
    ...countersOf(counter),
    ...deliveryCountersOf(counter),
    statesReduced: counter(
      'states_reduced_total',
      'Observations reduced to identity, phase and hash before they were sent, because the rest could not be prepared, by reason',
      ['cluster', 'kind', 'reason'],
    ),
    lastGoodList: gauge(
      'last_good_list_timestamp_seconds',
      'When the last complete list of a kind succeeded',
      ['cluster', 'kind'],
    ),
    lastEvent: gauge('last_event_timestamp_seconds', 'When a watch of a kind last delivered a change', [
      'cluster',
      'kind',
    ]),
    lastBookmark: gauge(
      'last_bookmark_timestamp_seconds',
      'When a watch of a kind last delivered a bookmark',
      ['cluster', 'kind'],
    ),
    signalQueue: gauge('signal_queue_resources', 'Resources with a state that Temporal does not have yet', [
      'cluster',
    ]),
    signalQueueAge: gauge('signal_queue_age_seconds', 'How long the oldest state waits for Temporal', [
      'cluster',
    ]),
    resources: gauge(
      'watched_resources',
      'Resources that are there: seen, open, overdue, waiting for Temporal, recorded (with a database)',
      ['cluster', 'kind', 'state'],
    ),
    gaps: gauge('gaps', 'Resources that are not recorded, or overdue, by reason', ['cluster', 'reason']),
    leastRetention: gauge(
      'least_retention_seconds',
      'Until the first ended resource that is not recorded may be deleted; absent when all are',
      ['cluster'],
    ),
    clusterRestored: gauge(
      'cluster_restored',
      '1 while versions of the cluster went back and no operator has confirmed that it was restored',
      ['cluster'],
    ),
    flapping: gauge(
      'watch_flapping_resources',
      'Resources that change all the time; the log and the gaps of completeness name them',
      ['cluster', 'kind'],
    ),
    ...strictMetricsOf(counter, gauge),
  };
}

/** What strict mode does; all of it stays 0 or absent without it. */
function strictMetricsOf(counter: CreateCounter, gauge: CreateGauge) {
  const kind = ['cluster', 'kind'] as const;
  return {
    finalizerWrites: counter(
      'finalizer_writes_total',
      'Finalizers that strict mode added, or released: recorded, or unrecorded at their deadline',
      [...kind, 'action'],
    ),
    finalizerErrors: counter(
      'finalizer_errors_total',
      'Attempts of strict mode to write a finalizer that failed, by cause; each is retried',
      [...kind, 'cause'],
    ),
    unrecordedReleases: counter(
      'unrecorded_releases_total',
      'Deleted resources that strict mode let go at their deadline although Temporal did not have their end',
      kind,
    ),
    heldResources: gauge(
      'held_resources',
      'Resources that carry the finalizer of strict mode: open ones, and deleted ones that it keeps there',
      [...kind, 'state'],
    ),
    heldDeletionAge: gauge(
      'held_deletion_age_seconds',
      'How long the finalizer of strict mode has kept the oldest deleted resource; 0 when it keeps none',
      ['cluster'],
    ),
    strictRightsMissing: gauge(
      'strict_rights_missing',
      'Kinds and namespaces where strict mode may not patch and therefore holds nothing',
      kind,
    ),
  };
}

/** The labels are kept in the type, so that a sample with another label does not compile. */
type CreateGauge = <const Label extends string>(
  name: string,
  help: string,
  labelNames: readonly Label[],
) => Gauge<Label>;

type CreateCounter = <const Label extends string>(
  name: string,
  help: string,
  labelNames: readonly Label[],
) => Counter<Label>;

function countersOf(counter: CreateCounter) {
  const kind = ['cluster', 'kind'] as const;
  return {
    observationsSignalled: counter(
      'observations_signalled_total',
      'Observations that Temporal has durably, by kind of resource',
      kind,
    ),
    unreadableResources: counter(
      'unreadable_resources_total',
      'Observations of resources that lack what it takes to record them, by kind and what is missing',
      [...kind, 'reason'],
    ),
    oddFields: counter(
      'odd_fields_total',
      'Fields of resources that no known generation has (unrecognised, kept) or that cannot be read (misshapen)',
      [...kind, 'problem'],
    ),
    redactions: counter(
      'redactions_total',
      'Values that were replaced before anything left the watcher, by rule',
      ['cluster', 'rule'],
    ),
    watchEnds: counter('watch_ends_total', 'Watches and lists that ended, by kind of resource and cause', [
      ...kind,
      'cause',
    ]),
    relists: counter('relists_total', 'Lists that began because a watch could not go on, by cause', [
      ...kind,
      'cause',
    ]),
    missedOnRelist: counter(
      'missed_on_relist_total',
      'Changes that a list found and the open watch had not delivered; 0 unless a watch is broken',
      kind,
    ),
    tombstones: counter(
      'tombstones_total',
      'Deletions, by whether they were watched (observed) or concluded from absence (unobserved)',
      [...kind, 'seen'],
    ),
  };
}

/** Of the way to Temporal. */
function deliveryCountersOf(counter: CreateCounter) {
  const kind = ['cluster', 'kind'] as const;
  return {
    signalErrors: counter(
      'signal_errors_total',
      'Attempts to hand a state to Temporal that failed, by reason; each is retried',
      ['cluster', 'reason'],
    ),
    signals: counter(
      'watch_signals_total',
      'Signals that Temporal took; one carries what waits of a remediation',
      ['cluster'],
    ),
    statesCoalesced: counter(
      'states_coalesced_total',
      'States that a newer one superseded while they waited for Temporal',
      ['cluster'],
    ),
    equalObservations: counter(
      'watch_equal_observations_total',
      'Observations that were not sent because Temporal has the same already, by kind of resource',
      kind,
    ),
    flappingStates: counter(
      'watch_flapping_states_total',
      'States of resources that change all the time, recorded with others in one entry, by kind of resource',
      kind,
    ),
    lostRuns: counter(
      'watch_lost_runs_total',
      'Runs that ended without completing, by what became of it: sent-again, recorded before, or gone from the cluster',
      ['cluster', 'result'],
    ),
    statesResent: counter(
      'states_resent_total',
      'Resources sent again because the database did not show what Temporal had taken',
      kind,
    ),
  };
}
