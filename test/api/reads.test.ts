import { randomUUID } from 'node:crypto';

import { pino } from 'pino';
import { describe, expect, test } from 'vitest';

import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import { ACTIONS, callsOf, createTestApi, serveTests } from '../support/api.ts';
import { executionObservation } from '../support/observations.ts';

const served = serveTests();
const { get, send, postAction } = callsOf(served);

type Json = Record<string, unknown>;

test('a record is found by its own id and by the one its client posted it with', async () => {
  const clientId = randomUUID();
  const { id } = await postAction({ id: clientId.toUpperCase(), execution_id: 'by-id', success: true });
  for (const known of [id, clientId, id.toUpperCase()]) {
    expect(await get(`${ACTIONS}/${known}`)).toMatchObject({ id, execution_id: 'by-id' });
  }
  for (const unknown of [randomUUID(), 'nothing', `${id}0`]) {
    expect(await get(`${ACTIONS}/${unknown}`, 404)).toMatchObject({ status: 404 });
  }
});

test('the history of a record holds every observation in the order in which they fold', async () => {
  const base = { execution_id: 'with-history', workflow_ref: 'wf', step_index: 1 };
  const { id } = await postAction({ ...base, revision: 2, action_parameters: { n: 1 } });
  await postAction({ ...base, revision: 1, phase: 'Running' });
  await postAction({ ...base, revision: 3, success: true });
  type Page = { items: Json[]; next_cursor: string | null };
  const whole = await get<Page>(`${ACTIONS}/${id}/history`);
  expect(whole.items.map((item) => (item['content'] as Json)['phase'] ?? null)).toEqual([
    'Running',
    null,
    null,
  ]);
  expect(whole.items[0]).toMatchObject({
    kind: 'kubernetes-execution',
    phase: 'action',
    record_id: id,
    actor: 'anonymous',
  });

  const first = await get<Page>(`${ACTIONS}/${id}/history?limit=2`);
  const rest = await get<Page>(`${ACTIONS}/${id}/history?limit=2&cursor=${String(first.next_cursor)}`);
  expect([...first.items, ...rest.items]).toEqual(whole.items);
  expect(rest.next_cursor).toBeNull();
  await get(`${ACTIONS}/${id}/history?cursor=nonsense`, 400);
});

describe('reports', () => {
  test('all of them answer as JSON and as CSV', async () => {
    const { items } = await get<{ items: Json[] }>('/api/v1/reports');
    expect(items).toHaveLength(REPORTS.length);
    for (const { name } of REPORTS) {
      expect(await get(`/api/v1/reports/${name}`)).toMatchObject({
        report: name,
        basis: { complete: true },
      });
      const table = await served.api.inject({
        url: `/api/v1/reports/${name}`,
        headers: { accept: 'text/csv' },
      });
      expect(table.headers['content-type']).toContain('text/csv');
      expect(table.headers['report-basis']).toMatch(/^\d+ records?(; |$)/);
    }
  });

  test('are refused with an invalid parameter', async () => {
    expect(await get('/api/v1/reports/slow-executions?since=soon', 400)).toMatchObject({
      errors: [{ pointer: '?since' }],
    });
    expect(await get('/api/v1/reports/slow-executions?until=7d', 400)).toMatchObject({
      errors: [{ pointer: '?until' }],
    });
    await get('/api/v1/reports/none', 404);
  });
});

test('similar investigations are asked for by text or by fingerprint', async () => {
  expect(await get('/api/v1/investigations/similar?text=out%20of%20memory')).toEqual({ items: [] });
  await get('/api/v1/investigations/similar?fingerprint=unknown', 404);
  await get('/api/v1/investigations/similar', 400);
  await get('/api/v1/investigations/similar?text=a&fingerprint=b', 400);
});

test('completeness lists what is open and names each gap', async () => {
  const uid = randomUUID();
  const overdue = executionObservation({
    table: 'remediation_audit',
    key: naturalKey(uid),
    phase: 'progress',
    cluster: 'gaps',
    createdAt: '2026-11-01T00:00:00.000000Z',
    columns: { remediation_id: 'rr-gap', remediation_uid: uid, namespace: 'payments', verdict: 'open' },
  });
  await createRecordStore(served.database.writer).record([overdue]);
  expect(await get('/api/v1/completeness?cluster=gaps')).toEqual({
    clusters: [
      {
        cluster: 'gaps',
        state: 'unknown',
        detail: 'no watcher has reported on this cluster',
        first_watched_at: null,
        reported_at: null,
      },
    ],
    kinds: [],
    verdicts: [{ cluster: 'gaps', verdict: 'open', remediations: 1 }],
    gaps: [
      {
        cluster: 'gaps',
        reason: 'overdue',
        kind: null,
        detail: null,
        remediation_uid: uid,
        namespace: 'payments',
        name: 'rr-gap',
        since: null,
      },
    ],
    has_more_gaps: false,
  });
  await get('/api/v1/completeness?overdue_seconds=0', 400);
});

