import { describe, expect, test } from 'vitest';

import { observationOfPost } from '../../src/api/intake/observation-of-post.ts';
import { isRefused } from '../../src/api/intake/read-post.ts';
import { parseJson } from '../../src/domain/json.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { aiAnalysisAudit } from '../../src/domain/records/ai-analysis-audit.ts';
import type { RecordDefinition } from '../../src/domain/records/definition.ts';
import { kubernetesExecutionAudit } from '../../src/domain/records/kubernetes-execution-audit.ts';
import { signalProcessingAudit } from '../../src/domain/records/signal-processing-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { keyOfClientId } from '../../src/identity/own-keys.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import * as golden from './fixtures/intake/golden-bodies.ts';
import { accept, context } from './fixtures/intake/posting.ts';

/** Kinds whose records have a start of their own, and how a post says it. */
const STARTED: readonly (readonly [RecordDefinition, (at: string) => object])[] = [
  [workflowExecutionAudit, (at) => ({ started_at: at })],
  [kubernetesExecutionAudit, (at) => ({ start_time: at })],
  [signalProcessingAudit, (at) => ({ processing_phases: [{ phase: 'enriching', start_time: at }] })],
  [aiAnalysisAudit, (at) => ({ investigation_start: at })],
];
/** What every kind is called by. */
const ABOUT = {
  ...{ remediation_id: 'r', workflow_id: 'w', signal_fingerprint: 'f', execution_id: 'e' },
  ...{ crd_name: 'a', crd_namespace: 'n' },
};

function end(definition: RecordDefinition, at: string): object {
  if (definition === signalProcessingAudit) return { status: 'completed', completed_at: at };
  if (definition === aiAnalysisAudit) return { completion_status: 'completed', analysis_end: at };
  return { phase: 'Completed', completed_at: at, created_at: at };
}

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
      'remediation, workflow and start',
      workflowExecutionAudit,
      { remediation_id: 'r', workflow_id: 'w', workflow_name: 'n', started_at: '2026-11-21T10:00:00Z' },
      naturalKey('post', 'r', 'w', '2026-11-21T10:00:00.000000Z'),
    ],
    [
      'remediation, name of the workflow and start',
      workflowExecutionAudit,
      { remediation_id: 'r', workflow_name: 'n', started_at: '2026-11-21T10:00:00Z' },
      naturalKey('post', 'r', 'n', '2026-11-21T10:00:00.000000Z'),
    ],
    [
      'remediation and workflow where posts are numbered',
      workflowExecutionAudit,
      { remediation_id: 'r', workflow_id: 'w', revision: 2 },
      naturalKey('post', 'r', 'w'),
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
      'remediation, signal and start of the first phase',
      signalProcessingAudit,
      {
        ...{ remediation_id: 'r', signal_fingerprint: 'f' },
        processing_phases: [{ phase: 'enriching', start_time: '2026-11-21T10:00:00Z' }],
      },
      naturalKey('post', 'r', 'f', '2026-11-21T10:00:00.000000Z'),
    ],
    [
      'the uid of an action',
      kubernetesExecutionAudit,
      { execution_id: 'e', source_uid: 'u' },
      naturalKey('post', 'source_uid', 'u'),
    ],
    [
      'workflow, step, execution and start',
      kubernetesExecutionAudit,
      {
        ...{ execution_id: 'e', workflow_ref: 'w', step_index: 3 },
        ...{ start_time: '2026-11-21T10:00:00Z', created_at: '2026-11-21T09:00:00Z' },
      },
      naturalKey('post', 'w', '3', 'e', '2026-11-21T10:00:00.000000Z'),
    ],
    [
      'workflow, step, execution and creation of one that has not started',
      kubernetesExecutionAudit,
      { execution_id: 'e', workflow_ref: 'w', step_index: 3, created_at: '2026-11-21T09:00:00Z' },
      naturalKey('post', 'w', '3', 'e', '2026-11-21T09:00:00.000000Z'),
    ],
    [
      'its id for an action',
      kubernetesExecutionAudit,
      { execution_id: 'e', workflow_ref: 'w', id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' },
      keyOfClientId('3f2504e0-4f89-41d3-9a0c-0305e82c3301'),
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
      'namespace, name and start, whatever the id',
      aiAnalysisAudit,
      {
        ...{ crd_name: 'a', crd_namespace: 'n', investigation_start: '2026-11-21T10:00:00Z' },
        id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
      },
      naturalKey('post', 'n', 'a', '2026-11-21T10:00:00.000000Z'),
    ],
    [
      'its id for an analysis without a start',
      aiAnalysisAudit,
      { crd_name: 'a', crd_namespace: 'n', id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301' },
      keyOfClientId('3f2504e0-4f89-41d3-9a0c-0305e82c3301'),
    ],
    [
      'namespace and name for a completion',
      aiAnalysisAudit,
      { crd_name: 'a', crd_namespace: 'n', completion_status: 'completed' },
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

  test('of an execution is the same from start to end, and never that of another execution', () => {
    const random = seededRandom(chooseSeed());
    const minute = (at: number): string => new Date(Date.UTC(2026, 10, 1, 0, at)).toISOString();
    const keys = new Map<string, string>();
    for (let nth = 0; nth < 300; nth += 1) {
      const [definition, start] = random.pick(STARTED);
      const at = random.below(40);
      const begun = { ...ABOUT, ...start(minute(at)), extra: { phase: 'Running' } };
      const ended = { ...begun, ...end(definition, minute(at + 5 + random.below(50))) };
      const key = keyOf(definition, begun);
      expect(keyOf(definition, ended)).toBe(key);
      // One start, one key, and no other start has it.
      const execution = `${definition.table} ${at}`;
      expect(keys.get(key) ?? execution).toBe(execution);
      keys.set(key, execution);
    }
  });

  test('of a post without id and start is its content: twice the same is one record, another is another', () => {
    for (const [definition] of STARTED) {
      // One without a start is about the newest of its name.
      if (definition === aiAnalysisAudit) continue;
      const contents = ['a', 'b', 'c'].map((error_message) => ({ ...ABOUT, extra: { error_message } }));
      const keys = contents.map((body) => keyOf(definition, body));
      expect(new Set(keys).size).toBe(3);
      expect(contents.map((body) => keyOf(definition, { ...body }))).toEqual(keys);
      if (definition === kubernetesExecutionAudit) continue;
      const [first = {}] = contents;
      expect(keyOf(definition, { ...first, created_at: '2026-11-21T10:00:00Z' })).not.toBe(keys[0]);
    }
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
