import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the REST service counts besides the sources' metrics. */
export interface ApiMetrics {
  /**
   * Seconds from a request to its answer. `route` is the pattern of the route and never the path, which has
   * ids.
   */
  readonly requests: Histogram<'method' | 'route' | 'status'>;
  /** Posted records by what became of them: stored, deferred, refused. */
  readonly records: Counter<'kind' | 'result'>;
  /** Posted records that were turned away because too much was waiting. Nothing of them is kept here. */
  readonly turnedAway: Counter;
  /**
   * Posted records that Temporal took while the database was away. They are durable, and are stored later.
   */
  readonly recordsDeferred: Counter;
  /** Posted records whose created_at lies more than a day from when they were received. */
  readonly recordsFarFromReceipt: Counter<'kind'>;
  /** Posted analyses whose text is not embedded because Temporal did not take it or its caller has too many; post them again to try again. */
  readonly investigationsLeft: Counter;
  /** Values that were taken out of posted records, by kind of secret. */
  readonly redactions: Counter<'kind'>;
  /**
   * Decisions about callers: admitted, unauthenticated, forbidden, or unavailable when nobody could say who
   * calls.
   */
  readonly admissions: Counter<'result'>;
  /** 1 while the tokens file of auth mode `token` is missing or broken. */
  readonly tokensFileUnusable: Gauge;
  /** Connections that were refused because there were too many. */
  readonly connectionsRefused: Counter;
  /** Streams of events that are open. */
  readonly eventStreams: Gauge;
  /** Streams of events that were refused because too many were open. */
  readonly eventStreamsRefused: Counter;
}

/** In seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export function createApiMetrics(registers: Registry[]): ApiMetrics {
  return {
    requests: new Histogram({
      name: 'remediation_audit_api_request_duration_seconds',
      help: 'Time from a request to its answer, by route and status',
      labelNames: ['method', 'route', 'status'],
      buckets: BUCKETS,
      registers,
    }),
    records: new Counter({
      name: 'remediation_audit_api_records_total',
      help: 'Posted records by what became of them: stored, deferred or refused',
      labelNames: ['kind', 'result'],
      registers,
    }),
    turnedAway: new Counter({
      name: 'remediation_audit_api_records_turned_away_total',
      help: 'Posted records that were turned away because too much was waiting to be stored',
      registers,
    }),
    recordsDeferred: new Counter({
      name: 'remediation_audit_api_records_deferred_total',
      help: 'Posted records that Temporal took because the database could not store them',
      registers,
    }),
    recordsFarFromReceipt: new Counter({
      name: 'remediation_audit_api_records_far_from_receipt_total',
      help: 'Posted records whose created_at lies more than a day before or after their receipt',
      labelNames: ['kind'],
      registers,
    }),
    investigationsLeft: new Counter({
      name: 'remediation_audit_api_investigations_left_total',
      help: 'Posted analyses that are stored but not embedded, because Temporal did not take their text, or beyond the quota of their caller',
      registers,
    }),
    redactions: new Counter({
      name: 'remediation_audit_api_redactions_total',
      help: 'Values that were taken out of posted records, by kind of secret',
      labelNames: ['kind'],
      registers,
    }),
    ...createConnectionMetrics(registers),
  };
}

/** Of who calls, and of what is open. */
function createConnectionMetrics(
  registers: Registry[],
): Pick<
  ApiMetrics,
  'admissions' | 'tokensFileUnusable' | 'connectionsRefused' | 'eventStreams' | 'eventStreamsRefused'
> {
  return {
    admissions: new Counter({
      name: 'remediation_audit_api_admissions_total',
      help: 'Decisions about callers: admitted, unauthenticated, forbidden or unavailable',
      labelNames: ['result'],
      registers,
    }),
    tokensFileUnusable: new Gauge({
      name: 'remediation_audit_api_tokens_file_unusable',
      help: '1 while the tokens file of auth mode token is missing or broken',
      registers,
    }),
    connectionsRefused: new Counter({
      name: 'remediation_audit_api_connections_refused_total',
      help: 'Connections that were refused because too many were open',
      registers,
    }),
    eventStreams: new Gauge({
      name: 'remediation_audit_api_event_streams',
      help: 'Streams of events that are open',
      registers,
    }),
    eventStreamsRefused: new Counter({
      name: 'remediation_audit_api_event_streams_refused_total',
      help: 'Streams of events that were refused because too many of one caller or of the process were open',
      registers,
    }),
  };
}
