import { describe, expect, test } from 'vitest';

import { observationOfPost } from '../../src/api/intake/observation-of-post.ts';
import { NotPostableError } from '../../src/api/intake/post-identity.ts';
import { parseJson } from '../../src/domain/json.ts';
import { aiAnalysisAudit } from '../../src/domain/records/ai-analysis-audit.ts';
import { kubernetesExecutionAudit } from '../../src/domain/records/kubernetes-execution-audit.ts';
import { remediationAudit } from '../../src/domain/records/remediation-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { accept, context, refuse } from './fixtures/intake/posting.ts';

describe('what is refused', () => {
  test('is reported all at once, each with its field, what stands there and what is allowed', () => {
    expect(
      refuse(
        workflowExecutionAudit,
        `{
          "workflow_id": 7,
          "phase": 5,
          "outcome": ["maybe"],
          "parameters": {"a": 1},
          "total_duration": "a while",
          "started_at": "2026-02-30T00:00:00Z",
          "completed_at": 1732186080,
          "total_steps": 2147483648,
          "steps_failed": 1.5,
          "effectiveness_score": 1.0000000000000000001,
          "rollbacks_performed": "2",
          "step_executions": [{"duration": "soon"}, 5],
          "id": "exec-1",
          "revision": -1
        }`,
      ),
    ).toEqual([
      { pointer: '/id', detail: 'must be a UUID, not text of 6 characters' },
      {
        pointer: '/revision',
        detail: 'must be an integer of 64 bits from 0 to 999999999999999, not the number -1',
      },
      {
        pointer: '/remediation_id',
        detail: 'is required and absent; empty text means absent (Name of the remediation)',
      },
      { pointer: '/workflow_id', detail: 'must be text of at most 512 characters, not the number 7' },
      {
        pointer: '/total_duration',
        detail:
          'must be a duration of at most 292 years: integer nanoseconds, or text such as 2m3s or PT2M3S, not text of 7 characters',
      },
      {
        pointer: '/phase',
        detail:
          'must be text of at most 512 characters such as Pending, Running, Completed, Failed, Skipped in any case, not the number 5',
      },
      {
        pointer: '/outcome',
        detail: 'must be text such as Success, Failed, Partial, n/a in any case, not an array',
      },
      {
        pointer: '/started_at',
        detail: 'must be an RFC 3339 time such as 2026-11-21T10:48:00Z, not text of 20 characters',
      },
      {
        pointer: '/completed_at',
        detail: 'must be an RFC 3339 time such as 2026-11-21T10:48:00Z, not the number 1732186080',
      },
      { pointer: '/total_steps', detail: 'must be an integer of 32 bits, not the number 2147483648' },
      { pointer: '/steps_failed', detail: 'must be an integer of 32 bits, not the number 1.5' },
      {
        pointer: '/effectiveness_score',
        detail: 'must be a number from 0 to 1, not the number 1.0000000000000000001',
      },
      { pointer: '/rollbacks_performed', detail: 'must be an integer of 32 bits, not text of 1 characters' },
      {
        pointer: '/step_executions/0/duration',
        detail:
          'must be a duration of at most 292 years: integer nanoseconds, or text such as 2m3s or PT2M3S, not text of 4 characters',
      },
      {
        pointer: '/step_executions/1',
        detail: 'must be an object, or an array of objects, not the number 5',
      },
    ]);
  });

  test('never repeats the text that was posted: it may be a secret, and errors are logged', () => {
    const errors = refuse(
      workflowExecutionAudit,
      '{"remediation_id":"r","total_duration":"hunter2-duration","started_at":"hunter2-time"}',
    );
    expect(JSON.stringify(errors)).not.toContain('hunter2');
  });

  test.each([
    ['[]', { pointer: '', detail: 'must be an object, not an array' }],
    ['null', { pointer: '', detail: 'must be an object, not null' }],
    ['"x"', { pointer: '', detail: 'must be an object, not text of 1 characters' }],
    [
      '{"remediation_id":"r","extra":5}',
      { pointer: '/extra', detail: 'must be an object, not the number 5' },
    ],
    [
      '{"remediation_id":"r","extra":{"a":1},"a":2}',
      { pointer: '/a', detail: 'must say the same as extra/a, or be left out' },
    ],
    [
      '{"remediation_id":"r","source_uid":"a","crd_uid":"b"}',
      { pointer: '/crd_uid', detail: 'must say the same as source_uid, or be left out' },
    ],
    [
      '{"remediation_id":"r","created_at":"2014-12-31T23:59:59Z"}',
      { pointer: '/created_at', detail: 'must lie in a month from 2015-01 to 2028-11' },
    ],
    [
      '{"remediation_id":"r","created_at":"2028-12-01T00:00:00Z"}',
      { pointer: '/created_at', detail: 'must lie in a month from 2015-01 to 2028-11' },
    ],
    [
      '{"remediation_id":"r","parameters":{"a":1e5000}}',
      {
        pointer: '/parameters/a',
        detail: 'must be a number of at most 1000 digits and so small an exponent',
      },
    ],
    [
      '{"remediation_id":""}',
      {
        pointer: '/remediation_id',
        detail: 'is required and absent; empty text means absent (Name of the remediation)',
      },
    ],
    ['{"remediation_id":"r","total_duration":9223372036854775808}', { pointer: '/total_duration' }],
    ['{"remediation_id":"r","total_duration":"123"}', { pointer: '/total_duration' }],
    ['{"remediation_id":"r","total_duration":1.5}', { pointer: '/total_duration' }],
    [
      '{"remediation_id":true}',
      { pointer: '/remediation_id', detail: 'must be text of at most 512 characters, not true' },
    ],
  ])('%s', (body, error) => {
    const errors = refuse(workflowExecutionAudit, body);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject(error);
  });

  test('a record that is nested deeper than 32 levels, by the first place that is', () => {
    const nested = (levels: number) =>
      `{"execution_id":"e","action_parameters":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    expect(refuse(kubernetesExecutionAudit, nested(32))).toEqual([
      { pointer: `/action_parameters${'/0'.repeat(31)}`, detail: 'is nested deeper than 32 levels' },
    ]);
    expect(accept(kubernetesExecutionAudit, nested(31)).observation.columns['action_parameters']).toBe(
      `${'['.repeat(31)}${']'.repeat(31)}`,
    );
  });

  test('an identifier of more than 512 characters, counted as people count', () => {
    const body = (text: string) => JSON.stringify({ remediation_id: text });
    expect(
      accept(workflowExecutionAudit, body('\u{1f600}'.repeat(512))).observation.columns['remediation_id'],
    ).toHaveLength(1_024);
    expect(refuse(workflowExecutionAudit, body('\u{1f600}'.repeat(513)))[0]?.detail).toContain(
      'at most 512 characters',
    );
  });

  test('a post to a table that the watcher alone writes', () => {
    expect(() =>
      observationOfPost(remediationAudit, parseJson('{"overall_phase":"Completed"}'), context),
    ).toThrow(NotPostableError);
  });
});

describe('what is accepted as it is meant', () => {
  test('words of both sources in any case, in one spelling', () => {
    const outcome = (word: string) =>
      accept(workflowExecutionAudit, JSON.stringify({ remediation_id: 'r', outcome: word })).observation
        .columns['outcome'];
    expect(
      ['Success', 'success', 'SUCCESS', 'failed', 'partial', 'partial_success', 'N/A', 'n/a'].map(outcome),
    ).toEqual([...['Success', 'Success', 'Success', 'Failed', 'Partial', 'Partial', 'n/a', 'n/a']]);
    const status = (word: string) =>
      accept(aiAnalysisAudit, JSON.stringify({ crd_name: 'a', crd_namespace: 'n', completion_status: word }))
        .observation;
    expect(status('TimedOut').columns['completion_status']).toBe('timeout');
    expect(status('Timeout').phase).toBe('analysis-failure');
    expect(accept(workflowExecutionAudit, '{"remediation_id":"r","phase":"SKIPPED"}').observation.phase).toBe(
      'skip',
    );
  });

  test('words that no vocabulary of ours has, as they are, and named', () => {
    const body = {
      ...{ remediation_id: 'r', phase: 'Cancelled', skip_reason: 'MaintenanceWindow', outcome: 'success' },
      extra: { unrecognised: 'a field of its own' },
    };
    const { observation, unrecognisedFields } = accept(workflowExecutionAudit, JSON.stringify(body));
    expect(unrecognisedFields).toEqual(['phase', 'skip_reason']);
    expect(observation.columns).toMatchObject({
      ...{ phase: 'Cancelled', skip_reason: 'MaintenanceWindow', outcome: 'Success' },
      extra:
        '{"unrecognised":"a field of its own","unrecognised/phase":"Cancelled","unrecognised/skip_reason":"MaintenanceWindow"}',
    });
    const analysis = '{"crd_name":"a","crd_namespace":"n","completion_status":"abandoned"}';
    expect(accept(aiAnalysisAudit, analysis).observation.columns['completion_status']).toBe('abandoned');
    expect(accept(aiAnalysisAudit, analysis).unrecognisedFields).toEqual(['completion_status']);
  });

  test('unknown fields, kept in extra and named, redacted like everything else', () => {
    const { observation, unknownFields, redactions } = accept(
      workflowExecutionAudit,
      '{"remediation_id":"r","cost":1.10,"extra":{"a":1},"api_token":"abc","note":null,"__proto__":{"b":1},"recorded_at":"x"}',
    );
    expect(unknownFields).toEqual(['cost', 'api_token', 'note', '__proto__', 'recorded_at']);
    expect(observation.columns['extra']).toBe(
      '{"__proto__":{"b":1},"a":1,"api_token":"[REDACTED:token]","cost":1.10,"recorded_at":"x"}',
    );
    expect(redactions).toEqual({ token: 1 });
  });

  test('names that JavaScript knows are no fields of every record', () => {
    expect(accept(workflowExecutionAudit, '{"remediation_id":"r"}').observation.columns).toEqual({
      source_kind: 'post',
      remediation_id: 'r',
    });
    expect(accept(workflowExecutionAudit, '{"remediation_id":"r","constructor":1}').unknownFields).toEqual([
      'constructor',
    ]);
  });

  test('broken characters, replaced and reported', () => {
    const { observation, repairedFields } = accept(
      workflowExecutionAudit,
      '{"remediation_id":"r","failure_message":"a\\u0000b","parameters":{"\\ud800":"x"},"status":"ok"}',
    );
    expect(repairedFields).toEqual(['failure_message', 'parameters']);
    expect(observation.columns).toMatchObject({ failure_message: 'a\ufffdb', parameters: '{"\ufffd":"x"}' });
  });

  test('the nil UUID of Go as no id at all', () => {
    const { clientId } = accept(
      workflowExecutionAudit,
      '{"remediation_id":"r","id":"00000000-0000-0000-0000-000000000000"}',
    );
    expect(clientId).toBeUndefined();
  });

  test('an empty array and an empty object as values, unlike null', () => {
    const body = '{"remediation_id":"r","parameters":{},"step_executions":[],"adaptive_adjustments":null}';
    expect(accept(workflowExecutionAudit, body).observation.columns).toMatchObject({
      parameters: '{}',
      step_executions: '[]',
    });
  });
});
