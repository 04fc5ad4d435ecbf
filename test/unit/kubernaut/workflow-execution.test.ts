import { describe, expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { readWorkflowExecution } from '../../../src/kubernaut/workflow-execution.ts';
import { readable } from '../../support/readings.ts';

const CONTEXT = { cluster: 'prod', epoch: 0n, observedAt: '2026-11-21T10:48:00.000000Z' };

/** A WorkflowExecution as generation G3 writes it; `status` and `spec` members are replaced by what is given. */
function workflowExecution(
  given: { status?: JsonObject; spec?: JsonObject; metadata?: JsonObject } = {},
): JsonObject {
  return {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'WorkflowExecution',
    metadata: {
      name: 'we-rr-4f1c22ab90de-1a2b3c4d',
      namespace: 'kubernaut-system',
      uid: 'wfe-uid',
      resourceVersion: '4711',
      creationTimestamp: '2026-11-21T10:40:00Z',
      ...given.metadata,
    },
    spec: {
      remediationRequestRef: {
        apiVersion: 'kubernaut.ai/v1alpha1',
        kind: 'RemediationRequest',
        name: 'rr-4f1c22ab90de-1a2b3c4d',
        namespace: 'kubernaut-system',
        uid: 'rr-uid',
      },
      workflowRef: {
        workflowId: 'restart-deployment-v1',
        workflowName: 'restart-deployment',
        actionType: 'RestartDeployment',
        version: '1.2.0',
        executionBundle: 'registry.example/bundles/restart:1.2.0',
        executionBundleDigest: 'sha256:abcd',
      },
      targetResource: 'payments/Deployment/api',
      parameters: { NAMESPACE: 'payments', GRACE_SECONDS: '30' },
      ...given.spec,
    },
    ...(given.status ? { status: given.status } : {}),
  };
}

test('a fresh execution says whose it is, what will run on what, and invents nothing', () => {
  const reading = readWorkflowExecution(workflowExecution(), CONTEXT);
  expect(reading).toEqual({
    remediation: { namespace: 'kubernaut-system', name: 'rr-4f1c22ab90de-1a2b3c4d', uid: 'rr-uid' },
    summary: 'payments/Deployment/api: restart-deployment',
    target: 'payments/Deployment/api',
    shape: 'G3',
    unrecognised: [],
    misshapen: [],
    observations: [
      {
        table: 'workflow_execution_audit',
        cluster: 'prod',
        key: 'rr-uid/we-rr-4f1c22ab90de-1a2b3c4d',
        phase: 'execution',
        sourceVersion: '4711',
        createdAt: '2026-11-21T10:40:00.000000Z',
        createdAtSource: 'resource',
        observedAt: CONTEXT.observedAt,
        actor: 'watcher',
        resource: {
          kind: 'WorkflowExecution',
          namespace: 'kubernaut-system',
          name: 'we-rr-4f1c22ab90de-1a2b3c4d',
          uid: 'wfe-uid',
        },
        columns: {
          remediation_id: 'rr-4f1c22ab90de-1a2b3c4d',
          correlation_id: 'rr-4f1c22ab90de-1a2b3c4d',
          remediation_uid: 'rr-uid',
          namespace: 'kubernaut-system',
          source_kind: 'WorkflowExecution',
          source_uid: 'wfe-uid',
          source_shape: 'G3',
          workflow_id: 'restart-deployment-v1',
          workflow_name: 'restart-deployment',
          workflow_version: '1.2.0',
          container_image: 'registry.example/bundles/restart:1.2.0@sha256:abcd',
          target_resource: 'payments/Deployment/api',
          parameters: '{"GRACE_SECONDS":"30","NAMESPACE":"payments"}',
          extra: '{"action_type":"RestartDeployment"}',
        },
      },
      {
        table: 'ai_analysis_audit',
        cluster: 'prod',
        key: 'rr-uid/ai-rr-4f1c22ab90de-1a2b3c4d',
        phase: 'recommendation',
        sourceVersion: '4711',
        createdAt: '2026-11-21T10:40:00.000000Z',
        createdAtSource: 'resource',
        observedAt: CONTEXT.observedAt,
        actor: 'watcher',
        resource: {
          kind: 'WorkflowExecution',
          namespace: 'kubernaut-system',
          name: 'we-rr-4f1c22ab90de-1a2b3c4d',
          uid: 'wfe-uid',
        },
        fragment: true,
        columns: {
          remediation_id: 'rr-4f1c22ab90de-1a2b3c4d',
          remediation_uid: 'rr-uid',
          workflow_crd_name: 'we-rr-4f1c22ab90de-1a2b3c4d',
          workflow_crd_namespace: 'kubernaut-system',
        },
      },
    ],
  });
});

describe('the course of an execution:', () => {
  const columnsOf = (status: JsonObject) =>
    readable(readWorkflowExecution(workflowExecution({ status }), CONTEXT)).observations[0]?.columns;

  test('completed has outcome Success and its duration from start to completion', () => {
    const columns = columnsOf({
      phase: 'Completed',
      startTime: '2026-11-21T10:41:00Z',
      completionTime: '2026-11-21T10:44:30Z',
      duration: '3m31s',
      executionRef: { name: 'job-1' },
      executionStatus: { totalTasks: 3, completedTasks: 3 },
    });
    expect(columns).toMatchObject({
      phase: 'Completed',
      outcome: 'Success',
      started_at: '2026-11-21T10:41:00.000000Z',
      completed_at: '2026-11-21T10:44:30.000000Z',
      total_duration: '00:03:30',
      pipelinerun_name: 'job-1',
      total_steps: '3',
      steps_completed: '3',
    });
  });

  test('failed keeps reason and message apart', () => {
    const failureDetails = { reason: 'OOMKilled', message: 'container restart exceeded its memory' };
    expect(columnsOf({ phase: 'Failed', failureDetails })).toMatchObject({
      outcome: 'Failed',
      failure_reason: 'OOMKilled',
      failure_message: failureDetails.message,
    });
  });

  test('a cascaded failure has a message and neither reason nor completion', () => {
    const columns = columnsOf({ phase: 'Failed', failureReason: 'parent timed out' });
    expect(columns).toMatchObject({ outcome: 'Failed', failure_message: 'parent timed out' });
    expect(columns).not.toHaveProperty('failure_reason');
    expect(columns).not.toHaveProperty('completed_at');
  });

  test('a phase of a later generation is kept as it is, without an outcome', () => {
    const columns = columnsOf({ phase: 'Hibernating' });
    expect(columns).toMatchObject({ phase: 'Hibernating' });
    expect(columns).not.toHaveProperty('outcome');
  });
});

test('versions of a restored cluster come after those before', () => {
  const reading = readable(readWorkflowExecution(workflowExecution(), { ...CONTEXT, epoch: 2n }));
  expect(reading.observations[0]?.sourceVersion).toBe('2000000000004711');
});

test.each([
  ['an empty object', {}],
  ['no remediation uid', workflowExecution({ spec: { remediationRequestRef: { name: 'rr' } } })],
  ['a spec of the wrong kind', { ...workflowExecution(), spec: 'text' }],
  ['no uid', workflowExecution({ metadata: { uid: '' } })],
  ['no creation time', workflowExecution({ metadata: { creationTimestamp: 'yesterday' } })],
])('%s is not recorded and does not throw', (_what, resource) => {
  expect(readWorkflowExecution(resource, CONTEXT)).toHaveProperty('unread');
});
