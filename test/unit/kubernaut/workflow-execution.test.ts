import { describe, expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { parseJson } from '../../../src/domain/json.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import { readExecutionDeletion, readWorkflowExecution } from '../../../src/kubernaut/workflow-execution.ts';
import { readable } from '../../support/readings.ts';
import { WORKFLOW_EXECUTIONS } from './samples/workflow-execution.ts';

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

/** Its analysis was seen. */
const SEEN = { ...CONTEXT, siblingCreatedAt: () => '2026-11-21T10:40:00.000000Z' };

test('an execution whose analysis nobody has seen says nothing of it: no row counts one that does not exist', () => {
  const { observations } = readable(readWorkflowExecution(workflowExecution(), CONTEXT));
  expect(observations.map(({ table }) => table)).toEqual(['workflow_execution_audit']);
});

test('the label of the sources is the correlation id, and the name of the remediation where there is none', () => {
  const labels = { 'kubernaut.ai/correlation-id': 'corr-7' };
  const idOf = (metadata: JsonObject) =>
    readable(readWorkflowExecution(workflowExecution({ metadata }), SEEN)).observations[0]?.columns[
      'correlation_id'
    ];
  expect(idOf({ labels })).toBe('corr-7');
  expect(idOf({ labels: { 'kubernaut.ai/correlation-id': '' } })).toBe('rr-4f1c22ab90de-1a2b3c4d');
});

test('a fresh execution says whose it is, what will run on what, and invents nothing', () => {
  const reading = readWorkflowExecution(workflowExecution(), SEEN);
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
          execution_name: 'we-rr-4f1c22ab90de-1a2b3c4d',
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
    readable(readWorkflowExecution(workflowExecution({ status }), SEEN)).observations[0]?.columns;

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

describe('the trap of', () => {
  const phasesOf = (resource: JsonObject): readonly string[] =>
    readable(readWorkflowExecution(resource, SEEN)).observations.map(({ phase }) => phase);

  test('cascaded failures: what failed with its parent before it began has no action', () => {
    const status = { phase: 'Failed', failureReason: 'parent timed out' };
    expect(phasesOf(workflowExecution({ status }))).toEqual(['execution', 'recommendation']);
  });

  test('duplicates that inherit: a lost lock names who held it', () => {
    const status = {
      phase: 'Failed',
      deduplicatedBy: 'we-first',
      failureDetails: { reason: 'Deduplicated', message: 'another execution holds the job' },
    };
    const { observations } = readable(readWorkflowExecution(workflowExecution({ status }), SEEN));
    expect(observations[0]?.columns).toMatchObject({
      failure_reason: 'Deduplicated',
      conflicting_wfe: 'we-first',
    });
  });

  test('an approval that overrides the workflow: an execution says nothing of what was recommended', () => {
    const { observations } = readable(readWorkflowExecution(workflowExecution(), SEEN));
    const mapping = observations.find(({ table }) => table === 'ai_analysis_audit');
    expect(Object.keys(mapping?.columns ?? {})).toEqual([
      'remediation_id',
      'remediation_uid',
      'workflow_crd_name',
      'workflow_crd_namespace',
    ]);
  });

  test('phases passed unseen: one observation at the end says execution, action and origin', () => {
    expect(phasesOf(WORKFLOW_EXECUTIONS['G3'] ?? {})).toEqual(['execution', 'action', 'recommendation']);
  });
});

test('early G2 names image, digest and pipeline run in its own words', () => {
  const { observations } = readable(readWorkflowExecution(WORKFLOW_EXECUTIONS['early G2'] ?? {}, SEEN));
  expect(observations[0]?.columns).toMatchObject({
    container_image: 'registry.example/bundles/restart:1.2.0@sha256:abcd',
    pipelinerun_name: 'run-1',
    total_steps: '3',
    steps_completed: '1',
  });
});

test('a skipped execution of G1 is one row of phase skip, with who was in the way', () => {
  const resource = WORKFLOW_EXECUTIONS['G1'] ?? {};
  const { observations } = readable(readWorkflowExecution(resource, SEEN));
  expect(observations.map(({ phase, table }) => [phase, table])).toEqual([
    ['skip', 'workflow_execution_audit'],
    ['recommendation', 'ai_analysis_audit'],
  ]);
  expect(observations[0]?.columns).toMatchObject({
    phase: 'Skipped',
    outcome: 'n/a',
    skip_reason: 'ResourceBusy',
    conflicting_wfe: 'we-other',
  });
});

test('one that was skipped because of a recent remediation names that one', () => {
  const status = {
    phase: 'Skipped',
    skipDetails: { reason: 'RecentlyRemediated', recentRemediation: { name: 'we-before' } },
  };
  const { observations } = readable(readWorkflowExecution(workflowExecution({ status }), SEEN));
  expect(observations[0]?.columns).toMatchObject({ conflicting_wfe: 'we-before' });
});

test('a step-level execution has its steps in the JSON of the sources, and no action of its own', () => {
  const { observations } = readable(readWorkflowExecution(WORKFLOW_EXECUTIONS['G0'] ?? {}, SEEN));
  expect(observations).toHaveLength(1);
  expect(observations[0]?.columns).toMatchObject({
    workflow_name: 'restart-and-scale',
    workflow_version: 'v1',
    outcome: 'Partial',
    total_duration: '00:02:05',
    total_steps: '3',
    steps_completed: '1',
    steps_failed: '1',
    effectiveness_score: '0.75',
    rollbacks_performed: '1',
  });
  expect(parseJson(String(observations[0]?.columns['step_executions']))).toEqual([
    {
      step_number: 1,
      action: 'restart-pod',
      duration: '00:00:30',
      status: 'completed',
      retries_attempted: 1,
    },
    { step_number: 2, action: 'scale-deployment', status: 'failed', error_message: 'quota' },
    { step_number: 3, action: 'scale-deployment', status: 'skipped' },
  ]);
});

describe('the action behind an execution', () => {
  const actionOf = (parts: { status: JsonObject; spec?: JsonObject }): Observation['columns'] | undefined =>
    readable(readWorkflowExecution(workflowExecution(parts), SEEN)).observations.find(
      ({ phase }) => phase === 'action',
    )?.columns;
  const status = { phase: 'Running', startTime: '2026-11-21T10:41:00Z', executionRef: { name: 'job-1' } };

  test('has success only once it has ended', () => {
    expect(actionOf({ status })).toMatchObject({ job_name: 'job-1', action_type: 'RestartDeployment' });
    expect(actionOf({ status })).not.toHaveProperty('success');
    expect(actionOf({ status: { ...status, phase: 'Completed' } })).toMatchObject({ success: true });
    expect(actionOf({ status: { ...status, phase: 'Failed' } })).toMatchObject({ success: false });
  });

  test('takes its target apart, with or without a namespace', () => {
    expect(actionOf({ status })).toMatchObject({
      target_namespace: 'payments',
      target_resource_kind: 'Deployment',
      target_resource_name: 'api',
    });
    const node = actionOf({ status, spec: { targetResource: 'Node/worker-1' } });
    expect(node).toMatchObject({ target_resource_kind: 'Node', target_resource_name: 'worker-1' });
    expect(node).not.toHaveProperty('target_namespace');
    expect(actionOf({ status, spec: { targetResource: 'a/b/c/d' } })).not.toHaveProperty(
      'target_resource_kind',
    );
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
  expect(readWorkflowExecution(resource, SEEN)).toHaveProperty('unread');
});

describe('the deletion of an execution', () => {
  const gone = {
    namespace: 'kubernaut-system',
    name: 'we-rr-1',
    uid: 'wfe-uid',
    sourceVersion: '4800',
    createdAt: '2026-11-21T10:40:00.000000Z',
    deletedAt: '2026-11-21T10:42:00.000000Z',
    remediation: { namespace: 'kubernaut-system', name: 'rr-1', uid: 'rr-uid' },
  };
  const recordsOf = (more: object) =>
    readable(readExecutionDeletion({ ...gone, ...more }, CONTEXT)).observations.map(
      ({ table, key, phase, columns }) => [table, key, phase, columns['deleted_at']],
    );
  const ofExecution = ['workflow_execution_audit', 'rr-uid/we-rr-1', 'execution', gone.deletedAt];
  const ofAction = ['kubernetes_execution_audit', 'rr-uid/we-rr-1', 'action', gone.deletedAt];

  test('while its job runs is said in a column of its record and of that of its action', () => {
    const lastState = workflowExecution({
      status: { phase: 'Running', startTime: '2026-11-21T10:41:00Z', executionRef: { name: 'job' } },
    });
    expect(recordsOf({ lastState })).toEqual([ofExecution, ofAction]);
    expect(recordsOf({ phase: 'Running' })).toEqual([ofExecution, ofAction]);
  });

  test('before it carried out anything makes no record of an action', () => {
    const lastState = workflowExecution({ status: { phase: 'Failed', failureReason: 'parent timed out' } });
    expect(recordsOf({ lastState })).toEqual([ofExecution]);
    expect(recordsOf({ phase: 'Failed' })).toEqual([ofExecution]);
  });
});
