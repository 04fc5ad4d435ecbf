import type { Registry } from 'prom-client';
import { Counter, Gauge } from 'prom-client';

/** Metrics of the watcher. */
export interface WatcherMetrics {
  readonly observationsSignalled: Counter<'cluster' | 'kind'>;
  readonly unreadableResources: Counter<'cluster' | 'kind' | 'reason'>;
  readonly oddFields: Counter<'cluster' | 'kind' | 'problem'>;
  readonly redactions: Counter<'cluster' | 'rule'>;
  readonly statesReduced: Counter<'cluster' | 'kind' | 'reason'>;
  readonly watchEnds: Counter<'cluster' | 'kind' | 'cause'>;
  readonly relists: Counter<'cluster' | 'kind' | 'cause'>;
  readonly missedOnRelist: Counter<'cluster' | 'kind'>;
  readonly tombstones: Counter<'cluster' | 'kind' | 'seen'>;
  readonly lastGoodList: Gauge<'cluster' | 'kind'>;
  readonly lastEvent: Gauge<'cluster' | 'kind'>;
  readonly lastBookmark: Gauge<'cluster' | 'kind'>;
  readonly signalErrors: Counter<'cluster' | 'reason'>;
  readonly signalQueue: Gauge<'cluster'>;
  readonly signalQueueAge: Gauge<'cluster'>;
  readonly signals: Counter<'cluster'>;
  readonly statesCoalesced: Counter<'cluster'>;
  readonly equalObservations: Counter<'cluster' | 'kind'>;
  readonly flappingStates: Counter<'cluster' | 'kind'>;
  readonly flapping: Gauge<'cluster' | 'kind' | 'namespace' | 'name'>;
  readonly lostRuns: Counter<'cluster' | 'result'>;
  readonly statesResent: Counter<'cluster' | 'kind'>;
  readonly resources: Gauge<'cluster' | 'kind' | 'state'>;
  readonly gaps: Gauge<'cluster' | 'reason'>;
  readonly leastRetention: Gauge<'cluster'>;
  readonly clusterRestored: Gauge<'cluster'>;
  readonly finalizerWrites: Counter<'cluster' | 'kind' | 'action'>;
  readonly finalizerErrors: Counter<'cluster' | 'kind' | 'cause'>;
  readonly unrecordedReleases: Counter<'cluster' | 'kind'>;
  readonly heldResources: Gauge<'cluster' | 'kind' | 'state'>;
  readonly heldDeletionAge: Gauge<'cluster'>;
  readonly strictRightsMissing: Gauge<'cluster' | 'kind'>;
}

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
      'watch_flapping_resource_changes',
      'Changes of a resource that changes all the time, since that began, of 50 at most; absent once it has come to rest',
      ['cluster', 'kind', 'namespace', 'name'],
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
