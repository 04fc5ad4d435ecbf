import { describe, expect, test } from 'vitest';

import { POST_EXAMPLES } from '../../src/api/routes/post-examples.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { createTestApi, serveTests } from '../support/api.ts';
import { inspectRecords } from '../support/record-checks.ts';
import * as golden from '../unit/fixtures/intake/golden-bodies.ts';

const served = serveTests();

interface Posted {
  id: string;
  client_id?: string;
  created_at: string;
  revision: number;
  unknown_fields?: string[];
  unrecognised_fields?: string[];
  cut_fields?: string[];
  repaired_fields?: string[];
}

async function post(kind: string, payload: string | Buffer, contentType = 'application/json') {
  const headers = { 'content-type': contentType };
  return served.api.inject({ method: 'POST', url: `/api/v1/audit/${kind}`, headers, payload });
}

async function stored(kind: string, payload: string): Promise<Posted> {
  const answer = await post(kind, payload);
  expect(answer.statusCode, answer.body).toBe(201);
  return answer.json();
}

async function found(kind: string, id: string): Promise<string> {
  const answer = await served.api.inject({ url: `/api/v1/audit/${kind}?id=${id}` });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.body;
}

describe('bodies as the sources’ structs marshal come back so that the same structs read them:', () => {
  const cases: [string, string, string, string[]][] = [
    [
      'a completed execution',
      'workflow-execution',
      golden.workflowExecution,
      [
        '"total_duration":123456789000',
        '"started_at":"2026-11-21T10:00:00.123456Z"',
        '"completed_at":"2026-11-21T10:02:03.580245Z"',
        '"phase":"Completed"',
        '"outcome":"Success"',
        '"failure_reason":null',
        '"MEMORY_LIMIT": "1Gi"',
      ],
    ],
    [
      'a skipped one with zero times and nil maps',
      'workflow-execution',
      golden.skippedWorkflowExecution,
      ['"skip_reason":"ResourceBusy"', '"started_at":null', '"completed_at":null', '"parameters":null'],
    ],
    [
      'one with steps',
      'workflow-execution',
      golden.stepLevelExecution,
      ['"effectiveness_score":0.9990', '"duration":2500000000', '"outcome":"Partial"', '"total_steps":3'],
    ],
    [
      'a failed action',
      'kubernetes-execution',
      golden.kubernetesExecution,
      ['"replicas": 9007199254740993', '"ratio": 1.10', '"success":false', '"step_index":2'],
    ],
  ];
  test.each(cases)('%s', async (_name, kind, body, members) => {
    const { id } = await stored(kind, body);
    const answer = await found(kind, id);
    for (const member of members) expect(answer).toContain(member);
    expect(answer).not.toContain('correct-horse');
  });

  test('every golden body is accepted as it is', async () => {
    const kinds: Record<keyof typeof golden, string> = {
      workflowExecution: 'workflow-execution',
      skippedWorkflowExecution: 'workflow-execution',
      stepLevelExecution: 'workflow-execution',
      kubernetesExecution: 'kubernetes-execution',
      threeFields: 'kubernetes-execution',
      signalProcessing: 'signal-processing',
      emptySignalProcessing: 'signal-processing',
      investigation: 'ai-analysis',
      completedAnalysis: 'ai-analysis',
    };
    for (const [name, kind] of Object.entries(kinds)) {
      expect((await post(kind, golden[name as keyof typeof golden])).statusCode, name).toBe(201);
    }
  });
});

test('the test body of source 001, three fields and no time, is stored', async () => {
  const body = '{"execution_id":"test-exec-1","action_type":"scale-deployment","success":true}';
  const { id, revision } = await stored('kubernetes-execution', body);
  expect(revision).toBe(1);
  expect(await found('kubernetes-execution', id)).toContain('"action_type":"scale-deployment"');
});

test('every example of the description is accepted', async () => {
  for (const [kind, example] of Object.entries(POST_EXAMPLES)) {
    const answer = await stored(kind, JSON.stringify(example));
    expect(answer.unknown_fields, kind).toBeUndefined();
  }
});

