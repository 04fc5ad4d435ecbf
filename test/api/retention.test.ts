import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { placeHold } from '../../src/database/holds/holds.ts';
import { approveDrop, revokeApproval } from '../../src/database/months/month-states.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import type { RestoreRequest } from '../../src/database/months/restore-requests.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordExecutions } from '../support/retention.ts';

const RULES = { hotDays: 90, dropGraceHours: 24, requireApproval: true };

let database: TestDatabase;
let api: FastifyInstance;
/** What Temporal was asked for; the real one is asked in test/temporal. */
const asked: RestoreRequest[] = [];
let isTemporalAway = false;

beforeAll(async () => {
  database = await createTestDatabase();
  await recordExecutions(database, '2020-01-01', 2);
  await recordExecutions(database, '2020-02-01', 2);
  await createMonth(database.owner, '2020-03-01');
  await createMonth(database.owner, '2020-04-01');
  await database.owner.query(
    "update audit_partition set state = 'dropped', manifest = 'manifests/00000001.json', settled_manifest = 'manifests/00000001.json' where month = '2020-03-01'",
  );
  await database.owner.query("update audit_partition set state = 'expired' where month = '2020-04-01'");
  // As the client of Temporal throws it.
  const unavailable = { code: 14, details: 'connect ECONNREFUSED', metadata: {} };
  const away = () => Promise.reject(Object.assign(new Error('14 UNAVAILABLE'), unavailable));
  const restores = {
    start: (request: RestoreRequest) => {
      asked.push(request);
      return isTemporalAway ? away() : Promise.resolve('restore/2020-03');
    },
    status: () =>
      isTemporalAway ? away() : Promise.resolve({ status: 'running' as const, detail: 'attaching 12 rows' }),
  };
  api = createTestApi(database, { retention: { rules: RULES, restores, restoredDays: 7 } });
});
afterAll(async () => {
  await api.close();
  await database.close();
});

const post = (url: string, payload?: object) =>
  api.inject({ method: 'POST', url, ...(payload === undefined ? {} : { payload }) });
const planned = async (month: string): Promise<Record<string, unknown> | undefined> => {
  const { items } = (await api.inject({ url: '/api/v1/retention/plan' })).json<{
    items: Record<string, unknown>[];
  }>();
  return items.find((item) => item['month'] === month);
};

const partition = async (month: string): Promise<Record<string, unknown> | undefined> => {
  const { items } = (await api.inject({ url: '/api/v1/partitions' })).json<{
    items: Record<string, unknown>[];
  }>();
  return items.find((item) => item['month'] === month);
};

test('the plan says what the next run would do with each month, and why', async () => {
  expect(await planned('2020-01')).toMatchObject({
    state: 'live',
    action: 'archive',
    reason: 'older than the hot days',
    holds: [],
    fault: null,
  });
  expect(Number((await planned('2020-01'))?.['size_bytes'])).toBeGreaterThan(0);
  const now = new Date().toISOString().slice(0, 7);
  expect(await planned(now)).toMatchObject({ action: 'keep' });
});

test('the plan names the hold that keeps a month', async () => {
  const scope = { from: '2020-02-01T00:00:00Z', to: '2020-03-01T00:00:00Z' };
  const { id } = await placeHold(database.writer, scope, { by: 'auditor', reason: 'case 17' });
  expect(await planned('2020-02')).toMatchObject({ action: 'held', holds: [id] });
});

test('an approval of a month that is not archived is refused, and says why', async () => {
  const answer = await post('/api/v1/retention/approvals', { month: '2020-01' });
  expect(answer.statusCode).toBe(409);
  expect(answer.json()).toMatchObject({ detail: expect.stringContaining('is live') as string });
});

test('an approval is kept with who gave it, and shown where the months are', async () => {
  await database.owner.query(
    "update audit_partition set state = 'archived', manifest = 'm', manifest_sha256 = sha256('m') where month = '2020-01-01'",
  );
  const answer = await post('/api/v1/retention/approvals', { month: '2020-01' });
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toMatchObject({ month: '2020-01', approved_by: 'anonymous' });
  const { rows } = await database.owner.query(
    `select approved_by from audit_partition
     where month = '2020-01-01' and approved_at is not null and approved_manifest_sha256 = manifest_sha256`,
  );
  expect(rows).toEqual([{ approved_by: 'anonymous' }]);
  expect(await partition('2020-01')).toMatchObject({
    approved_by: 'anonymous',
    revoked_by: null,
    revoked_at: null,
  });
  await revokeApproval(database.writer, '2020-01-01', 'auditor');
  expect(await partition('2020-01')).toMatchObject({
    ...{ approved_by: null, approved_at: null, revoked_by: 'auditor' },
    revoked_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
  });
  await approveDrop(database.writer, '2020-01-01', 'anonymous');
});

