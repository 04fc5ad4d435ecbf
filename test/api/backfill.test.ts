import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Gate } from '../../src/api/auth/gate.ts';
import { createTokenGate } from '../../src/api/auth/token-gate.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { instantOf } from '../../src/domain/instant.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { definitionOf } from '../../src/domain/records/index.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const PATH = '/api/v1/audit/workflow-execution';
const tokens = { writer: 'w'.repeat(40), backfiller: 'b'.repeat(40), reader: 'r'.repeat(40) } as const;

let folder: string;
let database: TestDatabase;
let gate: Gate;
let api: FastifyInstance;
const metrics = createMetrics();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-backfill-'));
  const entries = Object.entries(tokens).map(([role, token]) => ({
    ...{ name: `the-${role}`, role },
    sha256: createHash('sha256').update(token).digest('hex'),
  }));
  await writeFile(join(folder, 'tokens.json'), JSON.stringify(entries));
  database = await createTestDatabase();
  gate = await createTokenGate(join(folder, 'tokens.json'), createLogger('silent', 'test'));
  api = createTestApi(database, { authMode: 'token', gate, metrics, nowMs: () => NOW });
});
afterAll(async () => {
  await api.close();
  await gate.close();
  await database.close();
  await rm(folder, { recursive: true });
});

async function post(role: keyof typeof tokens, record: object, path = PATH) {
  const response = await api.inject({
    ...{ method: 'POST', url: path, payload: JSON.stringify(record) },
    headers: { authorization: `Bearer ${tokens[role]}`, 'content-type': 'application/json' },
  });
  return { status: response.statusCode, body: response.json<Record<string, unknown>>() };
}

const daysFromNow = (days: number): string => instantOf(NOW + days * DAY_MS);

test.each([
  [-35, 201],
  [1, 201],
  [-36, 422],
  [2, 422],
  [-3_000, 422],
])('a writer who puts a record %i days from its receipt gets %i', async (days, status) => {
  const created_at = daysFromNow(days);
  const answer = await post('writer', { id: randomUUID(), remediation_id: 'rr', created_at });
  expect(answer.status).toBe(status);
  if (status !== 422) return;
  expect(answer.body['errors']).toEqual([
    {
      pointer: '/created_at',
      detail: expect.stringMatching(
        /within 35 days before to 1 day after its receipt, 2026-10-25T12:00:00\.000000Z to 2026-11-30T12:00:00\.000000Z; only a caller with the verb backfill/,
      ) as string,
    },
  ]);
});

test('a time of the record itself that lies too far back is refused under the name of its field', async () => {
  const answer = await post('writer', { remediation_id: 'rr-old', started_at: daysFromNow(-90) });
  expect([answer.status, answer.body['errors']]).toMatchObject([422, [{ pointer: '/started_at' }]]);
});

test('whoever may backfill puts a record into any month, and the metric counts it', async () => {
  const created_at = daysFromNow(-400);
  const record = { id: randomUUID(), remediation_id: 'rr', created_at };
  const answer = await post('backfiller', record);
  expect([answer.status, answer.body['created_at']]).toEqual([201, created_at]);
  expect(await metrics.registry.metrics()).toMatch(
    /remediation_audit_api_records_far_from_receipt_total{kind="workflow-execution"[^}]*} [1-9]/,
  );
});

