import { describe, expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import type { Columns } from '../../../src/domain/records/definition.ts';
import { choiceOf } from '../../../src/kubernaut/chosen-workflow.ts';
import { readRemediationRequest } from '../../../src/kubernaut/remediation-request.ts';
import { readWorkflowExecution } from '../../../src/kubernaut/workflow-execution.ts';
import { readable } from '../../support/readings.ts';
import { CONTEXT, REFERENCE, REMEDIATION, resourceOf } from './samples/parts.ts';
import { remediationRequest } from './samples/remediation-request.ts';

const SELECTED = {
  workflowId: 'wf-7',
  workflowName: 'restart-deployment',
  actionType: 'RestartDeployment',
  version: '1.2.0',
  executionBundle: 'registry.example/restart:1.2.0',
  executionBundleDigest: 'sha256:abcd',
};
const RESULT = {
  rootCauseAnalysis: { remediationTarget: { kind: 'Deployment', name: 'slow-shared', namespace: 'shop' } },
  selectedWorkflow: SELECTED,
};
const analysis = (status: JsonObject): JsonObject => resourceOf('AIAnalysis', 'ai', { status });
const CHOSEN = choiceOf(analysis({ rcaResult: RESULT }));

/** The analysis was seen, under its usual name and as part of this remediation. */
const SEEN = {
  ...CONTEXT,
  choiceOf: ({ kind, name }: { kind: string; name: string }, uid: string) =>
    kind === 'AIAnalysis' && name === `ai-${REMEDIATION.name}` && uid === REMEDIATION.uid
      ? CHOSEN
      : undefined,
};

test('a choice is read in the shape of each generation, and is none before there is a workflow', () => {
  expect(choiceOf(analysis(RESULT))).toEqual(CHOSEN);
  expect(
    choiceOf(analysis({ phase: 'Investigating', rootCauseAnalysis: RESULT.rootCauseAnalysis })),
  ).toBeUndefined();
});

describe('a block after the analysis', () => {
  const blockOf = (routingStatus: JsonObject, context = SEEN, more: JsonObject = {}): Columns | undefined => {
    const status = { overallPhase: 'Blocked', routingStatus, ...more };
    return readable(readRemediationRequest(remediationRequest({ status }), context)).observations.find(
      ({ phase }) => phase === 'skip',
    )?.columns;
  };

  test('names the target and the workflow that the analysis chose: the remediation names neither', () => {
    expect(blockOf({ blockReason: 'ResourceBusy', blockingWorkflowExecution: 'we-other' })).toMatchObject({
      target_resource: 'shop/Deployment/slow-shared',
      workflow_id: 'wf-7',
      workflow_name: 'restart-deployment',
      workflow_version: '1.2.0',
      container_image: 'registry.example/restart:1.2.0@sha256:abcd',
      conflicting_wfe: 'we-other',
    });
  });

  test('without an analysis that was seen names what the signal is about, and no workflow', () => {
    const columns = blockOf({ blockReason: 'UnmanagedResource' }, { ...SEEN, choiceOf: () => undefined });
    expect(columns).toMatchObject({ target_resource: 'payments/Deployment/api' });
    expect(columns).not.toHaveProperty('workflow_id');
  });

  test('keeps what the remediation itself names', () => {
    const workflowSelection = {
      selectedWorkflowRef: { workflowId: 'wf-8' },
      remediationTarget: { kind: 'Node', name: 'worker-1' },
    };
    expect(blockOf({ blockReason: 'IneffectiveChain' }, SEEN, { workflowSelection })).toMatchObject({
      workflow_id: 'wf-8',
      target_resource: 'Node/worker-1',
    });
  });

  test('because of a recent remediation names the execution that its message names', () => {
    const blockMessage =
      'Target was remediated recently (we-rr-before). Cooldown expires: 2026-11-21T10:45:00Z';
    const block = { blockReason: 'RecentlyRemediated', blockMessage };
    expect(blockOf(block)).toMatchObject({ conflicting_wfe: 'we-rr-before' });
    expect(blockOf({ ...block, blockMessage: 'Remediated by (x)' })).not.toHaveProperty('conflicting_wfe');
  });
});

describe('a workflow has one name in all generations:', () => {
  test('that of the catalogue, without the action that remediations show before it', () => {
    const status = { workflowDisplayName: 'ScaleOut:scale-out-v1', workflowExecutionRef: { name: 'we-1' } };
    const { observations } = readable(readRemediationRequest(remediationRequest({ status }), CONTEXT));
    const named = observations.filter(({ columns }) => 'workflow_name' in columns);
    expect(named.map(({ table, columns }) => [table, columns['workflow_name']])).toEqual([
      ['remediation_audit', 'scale-out-v1'],
      ['workflow_execution_audit', 'scale-out-v1'],
    ]);
    expect(observations[0]?.columns['extra']).toContain('"workflow_display_name":"ScaleOut:scale-out-v1"');
  });
});

describe('the type of an action', () => {
  const typeOf = (workflowId: string) => {
    const execution = resourceOf('WorkflowExecution', 'we', {
      spec: { remediationRequestRef: REFERENCE, workflowRef: { workflowId } },
      status: { phase: 'Running', startTime: '2026-11-21T10:41:00Z' },
    });
    return readable(readWorkflowExecution(execution, SEEN)).observations[1]?.columns['action_type'];
  };

  test('is what the analysis selected where the execution does not name it', () => {
    expect(typeOf('wf-7')).toBe('RestartDeployment');
  });

  test('is unknown where an approver replaced the workflow', () => {
    expect(typeOf('wf-of-approver')).toBeUndefined();
  });
});
