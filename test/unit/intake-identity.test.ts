import { describe, expect, test } from 'vitest';

import { observationOfPost } from '../../src/api/intake/observation-of-post.ts';
import { keyOfClientId } from '../../src/api/intake/post-identity.ts';
import { isRefused } from '../../src/api/intake/read-post.ts';
import { parseJson } from '../../src/domain/json.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { aiAnalysisAudit } from '../../src/domain/records/ai-analysis-audit.ts';
import type { RecordDefinition } from '../../src/domain/records/definition.ts';
import { kubernetesExecutionAudit } from '../../src/domain/records/kubernetes-execution-audit.ts';
import { signalProcessingAudit } from '../../src/domain/records/signal-processing-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import * as golden from './fixtures/intake/golden-bodies.ts';
import { accept, context } from './fixtures/intake/posting.ts';

describe('the identity of a post', () => {
  const keyOf = (definition: RecordDefinition, body: object): string =>
    accept(definition, JSON.stringify(body)).observation.key;

  test.each<[string, RecordDefinition, object, string]>([
    [
      'its id',
      workflowExecutionAudit,
      { remediation_id: 'r', id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301', source_uid: 'u' },
      keyOfClientId('3f2504e0-4f89-41d3-9a0c-0305e82c3301'),
    ],
    [
      'the uid of its resource',
      workflowExecutionAudit,
      { remediation_id: 'r', source_uid: 'u' },
      naturalKey('post', 'source_uid', 'u'),
    ],
    [
      'remediation and workflow',
      workflowExecutionAudit,
      { remediation_id: 'r', workflow_id: 'w', workflow_name: 'n' },
      naturalKey('post', 'r', 'w'),
    ],
    [
      'remediation and name of the workflow',
      workflowExecutionAudit,
      { remediation_id: 'r', workflow_name: 'n' },
      naturalKey('post', 'r', 'n'),
    ],
    [
      "the watcher's key",
      workflowExecutionAudit,
      { remediation_id: 'r', remediation_uid: 'ru', crd_name: 'we-r' },
      naturalKey('ru', 'we-r'),
    ],
    [
      'its id for a signal',
      signalProcessingAudit,
      { remediation_id: 'r', signal_fingerprint: 'f', id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' },
      keyOfClientId('3f2504e0-4f89-41d3-9a0c-0305e82c3301'),
    ],
    [
      'remediation and signal',
      signalProcessingAudit,
      { remediation_id: 'r', signal_fingerprint: 'f' },
      naturalKey('post', 'r', 'f'),
    ],
    [
      'the uid of an action',
      kubernetesExecutionAudit,
      { execution_id: 'e', source_uid: 'u' },
      naturalKey('post', 'source_uid', 'u'),
    ],
    [
      'workflow, step and execution',
      kubernetesExecutionAudit,
      { execution_id: 'e', workflow_ref: 'w', step_index: 3, id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' },
      naturalKey('post', 'w', '3', 'e'),
    ],
    [
      "the watcher's key of an action",
      kubernetesExecutionAudit,
      { execution_id: 'we-r', remediation_uid: 'ru' },
      naturalKey('ru', 'we-r'),
    ],
    [
      'the alias of the uid',
      aiAnalysisAudit,
      { crd_name: 'a', crd_namespace: 'n', crd_uid: 'u' },
      naturalKey('post', 'source_uid', 'u'),
    ],
    [
      'namespace and name',
      aiAnalysisAudit,
      { crd_name: 'a', crd_namespace: 'n', id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' },
      naturalKey('post', 'n', 'a'),
    ],
    [
      "the watcher's key of an analysis",
      aiAnalysisAudit,
      { crd_name: 'ai-r', crd_namespace: 'n', remediation_uid: 'ru' },
      naturalKey('ru', 'ai-r'),
    ],
  ])('is %s', (_what, definition, body, key) => {
    expect(keyOf(definition, body)).toBe(key);
  });

  test('does not change when the post is repeated later, nor does anything but the clock of the service', () => {
    for (const [definition, body] of [
      [workflowExecutionAudit, golden.workflowExecution],
      [kubernetesExecutionAudit, golden.kubernetesExecution],
      [signalProcessingAudit, golden.signalProcessing],
      [aiAnalysisAudit, golden.investigation],
    ] as const) {
      const later = { ...context, receivedAt: '2026-12-24T00:00:00.000000Z' };
      const [first, second] = [
        observationOfPost(definition, parseJson(body), context),
        observationOfPost(definition, parseJson(body), later),
      ];
      if (isRefused(first) || isRefused(second)) throw new Error('refused');
      expect({ ...second.observation, observedAt: context.receivedAt }).toEqual(first.observation);
    }
  });

  test('carries the cluster that the post names', () => {
    expect(
      accept(workflowExecutionAudit, '{"remediation_id":"r","cluster":"eu-west"}').observation.cluster,
    ).toBe('eu-west');
  });

  test('is made of what is stored: a secret never reaches a key', () => {
    const { observation } = accept(
      workflowExecutionAudit,
      '{"remediation_id":"password=hunter2-x","workflow_id":"w"}',
    );
    expect(observation.key).not.toContain('hunter2');
  });
});

describe('the version of a post', () => {
  const versionOf = (body: object) =>
    BigInt(
      accept(workflowExecutionAudit, JSON.stringify({ remediation_id: 'r', ...body })).observation
        .sourceVersion,
    );

  test('lies below every version that a resource can have', () => {
    expect(versionOf({ completed_at: '9999-12-31T23:59:59Z' })).toBeLessThan(0n);
    expect(versionOf({ revision: 999_999_999_999_999 })).toBe(-1n);
    expect(versionOf({})).toBe(-(10n ** 15n));
  });

  test('is the revision where there is one, else the latest time that the record carries', () => {
    expect(versionOf({ revision: 3, completed_at: '2026-11-21T10:00:00Z' })).toBe(3n - 10n ** 15n);
    expect(versionOf({ started_at: '2026-11-21T10:00:00Z', completed_at: '2026-11-21T11:00:00.5Z' })).toBe(
      BigInt(Date.parse('2026-11-21T11:00:00.5Z')) - 10n ** 15n,
    );
  });
});

describe('the home of a post', () => {
  const homeOf = (body: object) => {
    const { createdAt, createdAtSource } = accept(
      workflowExecutionAudit,
      JSON.stringify({ remediation_id: 'r', ...body }),
    ).observation;
    return [createdAt, createdAtSource];
  };

  test('is its created_at, else its earliest time, else the time of acceptance', () => {
    const times = { started_at: '2026-11-20T10:00:00Z', completed_at: '2026-11-20T11:00:00Z' };
    expect(homeOf({ ...times, created_at: '2026-11-19T00:00:00Z' })).toEqual([
      '2026-11-19T00:00:00.000000Z',
      'post',
    ]);
    expect(homeOf(times)).toEqual(['2026-11-20T10:00:00.000000Z', 'post']);
    expect(homeOf({})).toEqual([context.receivedAt, 'received']);
  });

  test('is never in a month that cannot exist: such a time is kept as a value and passed over', () => {
    expect(homeOf({ started_at: '1970-01-01T00:00:00Z', completed_at: '2026-11-20T11:00:00Z' })).toEqual([
      '2026-11-20T11:00:00.000000Z',
      'post',
    ]);
    expect(homeOf({ started_at: '1970-01-01T00:00:00Z' })).toEqual([context.receivedAt, 'received']);
    const { observation } = accept(
      workflowExecutionAudit,
      '{"remediation_id":"r","started_at":"1970-01-01T00:00:00Z"}',
    );
    expect(observation.columns['started_at']).toBe('1970-01-01T00:00:00.000000Z');
    expect(BigInt(observation.sourceVersion)).toBe(-(10n ** 15n));
  });
});

test('an analysis is recorded in the phase of the most advanced thing that it carries', () => {
  const phaseOf = (body: object) =>
    accept(aiAnalysisAudit, JSON.stringify({ crd_name: 'a', crd_namespace: 'n', ...body })).observation.phase;
  expect(phaseOf({})).toBe('investigation');
  expect(phaseOf({ investigation_report: 'x' })).toBe('investigation');
  expect(phaseOf({ investigation_report: 'x', confidence_score: 0 })).toBe('analysis');
  expect(phaseOf({ confidence_score: 0.9, top_recommendation: 'x' })).toBe('recommendation');
  expect(phaseOf({ recommendations: [], completion_status: 'completed' })).toBe('recommendation');
  expect(phaseOf({ recommendations: [], completion_status: 'Failed' })).toBe('analysis-failure');
});