test('the same record twice gives the same id, one row and one entry of the ledger', async () => {
  // The example of the description is another post about the execution of the golden body.
  const body = golden.kubernetesExecution.replace('ke-rr-1-step-2', 'posted-twice');
  const first = await stored('kubernetes-execution', body);
  expect(first.revision).toBe(1);
  expect(await stored('kubernetes-execution', body)).toEqual(first);
  const { contradictions, entries } = await inspectRecords(served.database.owner);
  expect(contradictions).toEqual([]);
  expect(entries.filter((entry) => entry.startsWith(first.id))).toHaveLength(1);
  const { rows } = await served.database.owner.query(
    `select id from kubernetes_execution_audit where execution_id = 'posted-twice'`,
  );
  expect(rows).toEqual([{ id: first.id }]);
});

test('an answer has the client’s id, unknown fields and repaired fields', async () => {
  const body = {
    id: '3F2504E0-4F89-41D3-9A0C-0305E82C3399',
    remediation_id: 'rr-unknown',
    workflow_name: 'w',
    shoe_size: 44,
    failure_message: 'broken \u0000 text',
  };
  const answer = await stored('workflow-execution', JSON.stringify(body));
  expect(answer).toMatchObject({
    client_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3399',
    unknown_fields: ['shoe_size'],
    repaired_fields: ['failure_message'],
    revision: 1,
  });
  expect(answer.id).not.toBe(answer.client_id);
  expect(await found('workflow-execution', answer.id)).toContain('"shoe_size": 44');
});

test('a word that nobody knows is stored as it is, and named in the answer', async () => {
  const body = { remediation_id: 'rr-words', phase: 'Skipped', skip_reason: 'MaintenanceWindow' };
  const answer = await stored('workflow-execution', JSON.stringify(body));
  expect(answer.unrecognised_fields).toEqual(['skip_reason']);
  const record = await found('workflow-execution', answer.id);
  expect(record).toContain('"skip_reason":"MaintenanceWindow"');
  expect(record).toContain('"unrecognised/skip_reason": "MaintenanceWindow"');
});

test('a text of a megabyte is stored as far as there is room, and named in the answer', async () => {
  const output = 'a line that says much\n'.repeat(50_000);
  const answer = await stored('kubernetes-execution', JSON.stringify({ execution_id: 'talkative', output }));
  expect(answer.cut_fields).toEqual(['output']);
  const record = await found('kubernetes-execution', answer.id);
  expect(record).toContain(`of ${output.length} characters left out]`);
  expect(record.length).toBeGreaterThan(200_000);
});

