import type { Counter, Histogram, Registry } from 'prom-client';

import type { PendingRecord } from './pending-queue.ts';
import type { RecordKind } from './records.ts';
import type { FailureType } from './send-batch.ts';

/**
 * What the client counts: the metrics that the sources name, to the letter, each for the kind of its source. One record is one
 * attempt, and its time is observed however the attempt ends. No source names a metric for analyses.
 */
export interface ClientMetrics {
  stored(records: readonly PendingRecord[], seconds: number): void;
  /** `type` in the words of source 001; `kubernetes_execution` for what the service refuses. */
  failed(kinds: readonly RecordKind[], type: FailureType | StorageFailure, seconds: number): void;
  observePending(count: () => number): void;
}

type StorageFailure = 'marshal_error' | 'kubernetes_execution';

/** In seconds. Source 000: `prometheus.ExponentialBuckets(0.001, 2, 10)`; then 001 and 002. */
const EXECUTION_BUCKETS = Array.from({ length: 10 }, (_, power) => 0.001 * 2 ** power);
const ACTION_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2];
const SIGNAL_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1];

/** Without a registry nothing is counted, and prom-client need not be installed. */
export async function createClientMetrics(registry: Registry | undefined): Promise<ClientMetrics> {
  if (registry === undefined) {
    const nothing = (): void => undefined;
    return { stored: nothing, failed: nothing, observePending: nothing };
  }
  const { Gauge, ...client } = await import('prom-client');
  const byKind = countersOf(client, [registry]);
  return {
    stored(records, seconds) {
      for (const record of records) byKind[record.kind]?.stored(record, seconds);
    },
    failed(kinds, type, seconds) {
      for (const kind of kinds) byKind[kind]?.failed(type, seconds);
    },
    observePending(count) {
      new Gauge({
        name: 'kubernaut_kubernetesexecutor_pending_audit_records',
        help: 'Number of audit records waiting to be persisted',
        registers: [registry],
        collect() {
          this.set(count());
        },
      });
    },
  };
}

interface KindCounters {
  stored(record: PendingRecord, seconds: number): void;
  failed(type: FailureType | StorageFailure, seconds: number): void;
}

interface PromClient {
  readonly Counter: typeof Counter;
  readonly Histogram: typeof Histogram;
}

function countersOf(client: PromClient, registers: Registry[]): Partial<Record<RecordKind, KindCounters>> {
  const failures = new client.Counter({
    name: 'kubernaut_kubernetesexecutor_audit_storage_failures_total',
    help: 'Total audit storage failures',
    labelNames: ['error_type'],
    registers,
  });
  const action = attemptsOf(client, registers, 'kubernaut_kubernetesexecutor', ACTION_BUCKETS);
  return {
    'workflow-execution': executionCounters(client, registers),
    'kubernetes-execution': {
      ...action,
      failed(type, seconds) {
        action.failed(type, seconds);
        failures.inc({ error_type: type });
      },
    },
    'signal-processing': attemptsOf(client, registers, 'kubernaut_signal_processing', SIGNAL_BUCKETS),
  };
}

/** Sources 001 and 002 count attempts by how they ended. */
function attemptsOf(
  { Counter, Histogram }: PromClient,
  registers: Registry[],
  prefix: string,
  buckets: number[],
): KindCounters {
  const attempts = new Counter({
    name: `${prefix}_audit_storage_attempts_total`,
    help: 'Total audit storage attempts',
    labelNames: ['status'],
    registers,
  });
  const duration = new Histogram({
    name: `${prefix}_audit_storage_duration_seconds`,
    help: 'Duration of audit storage operations',
    buckets,
    registers,
  });
  return {
    stored(_record, seconds) {
      attempts.inc({ status: 'success' });
      duration.observe(seconds);
    },
    failed(_type, seconds) {
      attempts.inc({ status: 'error' });
      duration.observe(seconds);
    },
  };
}

/** Source 000 counts records by their phase, and errors by themselves. */
function executionCounters({ Counter, Histogram }: PromClient, registers: Registry[]): KindCounters {
  const records = new Counter({
    name: 'kubernaut_workflowexecution_audit_records_total',
    help: 'Total audit records by phase',
    labelNames: ['phase'],
    registers,
  });
  const duration = new Histogram({
    name: 'kubernaut_workflowexecution_audit_record_duration_seconds',
    help: 'Audit record insertion duration',
    buckets: EXECUTION_BUCKETS,
    registers,
  });
  const errors = new Counter({
    name: 'kubernaut_workflowexecution_audit_record_errors_total',
    help: 'Total audit record insertion errors',
    registers,
  });
  return {
    stored({ json }, seconds) {
      const { phase } = JSON.parse(json) as { readonly phase?: unknown };
      records.inc({ phase: typeof phase === 'string' && phase !== '' ? phase : 'unknown' });
      duration.observe(seconds);
    },
    failed(_type, seconds) {
      errors.inc();
      duration.observe(seconds);
    },
  };
}
