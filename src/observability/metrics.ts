import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

/** The metrics of one process. Every one of them is documented in docs/metrics.md, which a test holds against this. */
export interface Metrics {
  readonly registry: Registry;
  /** Observations that Temporal has durably. */
  readonly observationsSignalled: Counter<'kind'>;
  /** Resources that could not be read as what they claim to be. */
  readonly unreadableResources: Counter<'kind'>;
  /** Ended watches by cause. */
  readonly watchEnds: Counter<'kind' | 'cause'>;
  /** When the last complete list of a kind succeeded. */
  readonly lastGoodList: Gauge<'kind'>;
  /** Observations stored, by audit phase. */
  readonly observationsRecorded: Counter<'phase'>;
  /** Observations set aside because PostgreSQL will never take them, by SQLSTATE. */
  readonly observationsQuarantined: Counter<'sqlstate'>;
  /** Investigations by what became of their placing: placed, unchanged, refused. */
  readonly investigationsPlaced: Counter<'result'>;
  /** Failed attempts to store one; each is retried. */
  readonly recordingErrors: Counter;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    observationsSignalled: new Counter({
      name: 'remediation_audit_observations_signalled_total',
      help: 'Observations that Temporal has durably, by kind of resource',
      labelNames: ['kind'],
      registers,
    }),
    unreadableResources: new Counter({
      name: 'remediation_audit_unreadable_resources_total',
      help: 'Resources that lack what it takes to record them, by kind',
      labelNames: ['kind'],
      registers,
    }),
    watchEnds: new Counter({
      name: 'remediation_audit_watch_ends_total',
      help: 'Watches that ended, by kind of resource and cause',
      labelNames: ['kind', 'cause'],
      registers,
    }),
    lastGoodList: new Gauge({
      name: 'remediation_audit_last_good_list_timestamp_seconds',
      help: 'When the last complete list of a kind succeeded',
      labelNames: ['kind'],
      registers,
    }),
    observationsRecorded: new Counter({
      name: 'remediation_audit_observations_recorded_total',
      help: 'Observations stored, by audit phase',
      labelNames: ['phase'],
      registers,
    }),
    observationsQuarantined: new Counter({
      name: 'remediation_audit_observations_quarantined_total',
      help: 'Observations set aside because PostgreSQL will never take them, by SQLSTATE',
      labelNames: ['sqlstate'],
      registers,
    }),
    investigationsPlaced: new Counter({
      name: 'remediation_audit_investigations_placed_total',
      help: 'Investigation texts by what became of their embedding: placed, unchanged or refused by the model',
      labelNames: ['result'],
      registers,
    }),
    recordingErrors: new Counter({
      name: 'remediation_audit_recording_errors_total',
      help: 'Failed attempts to store an observation; each is retried',
      registers,
    }),
  };
}
