import { expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { readKubernetesExecution } from '../../../src/kubernaut/kubernetes-execution.ts';
import { readable } from '../../support/readings.ts';
import { KUBERNETES_EXECUTIONS } from './samples/kubernetes-execution.ts';
import { CONTEXT, resourceOf } from './samples/parts.ts';

const G0 = KUBERNETES_EXECUTIONS['G0'] ?? {};

const execution = (spec: JsonObject, metadata: JsonObject = {}): JsonObject =>
  resourceOf('KubernetesExecution', 'ke', { spec, metadata });

test('an action has its target, its outcome and the times of its job', () => {
  const reading = readable(readKubernetesExecution(G0, CONTEXT));
  expect(reading.observations).toHaveLength(1);
  expect(reading.target).toBe('payments/Deployment/api');
  expect(reading.observations[0]?.columns).toMatchObject({
    workflow_ref: 'wf-1',
    step_index: '2',
    action_type: 'scale_deployment',
    target_namespace: 'payments',
    target_resource_kind: 'Deployment',
    target_resource_name: 'api',
    success: true,
    output: 'scaled to 5',
    duration: '00:00:12.5',
    job_name: 'job-1',
    retry_count: '0',
    max_retries: '2',
    completed_at: '2026-11-21T10:41:12.500000Z',
  });
});

test('its remediation is not known by the name of its workflow: the record has none', () => {
  const { remediation, observations } = readable(readKubernetesExecution(G0, CONTEXT));
  expect(remediation).toMatchObject({ name: 'wf-1', uid: 'wf-uid' });
  expect(observations[0]?.key).toMatch(/^wf-uid\/ke-/);
  expect(observations[0]?.columns).not.toHaveProperty('remediation_uid');
  expect(observations[0]?.columns).not.toHaveProperty('remediation_id');
});

test('owned by a remediation it belongs to that one, and alone to itself', () => {
  const owned = execution(
    { action: 'drain_node' },
    { ownerReferences: [{ kind: 'RemediationRequest', name: 'rr', uid: 'rr-uid' }] },
  );
  expect(readable(readKubernetesExecution(owned, CONTEXT)).observations[0]?.columns).toMatchObject({
    remediation_id: 'rr',
    remediation_uid: 'rr-uid',
  });
  const alone = readable(readKubernetesExecution(execution({ action: 'drain_node' }), CONTEXT));
  expect(alone.remediation.uid).toBe('ke-uid');
});

test('success is unknown until the action has ended', () => {
  const running = {
    ...G0,
    status: { phase: 'executing', executionResults: { success: false, jobName: 'job-1' } },
  };
  expect(readable(readKubernetesExecution(running, CONTEXT)).observations[0]?.columns).not.toHaveProperty(
    'success',
  );
});

test('a node has no namespace, and a manifest no target', () => {
  const targetOf = (parameters: JsonObject): string | undefined =>
    readable(readKubernetesExecution(execution({ parameters }), CONTEXT)).target;
  expect(targetOf({ drainNode: { node: 'worker-1', force: true } })).toBe('Node/worker-1');
  expect(targetOf({ applyManifest: { manifest: 'kind: Pod' } })).toBeUndefined();
});

test('what a secret was set to is not carried, its keys are', () => {
  const parameters = { updateSecret: { secret: 'db', namespace: 'payments', data: { pin: 'MTIzNA==' } } };
  const reading = readable(readKubernetesExecution(execution({ parameters }), CONTEXT));
  const text = String(reading.observations[0]?.columns['action_parameters']);
  expect(text).not.toContain('MTIzNA==');
  expect(text).toContain('"pin":"[REDACTED:kubernetes-secret]"');
});