test('secrets are taken out before a record is stored, and counted', async () => {
  const secret = 'ghp_0123456789abcdefghijklmnopqrstuvwxyz';
  const body = JSON.stringify({ execution_id: 'with-secret', output: `token ${secret}`, success: true });
  const { id } = await stored('kubernetes-execution', body);
  expect(await found('kubernetes-execution', id)).not.toContain(secret);
  const { rows } = await served.database.owner.query<{ canonical: string }>(
    'select canonical from audit_ledger where record_id = $1',
    [id],
  );
  expect(rows[0]?.canonical).not.toContain(secret);
  expect((await served.api.inject({ url: '/metrics' })).body).toMatch(
    /remediation_audit_api_redactions_total\{kind="/,
  );
});

test('the metrics of the sources count what was posted', async () => {
  const fresh = createTestApi(served.database);
  const send = (kind: string, payload: string) =>
    fresh.inject({
      method: 'POST',
      url: `/api/v1/audit/${kind}`,
      headers: { 'content-type': 'application/json' },
      payload,
    });
  const skipped = golden.skippedWorkflowExecution.replace('"rr-1"', '"rr-counted"');
  await send('workflow-execution', skipped);
  await send('workflow-execution', skipped);
  await send('kubernetes-execution', golden.kubernetesExecution);
  await send('kubernetes-execution', '{"success":"maybe"}');
  await send('signal-processing', JSON.stringify(POST_EXAMPLES['signal-processing']));
  const { body } = await fresh.inject({ url: '/metrics' });
  for (const line of [
    'kubernaut_workflowexecution_audit_records_total{phase="Skipped"} 1',
    'kubernaut_workflowexecution_audit_record_duration_seconds_count 2',
    'kubernaut_workflowexecution_audit_record_errors_total 0',
    'kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="success"} 1',
    'kubernaut_kubernetesexecutor_audit_storage_attempts_total{status="error"} 1',
    'kubernaut_kubernetesexecutor_audit_storage_failures_total{error_type="marshal_error"} 1',
    'kubernaut_kubernetesexecutor_pending_audit_records 0',
    'kubernaut_signal_processing_audit_storage_attempts_total{status="success"} 1',
    'kubernaut_signal_processing_audit_storage_duration_seconds_count 1',
  ]) {
    expect(body).toContain(`${line}\n`);
  }
  await fresh.close();
});

describe('what cannot be taken is answered with a problem that says why:', () => {
  test('every field at fault', async () => {
    const body = { success: 'maybe', step_index: 2.5, start_time: 'yesterday' };
    const answer = await post('kubernetes-execution', JSON.stringify(body));
    expect(answer.statusCode).toBe(422);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.json()).toMatchObject({
      type: 'urn:remediation-audit:problem:invalid-record',
      status: 422,
      errors: [
        { pointer: '/execution_id' },
        { pointer: '/step_index' },
        { pointer: '/success', detail: 'must be true or false, not text of 5 characters' },
        { pointer: '/start_time' },
      ],
    });
  });

  const refused: [string, string | Buffer, string, number, string][] = [
    ['no JSON', '{"execution_id":', 'application/json', 400, 'malformed-body'],
    ['no body', '', 'application/json', 400, 'malformed-body'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'application/json', 400, 'malformed-body'],
    ['a nesting that exhausts stacks', '['.repeat(100_000), 'application/json', 400, 'malformed-body'],
    ['another media type', 'a=b', 'application/x-www-form-urlencoded', 415, 'unsupported-media-type'],
    ['an array where one record is meant', '[]', 'application/json', 422, 'invalid-record'],
    ['a body above 5 MiB', ' '.repeat(5 * 1024 * 1024 + 1), 'application/json', 413, 'body-too-large'],
  ];
  test.each(refused)('%s', async (_name, ...[body, contentType, status, problem]) => {
    const answer = await post('kubernetes-execution', body, contentType);
    expect(answer.statusCode, answer.body).toBe(status);
    expect(answer.json()).toMatchObject({ type: `urn:remediation-audit:problem:${problem}`, status });
  });

  test('a method that the address does not take', async () => {
    const answer = await served.api.inject({
      method: 'PUT',
      url: '/api/v1/audit/kubernetes-execution',
      payload: '{}',
    });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['allow']).toBe('POST, GET');
    expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:method-not-allowed' });
  });

  test.each(['PATCH', 'TRACE', 'QUERY', 'HEAD'])('the method %s, which no address takes', async (method) => {
    const answer = await served.api.inject({ method: method as 'PATCH', url: '/readyz' });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers['allow']).toBe('GET');
  });

  test('a record kind that only the watcher writes', async () => {
    expect((await post('remediation', '{}')).statusCode).toBe(405);
  });
});

