import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { Observation, PhaseChange } from '../domain/observation.ts';

/** Why a record was not stored, in the words of source 001. */
export type StorageFailure = 'timeout' | 'marshal_error' | 'http_error' | 'kubernetes_execution';

/**
 * The metrics that the sources name, to the letter: names, labels, help texts and buckets are theirs, so
 * dashboards made for them go on working. They count in whichever process stores the record.
 */
export interface SourceMetrics {
  /**
   * One observation was stored; `seconds` is the time from the attempt's begin to its answer. `phases` are those of its row
   * before and after, where they are known.
   */
  stored(observation: Pick<Observation, 'table'>, seconds: number, phases?: PhaseChange): void;
  /** One attempt to store a record failed; `table` is the record's. */
  failed(table: string, failure: StorageFailure, seconds: number): void;
  /** Records that were accepted and are not stored yet. Set when `serve` is asked for its metrics. */
  readonly pending: Gauge;
}

/** The sources have metrics for three tables; a record of any other table counts in none of these. */
export function createSourceMetrics(registers: Registry[]): SourceMetrics {
  const execution = executionMetrics(registers);
  const action = actionMetrics(registers);
  const signal = signalMetrics(registers);
  return {
    stored({ table }, seconds, phases) {
      if (table === 'workflow_execution_audit') {
        const ended = endOf(phases);
        if (ended !== undefined) execution.records.inc({ phase: ended });
        execution.duration.observe(seconds);
      } else if (table === 'kubernetes_execution_audit') {
        action.attempts.inc({ status: 'success' });
        action.duration.observe(seconds);
      } else if (table === 'signal_processing_audit') {
        signal.attempts.inc({ status: 'success' });
        signal.duration.observe(seconds);
      }
    },
    failed(table, failure, seconds) {
      if (table === 'workflow_execution_audit') {
        execution.errors.inc();
        execution.duration.observe(seconds);
      } else if (table === 'kubernetes_execution_audit') {
        action.attempts.inc({ status: 'error' });
        action.failures.inc({ error_type: failure });
        action.duration.observe(seconds);
      } else if (table === 'signal_processing_audit') {
        signal.attempts.inc({ status: 'error' });
        signal.duration.observe(seconds);
      }
    },
    pending: action.pending,
  };
}

/** Of a workflow execution that goes on; the source records it once, at its end. */
const OPEN_PHASES: ReadonlySet<string | undefined> = new Set([undefined, 'Pending', 'Running']);

/** The phase in which an execution ended just now: each counts once, however many observations say so. */
function endOf({ from, to }: PhaseChange = { from: undefined, to: undefined }): string | undefined {
  return OPEN_PHASES.has(from) && !OPEN_PHASES.has(to) ? to : undefined;
}

/** In seconds. Source 000: `prometheus.ExponentialBuckets(0.001, 2, 10)`. */
const DOUBLING_FROM_1_MS = Array.from({ length: 10 }, (_, power) => 0.001 * 2 ** power);

/** For `workflow_execution_audit`. */
function executionMetrics(registers: Registry[]) {
  return {
    records: new Counter({
      name: 'kubernaut_workflowexecution_audit_records_total',
      help: 'Total audit records by phase',
      labelNames: ['phase'],
      registers,
    }),
    duration: new Histogram({
      name: 'kubernaut_workflowexecution_audit_record_duration_seconds',
      help: 'Audit record insertion duration',
      buckets: DOUBLING_FROM_1_MS,
      registers,
    }),
    errors: new Counter({
      name: 'kubernaut_workflowexecution_audit_record_errors_total',
      help: 'Total audit record insertion errors',
      registers,
    }),
  };
}

/** For `kubernetes_execution_audit`, the only table whose failures the sources count by type. */
function actionMetrics(registers: Registry[]) {
  return {
    attempts: new Counter({
      name: 'kubernaut_kubernetesexecutor_audit_storage_attempts_total',
      help: 'Total audit storage attempts',
      labelNames: ['status'],
      registers,
    }),
    failures: new Counter({
      name: 'kubernaut_kubernetesexecutor_audit_storage_failures_total',
      help: 'Total audit storage failures',
      labelNames: ['error_type'],
      registers,
    }),
    duration: new Histogram({
      name: 'kubernaut_kubernetesexecutor_audit_storage_duration_seconds',
      help: 'Duration of audit storage operations',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2],
      registers,
    }),
    pending: new Gauge({
      name: 'kubernaut_kubernetesexecutor_pending_audit_records',
      help: 'Number of audit records waiting to be persisted',
      registers,
    }),
  };
}

/** For `signal_processing_audit`. */
function signalMetrics(registers: Registry[]) {
  return {
    attempts: new Counter({
      name: 'kubernaut_signal_processing_audit_storage_attempts_total',
      help: 'Total audit storage attempts',
      labelNames: ['status'],
      registers,
    }),
    duration: new Histogram({
      name: 'kubernaut_signal_processing_audit_storage_duration_seconds',
      help: 'Duration of audit storage operations',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1],
      registers,
    }),
  };
}
