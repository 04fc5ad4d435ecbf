/*
 * Metrics and logs of the three processes.
 *
 * Each group of metrics has its file and its type; all are registered here, so that every process exposes the same names.
 * docs/metrics.md lists them with their help texts, and a test compares the two. Names and labels are public: dashboards
 * and alerts use them, so one that changes needs the old one beside it for a release.
 *
 * Labels have few values, because each combination of them is a series of its own.
 */
import { collectDefaultMetrics, Counter, Registry } from 'prom-client';

import { type ApiMetrics, createApiMetrics } from './api-metrics.ts';
import {
  type ArchiveQuestionMetrics,
  createArchiveQuestionMetrics,
  createMaintenanceMetrics,
  type MaintenanceMetrics,
} from './maintenance-metrics.ts';
import { createSourceMetrics, type SourceMetrics } from './source-metrics.ts';
import { createWatcherMetrics, type WatcherMetrics } from './watcher-metrics.ts';

/** The metrics of one process. Every one of them is documented in docs/metrics.md, which a test holds against this. */
export interface Metrics {
  /** All of the metrics below and those of Node; what /metrics prints. */
  readonly registry: Registry;
  /** What the watcher counts. */
  readonly watcher: WatcherMetrics;
  /** Observations stored, by audit phase. */
  readonly observationsRecorded: Counter<'phase'>;
  /** Observations set aside because PostgreSQL will never take them, by SQLSTATE. */
  readonly observationsQuarantined: Counter<'sqlstate'>;
  /**
   * Investigations by the result of embedding: placed, unchanged, refused. Histories hold these words too.
   */
  readonly investigationsPlaced: Counter<'result'>;
  /** Payloads in Temporal that were refused: not encrypted (plain), or encrypted for another workflow (elsewhere). */
  readonly payloadsRefused: Counter<'reason'>;
  /** Values that were replaced in what came out of Temporal: who sent it had not redacted it. */
  readonly receivedRedactions: Counter<'kind'>;
  /** Failed attempts of an activity to store its list; each is retried. */
  readonly recordingErrors: Counter;
  /** What the sources name. */
  readonly sources: SourceMetrics;
  /** What the REST service counts. */
  readonly api: ApiMetrics;
  /** Questions to the archive. */
  readonly archive: ArchiveQuestionMetrics;
  /** Partitions, retention and their schedules. */
  readonly maintenance: MaintenanceMetrics;
}

/** Every sample wakes an idle process; the reported lag includes this time. */
const EVENT_LOOP_PRECISION_MS = 50;

/** Uses a registry of its own and nothing global, so that services in one process do not share figures. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_PRECISION_MS });
  return {
    registry,
    watcher: createWatcherMetrics(registry),
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
      help: 'Investigation texts by the result of embedding: placed (embedded), unchanged, or refused by the model',
      labelNames: ['result'],
      registers,
    }),
    payloadsRefused: new Counter({
      name: 'remediation_audit_payloads_refused_total',
      help: 'Payloads in Temporal that `work` refused: not encrypted (plain), or encrypted for another workflow (elsewhere)',
      labelNames: ['reason'],
      registers,
    }),
    receivedRedactions: new Counter({
      name: 'remediation_audit_received_redactions_total',
      help: 'Values that `work` replaced in observations out of Temporal, by kind: whoever sent them had not redacted them by its rules',
      labelNames: ['kind'],
      registers,
    }),
    recordingErrors: new Counter({
      name: 'remediation_audit_recording_errors_total',
      help: 'Failed attempts to store an observation; each is retried',
      registers,
    }),
    sources: createSourceMetrics(registers),
    api: createApiMetrics(registers),
    archive: createArchiveQuestionMetrics(registers),
    maintenance: createMaintenanceMetrics(registers),
  };
}