describe('a batch', () => {
  const record = (name: string, more: object = {}) => ({ execution_id: name, success: true, ...more });
  interface Results {
    results: { status: number; id?: string; errors?: { pointer: string }[] }[];
  }

  test('is stored whole and answered in its order', async () => {
    const records = Array.from({ length: 30 }, (_, index) => record(`batch-${index}`));
    const answer = await post('kubernetes-execution/batch', JSON.stringify(records));
    expect(answer.statusCode, answer.body).toBe(201);
    const { results } = answer.json<Results>();
    expect(results).toHaveLength(30);
    expect(await found('kubernetes-execution', results[7]?.id ?? '')).toContain('"execution_id":"batch-7"');
    const again = await post('kubernetes-execution/batch', JSON.stringify(records));
    expect(again.json()).toEqual(answer.json());
  });

  test('may come as one record per line', async () => {
    const lines = `${JSON.stringify(record('line-1'))}\n\n${JSON.stringify(record('line-2'))}\n`;
    const answer = await post('kubernetes-execution/batch', lines, 'application/x-ndjson');
    expect(answer.statusCode, answer.body).toBe(201);
    expect(answer.json<Results>().results).toHaveLength(2);
  });

  test('of 1,000 with one bad record stores 999', async () => {
    const records = Array.from({ length: 1_000 }, (_, index) => record(`thousand-${index}`));
    records[500] = record('thousand-500', { step_index: 'five' });
    const answer = await post('kubernetes-execution/batch', JSON.stringify(records));
    expect(answer.statusCode).toBe(207);
    const { results } = answer.json<Results>();
    expect(results.filter(({ status }) => status === 201)).toHaveLength(999);
    expect(results[500]).toMatchObject({
      type: 'urn:remediation-audit:problem:invalid-record',
      status: 422,
      errors: [{ pointer: '/step_index' }],
    });
    const { rows } = await served.database.owner.query<{ count: string }>(
      "select count(*) from kubernetes_execution_audit where starts_with(execution_id, 'thousand-')",
    );
    expect(rows[0]?.count).toBe('999');
  });

  test('with a line that is no JSON stores the others', async () => {
    const lines = `${JSON.stringify(record('good-line'))}\n{"execution_id":\n`;
    const answer = await post('kubernetes-execution/batch', lines, 'application/x-ndjson');
    expect(answer.statusCode).toBe(207);
    expect(answer.json<Results>().results.map(({ status }) => status)).toEqual([201, 400]);
  });

  test.each([
    ['lists', `${'['.repeat(600)}1${']'.repeat(600)}`],
    ['objects and texts', `${'{"],[":'.repeat(600)}"}"${'}'.repeat(600)}`],
  ])('with a record of %s nested too deep to be parsed stores the others', async (name, nested) => {
    const [first, last] = ['before', 'after'].map((place) => JSON.stringify(record(`${place} ${name}`)));
    const deep = `{"execution_id":"deep ${name}","success":true,"notes":${nested}}`;
    const answer = await post('kubernetes-execution/batch', ` [${first ?? ''}, ${deep},${last ?? ''} ]\n`);
    expect(answer.json<Results>().results.map(({ status }) => status)).toEqual([201, 400, 201]);
  });

  test.each([
    ['an end too early', `[${'['.repeat(600)}${']'.repeat(601)},1]`],
    ['no end', '['.repeat(600)],
  ])('nested too deep with %s is refused as a whole', async (_name, body) => {
    const answer = await post('kubernetes-execution/batch', body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:malformed-body' });
  });

  test.each([
    ['more than 1,000 records', JSON.stringify(Array(1_001).fill({})), 413, 'batch-too-large'],
    ['none', '[]', 400, 'malformed-body'],
    ['one record instead of a list', '{}', 400, 'malformed-body'],
  ])('with %s is refused', async (_name, body, status, problem) => {
    const answer = await post('kubernetes-execution/batch', body);
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toMatchObject({ type: `urn:remediation-audit:problem:${problem}` });
  });
});

test('every kind that controllers may post has its address', () => {
  const kinds = RECORD_DEFINITIONS.map(({ kind }) => kind).filter((kind) => kind !== 'remediation');
  for (const kind of kinds) {
    expect(served.api.hasRoute({ method: 'POST', url: `/api/v1/audit/${kind}` }), kind).toBe(true);
    expect(served.api.hasRoute({ method: 'POST', url: `/api/v1/audit/${kind}/batch` }), kind).toBe(true);
  }
});
