import type { Registry } from 'prom-client';

import type { RecordKind } from './records.ts';
import type { FailureType } from './send-batch.ts';

/** What the client counts, under the names that source 001 gives. */
export interface ClientMetrics {
  succeeded(records: number, seconds: number): void;
  failed(type: FailureType | 'marshal_error' | RecordKind): void;
  observePending(count: () => number): void;
}

const SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2];

/** Without a registry nothing is counted, and prom-client need not be installed. */
export async function createClientMetrics(registry: Registry | undefined): Promise<ClientMetrics> {
  if (registry === undefined) {
    const nothing = (): void => undefined;
    return { succeeded: nothing, failed: nothing, observePending: nothing };
  }
  const { Counter, Gauge, Histogram } = await import('prom-client');
  const prefix = 'kubernaut_kubernetesexecutor';
  const registers = [registry];
  const attempts = new Counter({
    name: `${prefix}_audit_storage_attempts_total`,
    help: 'Records that the service was asked to store',
    labelNames: ['status'],
    registers,
  });
  const failures = new Counter({
    name: `${prefix}_audit_storage_failures_total`,
    help: 'Attempts that failed, by kind of failure; a refused record counts under its own kind',
    labelNames: ['error_type'],
    registers,
  });
  const duration = new Histogram({
    name: `${prefix}_audit_storage_duration_seconds`,
    help: 'Time from sending a batch to its answer',
    buckets: SECONDS,
    registers,
  });
  return {
    succeeded(records, seconds) {
      attempts.inc({ status: 'success' }, records);
      duration.observe(seconds);
    },
    failed(type) {
      attempts.inc({ status: 'error' });
      failures.inc({ error_type: type.replaceAll('-', '_') });
    },
    observePending(count) {
      new Gauge({
        name: `${prefix}_pending_audit_records`,
        help: 'Records that the service does not have yet',
        registers,
        collect() {
          this.set(count());
        },
      });
    },
  };
}