test('an approval is revoked over the API, once, and who did it stays with the month', async () => {
  const revoke = (month: string) =>
    api.inject({ method: 'DELETE', url: `/api/v1/retention/approvals/${month}` });
  const answer = await revoke('2020-01');
  expect(answer.statusCode, answer.body).toBe(200);
  expect(answer.json()).toEqual({ month: '2020-01', revoked_by: 'anonymous' });
  expect(await partition('2020-01')).toMatchObject({
    ...{ approved_by: null, approved_at: null, revoked_by: 'anonymous' },
    revoked_at: expect.stringMatching(/^\d{4}-.*Z$/) as string,
  });
  const again = await revoke('2020-01');
  expect(again.statusCode).toBe(409);
  expect(again.json()).toMatchObject({ detail: expect.stringContaining('has no approval') as string });
  expect((await revoke('2020-03')).statusCode).toBe(409);
  expect((await revoke('2015-01')).statusCode).toBe(404);
  expect((await revoke('March')).statusCode).toBe(400);
  await approveDrop(database.writer, '2020-01-01', 'anonymous');
});

test.each([
  [{ month: '1999-01' }, 404, 'not-found'],
  [{ month: '2020-03' }, 409, 'conflict'],
  [{ month: '2020-13' }, 422, 'invalid-record'],
  [{ month: 202_001 }, 422, 'invalid-record'],
  [{}, 422, 'invalid-record'],
  [{ month: '2020-01', by: 'me' }, 422, 'invalid-record'],
])('an approval of %j is refused with %i', async (body, status, type) => {
  const answer = await post('/api/v1/retention/approvals', body);
  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toMatchObject({ type: `urn:remediation-audit:problem:${type}` });
});

test('a restore is asked of Temporal, for whom and for how long', async () => {
  asked.length = 0;
  const answer = await post('/api/v1/archives/2020-03/restore', { days: 30 });
  expect(answer.statusCode).toBe(202);
  expect(answer.headers['location']).toBe('/api/v1/archives/2020-03/restore');
  expect(answer.json()).toEqual({
    month: '2020-03',
    days: 30,
    requested_by: 'anonymous',
    workflow_id: 'restore/2020-03',
  });
  expect((await post('/api/v1/archives/2020-03/restore')).statusCode).toBe(202);
  expect(asked).toEqual([
    { month: '2020-03-01', days: 30, by: 'anonymous' },
    { month: '2020-03-01', days: 7, by: 'anonymous' },
  ]);
  const { rows } = await database.owner.query(
    "select days, requested_by from audit_restore_request where month = '2020-03-01'",
  );
  expect(rows).toEqual([{ days: 7, requested_by: 'anonymous' }]);
  const status = await api.inject({ url: '/api/v1/archives/2020-03/restore' });
  expect(status.json()).toMatchObject({
    state: 'dropped',
    restore: { status: 'running', detail: 'attaching 12 rows' },
  });
});

test.each([
  ['2020-02', undefined, 409, /all of 2020-02 is in the database/],
  ['2020-04', undefined, 409, /was removed because of its age/],
  ['1999-01', undefined, 404, /no archive has 1999-01/],
  ['2999-01', undefined, 404, /no archive has 2999-01/],
  ['2020-3', undefined, 400, /YYYY-MM/],
  ['2020-03', { days: 0 }, 422, /whole number/],
  ['2020-03', { days: 1.5 }, 422, /whole number/],
  ['2020-03', { days: '30' }, 422, /whole number/],
  ['2020-03', { until: 'ever' }, 422, /not a field of a restore/],
])('a restore of %s with %j is refused with %i', async (month, body, status, detail) => {
  asked.length = 0;
  const answer = await post(`/api/v1/archives/${month}/restore`, body);
  expect(answer.statusCode).toBe(status);
  expect(answer.json<{ detail: string }>().detail).toMatch(detail);
  expect(asked).toEqual([]);
  const { rows } = await database.owner.query(
    "select from audit_restore_request where month <> '2020-03-01'",
  );
  expect(rows).toEqual([]);
});

test('a month that this database never had is looked for in the archive', async () => {
  asked.length = 0;
  expect((await post('/api/v1/archives/2020-12/restore')).statusCode).toBe(202);
  expect(asked).toEqual([{ month: '2020-12-01', days: 7, by: 'anonymous' }]);
});

test('without Temporal a restore is refused for now', async () => {
  isTemporalAway = true;
  const answer = await post('/api/v1/archives/2020-03/restore');
  isTemporalAway = false;
  expect(answer.statusCode).toBe(503);
  expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:temporal-unavailable' });
  expect(answer.headers['retry-after']).toBeDefined();
});

test('a service without an archive names the setting that a restore needs', async () => {
  const bare = createTestApi(database);
  try {
    for (const method of ['POST', 'GET'] as const) {
      const answer = await bare.inject({ method, url: '/api/v1/archives/2020-03/restore' });
      expect(answer.statusCode).toBe(501);
      expect(answer.json<{ detail: string }>().detail).toContain('REMEDIATION_AUDIT_ARCHIVE_URL');
    }
  } finally {
    await bare.close();
  }
});
