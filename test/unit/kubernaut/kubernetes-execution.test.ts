import { expect, test } from 'vitest';

import type { JsonObject, JsonValue } from '../../../src/domain/json.ts';
import { parseJson } from '../../../src/domain/json.ts';
import { readKubernetesExecution } from '../../../src/kubernaut/kubernetes-execution.ts';
import { readable } from '../../support/readings.ts';
import { KUBERNETES_EXECUTIONS } from './samples/kubernetes-execution.ts';
import { CONTEXT, resourceOf } from './samples/parts.ts';

const G0 = KUBERNETES_EXECUTIONS['G0'] ?? {};
const DOCUMENTED = KUBERNETES_EXECUTIONS['G0a as documented'] ?? {};

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

test('the object of source 001 has its action, target, step and result in the columns', () => {
  const { observations, target, summary, unrecognised, misshapen } = readable(
    readKubernetesExecution(DOCUMENTED, CONTEXT),
  );
  expect(observations[0]?.columns).toMatchObject({
    execution_id: 'ke-rr-4f1c22ab90de-1a2b3c4d',
    workflow_ref: 'wf-1',
    step_index: '0',
    action_type: 'scale-deployment',
    action_parameters: '{"replicas":5}',
    target_namespace: 'payments',
    target_resource_kind: 'Deployment',
    target_resource_name: 'api',
    success: true,
    output: 'scaled to 5',
    start_time: '2026-11-21T10:41:00.000000Z',
    end_time: '2026-11-21T10:41:12.500000Z',
    duration: '00:00:12.5',
    retry_count: '1',
    max_retries: '3',
    completed_at: '2026-11-21T10:41:12.500000Z',
    phase: 'Completed',
    source_shape: 'G0a',
  });
  expect({ target, summary, unrecognised, misshapen }).toEqual({
    target: 'payments/Deployment/api',
    summary: 'payments/Deployment/api: scale-deployment',
    unrecognised: [],
    misshapen: [],
  });
});

test('a member of the documented action that nothing reads is kept', () => {
  const action = { type: 'patch', reason: 'memory', target: { resourceKind: 'Node', uid: 'n-1' } };
  const { observations, unrecognised } = readable(readKubernetesExecution(execution({ action }), CONTEXT));
  expect(unrecognised).toEqual(['spec.action.reason', 'spec.action.target.uid']);
  expect(observations[0]?.columns['extra']).toContain('"spec.action.reason":"memory"');
});

test('the documented action on a secret carries the keys of its data, whatever form they have', () => {
  const parametersOf = (parameters: JsonValue): string =>
    String(
      readable(readKubernetesExecution(execution({ action: { type: 'update-secret', parameters } }), CONTEXT))
        .observations[0]?.columns['action_parameters'],
    );
  expect(parametersOf({ data: { pin: 'MTIzNA==' }, stringData: { key: 'MTIzNA==' } })).toBe(
    '{"data":{"pin":"[REDACTED:kubernetes-secret]"},"stringData":{"key":"[REDACTED:kubernetes-secret]"}}',
  );
  expect(parametersOf(['MTIzNA=='])).toBe('"[REDACTED:kubernetes-secret]"');
});

test('a value that its column cannot take is kept under extra', () => {
  const { observations, misshapen } = readable(
    readKubernetesExecution(execution({ stepIndex: 'second' }), CONTEXT),
  );
  expect(misshapen).toEqual(['spec.stepIndex']);
  expect(parseJson(String(observations[0]?.columns['extra']))).toMatchObject({
    misshapen: { 'spec.stepIndex': 'second' },
  });
});

test('an action that names its remediation by name waits until that was seen, and is then recorded once', () => {
  const named = execution({ action: 'drain_node', remediationRequestRef: { name: 'rr-1' } });
  expect(readKubernetesExecution(named, CONTEXT)).toEqual({ unread: 'no-remediation' });
  const seen = { ...CONTEXT, remediationUid: () => 'rr-1-uid' };
  const { observations } = readable(readKubernetesExecution(named, seen));
  expect(observations[0]?.columns).toMatchObject({ remediation_id: 'rr-1', remediation_uid: 'rr-1-uid' });
});