describe('a post of this month about a record of an archived month', () => {
  const record = { id: randomUUID(), remediation_id: 'rr-closed', workflow_id: 'w' };
  const other = { id: randomUUID(), remediation_id: 'rr-open' };

  beforeAll(async () => {
    expect((await post('backfiller', { ...record, created_at: '2025-10-10T00:00:00Z' })).status).toBe(201);
    for (const table of ['workflow_execution_audit', 'audit_ledger'])
      await database.owner.query(`alter table ${table} detach partition ${table}_2025_10`);
    await database.owner.query(`update audit_partition set state = 'detached' where month = '2025-10-01'`);
  });

  test('is refused to a writer with the true reason, and the rest of its batch is stored', async () => {
    const { body } = await post('writer', [{ ...record, phase: 'Running' }, other], `${PATH}/batch`);
    const detail =
      'month 2025-10 is detached; the record lives there, or its created_at puts it there; ' +
      'only a caller with the verb backfill writes into it';
    expect(body['results']).toMatchObject([
      { status: 422, errors: [{ pointer: '/created_at', detail }] },
      { status: 201 },
    ]);
  });

  test('is recorded for whoever may backfill, and makes the month live again', async () => {
    const { body } = await post('backfiller', [other, { ...record, phase: 'Running' }], `${PATH}/batch`);
    expect(body['results']).toMatchObject([
      { status: 201 },
      { status: 201, created_at: '2025-10-10T00:00:00.000000Z', revision: 2 },
    ]);
    const { rows } = await database.owner.query(
      `select state, made_by from audit_partition where month = '2025-10-01'`,
    );
    expect(rows).toEqual([{ state: 'live', made_by: 'the-backfiller' }]);
  });
});

test('a month too many in a day is refused with the limit and what to do', async () => {
  const answers = [];
  for (let month = 0; month < 13; month += 1) {
    const created_at = daysFromNow(-1_000 - 31 * month);
    answers.push(await post('backfiller', { id: randomUUID(), remediation_id: 'rr', created_at }));
  }
  const refused = answers.filter(({ status }) => status !== 201);
  // One month of the day was made, and made live again, in the tests before this one.
  expect(refused).toHaveLength(2);
  const detail =
    'the-backfiller has made 12 months in 24 hours, and no more are allowed; ' +
    'post the rest tomorrow, or raise REMEDIATION_AUDIT_API_POSTED_MONTHS_PER_DAY';
  expect(refused[0]).toMatchObject({
    status: 422,
    body: { errors: [{ pointer: '/created_at', detail }] },
  });
});

test('a post into an archived month is refused without the verb, and says so', async () => {
  await database.owner.query(`update audit_partition set state = 'archived' where month = '2026-10-01'`);
  const created_at = daysFromNow(-34);
  const record = { id: randomUUID(), remediation_id: 'rr', created_at };
  const answer = await post('writer', record);
  expect([answer.status, answer.body['errors']]).toMatchObject([
    422,
    [
      {
        pointer: '/created_at',
        detail: expect.stringMatching(/^month 2026-10 is archived; .*; only/) as string,
      },
    ],
  ]);
  expect((await post('backfiller', record)).status).toBe(201);
  await database.owner.query(`update audit_partition set state = 'live' where month = '2026-10-01'`);
});

/** `POSTS=10000` in the environment plays what an hour of a hostile writer is. */
const POSTS = Number(process.env['POSTS'] ?? 400);
const WATCHED = 20;
const BATCH = 100;

