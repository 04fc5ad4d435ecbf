import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import type { AuditClient } from '../../packages/client/src/audit-client.ts';
import { createAuditClient } from '../../packages/client/src/audit-client.ts';
import type { ClientOptions } from '../../packages/client/src/client-options.ts';
import type { RunningApi } from '../../src/api/http/server.ts';
import { startApi } from '../../src/api/http/server.ts';
import { sourceMetrics } from '../sources/documents.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import type { FaultyProxy } from '../support/faulty-proxy.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
let api: RunningApi;
let proxy: FaultyProxy;
let registry: Registry;
let client: AuditClient | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  api = await startApi(testApiOptions(database));
});
afterAll(async () => {
  await api.stop();
  await database.close();
});
beforeEach(async () => {
  registry = new Registry();
  proxy = await startFaultyProxy(Number(new URL(api.url).port));
});
afterEach(async () => {
  await client?.close();
  await proxy.close();
});

async function connect(given: Partial<ClientOptions> = {}): Promise<AuditClient> {
  const url = `http://127.0.0.1:${proxy.port}`;
  client = await createAuditClient({ url, flushIntervalMs: 20, backoffMs: 1, registry, ...given });
  return client;
}

test('the metrics of the sources count each record under its kind, and the time of each attempt', async () => {
  const sent = await connect();
  const action = { execution_id: 'counted', success: true };
  const signal = { remediation_id: 'counted', signal_fingerprint: 'f' };
  await Promise.all([
    sent.record('workflow-execution', { remediation_id: 'counted', workflow_id: 'w', phase: 'Completed' }),
    sent.record('kubernetes-execution', action),
    sent.record('kubernetes-execution', { ...action, execution_id: 'counted too' }),
    sent.record('signal-processing', signal),
    sent.record('ai-analysis', { crd_name: 'counted', crd_namespace: 'prod' }),
    ...[
      sent.record('workflow-execution', { remediation_id: 'counted', effectiveness_score: 7 }),
      sent.record('kubernetes-execution', { ...action, step_index: 0.5 }),
      sent.record('kubernetes-execution', { ...action, step_index: Infinity }),
      sent.record('signal-processing', { ...signal, confidence: 7 }),
    ].map((refused) => refused.catch(() => undefined)),
  ]);
  const text = await registry.metrics();
  for (const line of [
    'kubernaut_workflowexecution_audit_records_total{phase="Completed"} 1',
    'kubernaut_workflowexecution_audit_record_errors_total 1',
    'kubernaut_workflowexecution_audit_record_duration_seconds_count 2',
    'kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="success"} 2',
    'kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="error"} 2',
    'kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="kubernetes_execution"} 1',
    'kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="marshal_error"} 1',
    'kubernaut_kubernetesexecutor_audit_storage_duration_seconds_count 4',
    'kubernaut_signal_processing_audit_storage_attempts_total{status="success"} 1',
    'kubernaut_signal_processing_audit_storage_attempts_total{status="error"} 1',
    'kubernaut_signal_processing_audit_storage_duration_seconds_count 2',
    'kubernaut_kubernetesexecutor_pending_audit_records 0',
  ])
    expect(text).toContain(`${line}\n`);
});

test('its metrics have the names, helps, types and buckets of the source documents', async () => {
  await connect();
  const text = await registry.metrics();
  const served = sourceMetrics();
  expect(served.length).toBeGreaterThan(8);
  for (const { name, help, type, buckets } of served) {
    expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
    const bounds = [...text.matchAll(new RegExp(`^${name}_bucket\\{le="([\\d.]+)"\\}`, 'gm'))];
    expect(bounds.map(([, bound]) => Number(bound))).toEqual(buckets);
  }
});

test('an attempt that is made again counts each of its records, and its time', async () => {
  const sent = await connect({ timeoutMs: 100 });
  proxy.freeze();
  const names = ['again one', 'again two'];
  const records = names.map((name) => sent.record('kubernetes-execution', { execution_id: name }));
  const failed = /storage_attempts_total\{status="error"\} (?:[2-9]|\d\d)/;
  await until(async () => failed.test(await registry.metrics()), 'the attempts that failed are counted');
  proxy.thaw();
  await Promise.all(records);
  const text = await registry.metrics();
  const count = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]);
  const attempts =
    count(/attempts_total\{status="error"\} (\d+)/) + count(/attempts_total\{status="success"\} (\d+)/);
  expect(count(/executor_audit_storage_duration_seconds_count (\d+)/)).toBe(attempts);
  expect(count(/failures_total\{error_type="(?:timeout|http_error)"\} (\d+)/)).toBeGreaterThan(1);
});