test('every month is listed with its state', async () => {
  const { items } = await get<{ items: Json[] }>('/api/v1/partitions');
  expect(items[0]).toMatchObject({ state: 'live' });
  expect(items[0]?.['month']).toMatch(/^\d{4}-\d{2}$/);
});

test('a hold is placed, listed and released', async () => {
  const placed = await send('POST', '/api/v1/holds', { namespace: 'payments', reason: 'audit' });
  expect(placed.statusCode, placed.body).toBe(201);
  const { id } = placed.json<{ id: string }>();
  expect(await get('/api/v1/holds')).toMatchObject({
    items: [{ id, placed_by: 'anonymous', namespace: 'payments' }],
  });
  expect((await send('DELETE', `/api/v1/holds/${id}`)).json()).toMatchObject({
    id,
    released_by: 'anonymous',
  });
  expect((await send('DELETE', `/api/v1/holds/${id}`)).statusCode).toBe(404);
  expect(await get('/api/v1/holds')).toEqual({ items: [] });
  expect(await get('/api/v1/holds?released=true')).toMatchObject({ items: [{ id }] });
});

test.each([
  [{ reason: 'no scope' }, ''],
  [{ namespace: 'payments' }, '/reason'],
  [{ namespace: 7, reason: 'r' }, '/namespace'],
  [{ from_time: '2026-04-01T00:00:00Z', to_time: '2026-03-01T00:00:00Z', reason: 'r' }, '/to_time'],
  [{ namespace: 'payments', reason: 'r', until: 'x' }, '/until'],
  // A name that every object of JavaScript has.
  [{ namespace: 'payments', reason: 'r', constructor: 'x' }, '/constructor'],
])('a hold that says too little or too much is refused: %o', async (body, pointer) => {
  const answer = await send('POST', '/api/v1/holds', body);
  expect(answer.statusCode).toBe(422);
  expect(answer.json()).toMatchObject({ errors: [{ pointer }] });
});

test('a parameter that an address does not have is refused where something would change', async () => {
  for (const url of ['/api/v1/holds', ACTIONS, `/api/v1/quarantine/${randomUUID()}/redrive`]) {
    const answer = await send('POST', `${url}?dry_run=true`, { namespace: 'payments', reason: 'r' });
    expect(answer.statusCode, url).toBe(400);
    expect(answer.json()).toMatchObject({ type: 'urn:remediation-audit:problem:invalid-parameter' });
  }
});

test('an answer that no route gave is counted and logged like every other', async () => {
  const metrics = createMetrics();
  const lines: Json[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line) as Json) });
  const counted = createTestApi(served.database, { metrics, logger });
  await counted.inject({ method: 'GET', url: '/wp-login.php?user=secret' });
  await counted.inject({ method: 'PUT', url: ACTIONS });
  await counted.close();
  const text = await metrics.registry.metrics();
  const count = 'remediation_audit_api_request_duration_seconds_count';
  expect(text).toContain(`${count}{method="GET",route="none",status="404"} 1`);
  expect(text).toContain(`${count}{method="PUT",route="${ACTIONS}",status="405"} 1`);
  expect(lines).toMatchObject([
    { msg: 'a request was refused', path: '/wp-login.php', status: 404 },
    { msg: 'a request was refused', path: ACTIONS, status: 405 },
  ]);
});

test('every read of records leaves a trace: who, what was asked, how many rows', async () => {
  const { id } = await postAction({ execution_id: 'traced', success: true });
  const answer = await served.api.inject({ url: `${ACTIONS}?execution_id=traced` });
  const { rows } = await served.database.owner.query<Json>(
    'select caller, route, filter, rows_returned from audit_access where request_id = $1',
    [answer.headers['x-request-id']],
  );
  expect(rows).toEqual([
    {
      caller: 'anonymous',
      route: 'GET /api/v1/audit/kubernetes-execution',
      filter: '{"execution_id": "traced"}',
      rows_returned: '1',
    },
  ]);
  const one = await served.api.inject({ url: `${ACTIONS}/${id}` });
  const traces = await served.database.owner.query('select 1 from audit_access where request_id = $1', [
    one.headers['x-request-id'],
  ]);
  expect(traces.rowCount).toBe(1);
});

test('what cannot be traced is not answered', async () => {
  const untraced = createTestApi(served.database, {
    audit: { trace: () => Promise.reject(new Error('no trace')), counts: { count: () => undefined } },
  });
  expect((await untraced.inject({ url: ACTIONS })).statusCode).toBe(500);
  await untraced.close();
});