test('posts with invented times, uids and names change no watched record, and hide none from 30 days', async () => {
  const random = seededRandom(chooseSeed());
  const store = createRecordStore(database.writer);
  const watched = Array.from({ length: WATCHED }, (_, index) => {
    const uid = `uid-${index}`;
    return executionObservation({
      key: naturalKey(uid, `we-${index}`),
      ...{ createdAt: daysFromNow(-index), createdAtSource: 'resource' },
      columns: {
        remediation_id: `rr-${index}`,
        remediation_uid: uid,
        phase: 'Failed',
        namespace: 'payments',
        ...{ source_kind: 'WorkflowExecution', source_uid: `we-uid-${index}` },
      },
    });
  });
  const invent = () => {
    // Every third one names a resource of the cluster; the others name what is not there.
    const known = random.below(3) === 0;
    const index = random.below(WATCHED);
    const uid = known ? `uid-${index}` : `uid-x${random.below(1_000)}`;
    const far = random.below(3) === 0 ? -random.below(4_000) : -random.below(35);
    return {
      ...(random.below(2) === 0 ? { id: randomUUID() } : {}),
      ...{ remediation_id: known ? `rr-${index}` : `rr-x${index}`, remediation_uid: uid },
      ...{ created_at: daysFromNow(far), phase: 'Completed', namespace: 'elsewhere', outcome: 'Success' },
      ...{ completed_at: daysFromNow(far), failure_reason: 'none', source_kind: 'WorkflowExecution' },
      extra: { crd_name: known ? `we-${index}` : `we-x${random.below(1_000)}` },
    };
  };
  const postSome = async (count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += BATCH)
      await post('writer', Array.from({ length: BATCH }, invent), `${PATH}/batch`);
  };
  await postSome(POSTS / 2);
  await store.record(watched);
  await postSome(POSTS / 2);

  const listed = await api.inject({
    url: `${PATH}?limit=1000&phase=Failed&since=${daysFromNow(-30)}`,
    headers: { authorization: `Bearer ${tokens.reader}` },
  });
  const { items } = listed.json<{ items: readonly Record<string, unknown>[] }>();
  const found = new Map(items.map((item) => [item['remediation_uid'], item]));
  const said = definitionOf('workflow_execution_audit').columns.filter(({ name }) => !CHANGED.has(name));
  for (const { columns, createdAt } of watched) {
    const record = found.get(columns['remediation_uid']);
    expect(record, String(columns['remediation_uid'])).toMatchObject({
      ...{ created_at: createdAt, created_at_source: 'resource' },
      ...Object.fromEntries(said.map(({ name }) => [name, columns[name] ?? null])),
    });
  }
  // Or no post met a record of the watcher.
  const met = watched.filter(({ columns }) =>
    JSON.stringify(found.get(columns['remediation_uid']) ?? {}).includes('"posted"'),
  );
  expect(met.length).toBeGreaterThan(WATCHED / 2);
});

/** What a post about a record changes in its row, or the store decides. */
const CHANGED = new Set([
  ...['id', 'created_at', 'created_at_source', 'cluster', 'source_version'],
  ...['extra', 'revision', 'updated_at', 'recorded_at'],
]);

test('an execution that its client and the watcher record is one record that names both', async () => {
  const uid = randomUUID();
  const posted = {
    ...{ remediation_id: 'rr-both', remediation_uid: uid, crd_name: 'we-both', phase: 'Completed' },
    ...{ started_at: daysFromNow(-1), completed_at: daysFromNow(0), outcome: 'Success', steps_failed: 2 },
  };
  const first = await post('writer', posted);
  const store = createRecordStore(database.writer);
  const watched = (sourceVersion: string, phase: string) =>
    executionObservation({
      ...{ key: naturalKey(uid, 'we-both'), sourceVersion, createdAt: daysFromNow(-1) },
      columns: {
        ...{ remediation_id: 'rr-both', remediation_uid: uid, phase, source_kind: 'WorkflowExecution' },
        extra: '{"action_type":"ScaleOut"}',
      },
    });
  for (const observation of [watched('5', 'Running'), watched('6', 'Verifying')])
    await store.record([observation]);
  await post('writer', { ...posted, completed_at: daysFromNow(0.5), failure_message: 'by the client' });

  const answer = await api.inject({
    url: `${PATH}/${String(first.body['id'])}`,
    headers: { authorization: `Bearer ${tokens.reader}` },
  });
  expect(answer.json()).toMatchObject({
    // What the resource says, and what no resource of today says.
    ...{ phase: 'Verifying', outcome: null, completed_at: null, failure_message: null, steps_failed: 2 },
    ...{ source_kind: 'WorkflowExecution', revision: 4 },
    extra: {
      action_type: 'ScaleOut',
      posted: {
        by: ['the-writer'],
        columns: {
          ...{ phase: 'Completed', outcome: 'Success', failure_message: 'by the client', steps_failed: 2 },
          ...{ completed_at: daysFromNow(0.5), extra: { crd_name: 'we-both' } },
        },
      },
    },
  });
});
