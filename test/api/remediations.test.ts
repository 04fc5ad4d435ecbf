import { randomUUID } from 'node:crypto';

import { beforeAll, describe, expect, test } from 'vitest';

import type { Branch } from '../../dev/simulator/stories.ts';
import { remediationCommand } from '../../src/cli/remediation.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey } from '../../src/domain/observation.ts';
import { createRecordFinder } from '../../src/query/record-finder.ts';
import type { RemediationSummary } from '../../src/query/remediation/summary.ts';
import type { TimelineEvent } from '../../src/query/remediation/timeline.ts';
import { serveTests } from '../support/api.ts';
import { executionObservation } from '../support/observations.ts';
import { observationsOf } from '../support/simulated-states.ts';

const served = serveTests();

type Json = Record<string, unknown>;

interface ObservedEntry {
  readonly record_id: string;
  readonly content_hash: string;
  readonly observed_at: string;
  readonly content: Json;
}

async function get<T = Json>(url: string, status = 200): Promise<T> {
  const answer = await served.api.inject({ url });
  expect(answer.statusCode, answer.body).toBe(status);
  return answer.json();
}

async function postAction(record: object): Promise<void> {
  const answer = await served.api.inject({
    method: 'POST',
    url: '/api/v1/audit/kubernetes-execution',
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(record),
  });
  expect(answer.statusCode, answer.body).toBe(201);
}

/** Plays a story into the database, as the workflow would: what is said of a sibling follows the sibling. */
async function recordedStory(branch: Branch): Promise<{ observations: number; name: string }> {
  const { observations } = observationsOf(branch, 'G3', 20);
  const store = createRecordStore(served.database.writer);
  await store.record(observations.filter(({ fragment }) => fragment !== true));
  await store.record(observations.filter(({ fragment }) => fragment === true));
  return { observations: observations.length, name: String(observations[0]?.columns['remediation_id']) };
}

async function command(...args: string[]): Promise<string> {
  let written = '';
  const finder = createRecordFinder(served.database.writer, { missing: 'there is none here' });
  await remediationCommand(args, { finder, signal: new AbortController().signal }, (text) => {
    written += text;
  });
  return written;
}

describe('a remediation', () => {
  const uid = randomUUID();
  const name = `rr-${uid.slice(0, 8)}`;
  const address = `/api/v1/remediations/test/payments/${name}`;
  const remediation = (remediationUid: string, createdAt: string) =>
    executionObservation({
      table: 'remediation_audit',
      key: naturalKey(remediationUid),
      phase: 'progress',
      createdAt,
      columns: { remediation_id: name, remediation_uid: remediationUid, namespace: 'payments' },
    });
  beforeAll(async () => {
    await createRecordStore(served.database.writer).record([
      remediation(uid, '2026-11-10T00:00:00.000000Z'),
      executionObservation({ columns: { remediation_id: name, remediation_uid: uid, phase: 'Completed' } }),
    ]);
    await postAction({ execution_id: 'we-1', remediation_uid: uid, success: true });
  });

  test('is listed', async () => {
    const { items } = await get<{ items: Json[] }>(`/api/v1/remediations?remediation_uid=${uid}`);
    expect(items).toMatchObject([{ remediation_id: name, cluster: 'test' }]);
  });

  test('is answered with its records and its timeline', async () => {
    expect(await get(`${address}?view=full`)).toMatchObject({
      summary: { uid },
      remediation: { remediation_uid: uid },
      workflow_executions: [{ phase: 'Completed' }],
      kubernetes_executions: [{ execution_id: 'we-1' }],
      signal_processings: [],
      ai_analyses: [],
      timeline: [{}, {}, {}],
      is_complete: true,
      left_out: [],
      others: [],
    });
  });

  test('of a name that was used again is the newest one, and the other is found by its uid', async () => {
    const newer = randomUUID();
    await createRecordStore(served.database.writer).record([
      remediation(newer, '2026-11-12T00:00:00.000000Z'),
    ]);
    expect(await get(address)).toMatchObject({ summary: { uid: newer }, others: [{ uid }] });
    expect(await get(`${address}?view=full&uid=${uid}`)).toMatchObject({
      remediation: { remediation_uid: uid },
      kubernetes_executions: [{ execution_id: 'we-1' }],
    });
    await get(`${address}?uid=${randomUUID()}`, 404);
  });

  test('is listed in lines, and its summary has no records', async () => {
    const { items } = await get<{ items: Json[] }>(`${address}/timeline?uid=${uid}`);
    expect(items.map(({ event }) => event)).toEqual(
      expect.arrayContaining(['execution of  Completed', 'action we-1 succeeded']),
    );
    expect(Object.keys(await get(address)).sort()).toEqual([
      'is_complete',
      'left_out',
      'others',
      'summary',
      'unsearched',
    ]);
    await get(`${address}?view=everything`, 400);
    await get(`${address}/timeline?view=full`, 400);
  });

  test('of a story is the same from the API and from the command line', async () => {
    const { observations, name: played } = await recordedStory('approval-granted');
    const path = `/api/v1/remediations/G3/kubernaut-system/${played}`;
    const answer = await served.api.inject({ url: path });
    const { summary } = answer.json<{ summary: RemediationSummary }>();
    expect(answer.body.length).toBeLessThan(6_000);
    expect(summary.headline).toContain('Approved by dana@example.com');
    expect(summary.phases.map(({ phase }) => phase)).toContain('AwaitingApproval');
    expect(summary.missing).toEqual([]);
    const events = await get<{ items: TimelineEvent[] }>(`${path}/timeline`);
    expect(events.items.length).toBeLessThan(observations / 2);
    expect(events.items.map(({ actor }) => actor)).toContain('dana@example.com');
    expect(await command('show', `G3/kubernaut-system/${played}`, '--json')).toBe(
      `${JSON.stringify({ apiVersion: 'remediation-audit/v1', kind: 'RemediationSummary', summary })}\n`,
    );
    expect(JSON.parse(await command('timeline', `G3/kubernaut-system/${played}`, '--json'))).toEqual({
      ...{ apiVersion: 'remediation-audit/v1', kind: 'RemediationTimeline' },
      ...events,
    });
    const text = await command('show', `G3/kubernaut-system/${played}`);
    expect(text.split('\n')[0]).toBe(summary.headline);
    expect(text).toMatch(/^decided {7}person, Approved, by dana@example.com \(self-reported, via kubectl\)/m);
    expect(text).toMatch(/^AwaitingApproval {2}\S+ {2}\S+$/m);
    expect(await command('timeline', `G3/kubernaut-system/${played}`)).toMatch(
      /^\S+Z {2}dana@example.com {2,}approval Approved by dana@example.com: /m,
    );
  });

  test.each([
    [['show', 'payments/api'], /needs CLUSTER\/NAMESPACE\/NAME/],
    [['describe', 'a/b/c'], /there are `remediation show`, `remediation timeline`/],
    [
      ['show', 'test/payments/nobody'],
      /no remediation nobody of namespace payments is recorded for cluster test/,
    ],
  ])('the command line %j names what is wrong', async (args, message) => {
    await expect(command(...args)).rejects.toThrow(message);
  });

  test('differs from one observation of a record to another one', async () => {
    const { name: played } = await recordedStory('approval-granted');
    const path = `/api/v1/remediations/G3/kubernaut-system/${played}`;
    const { timeline } = await get<{ timeline: ObservedEntry[] }>(`${path}?view=full`);
    const observed = timeline.filter(({ content }) => 'overall_phase' in content);
    const [first, last] = [observed[0], observed.at(-1)];
    if (first === undefined || last === undefined) throw new Error('the story has no phase');
    const record = first.record_id;
    expect(last.record_id).toBe(record);
    const query = (to: string): string => `${path}/diff?record=${record}&from=${first.content_hash}&to=${to}`;
    const diff = await get(query(last.content_hash));
    expect(diff).toMatchObject({
      ...{ record_id: record, is_complete: true, unsearched: null },
      ...{ from: { observed_at: first.observed_at }, to: { observed_at: last.observed_at } },
    });
    const [before, after] = [first, last].map(({ content }) => content['overall_phase']);
    expect(diff['items']).toContainEqual({ path: '/overall_phase', before, after });
    expect(await get(query(first.content_hash))).toMatchObject({ items: [] });
    expect(await get(query('f'.repeat(64)), 404)).toMatchObject({
      detail: expect.stringContaining('f'.repeat(64)) as string,
    });
    await get(query('x'), 400);
    await get(`${path}/diff?record=${record}`, 400);
  });

  test('whose namespace is not known is answered without one', async () => {
    const nowhere = randomUUID();
    await createRecordStore(served.database.writer).record([
      executionObservation({
        ...{ table: 'remediation_audit', key: naturalKey(nowhere), phase: 'progress' },
        columns: { remediation_id: 'rr-nowhere', remediation_uid: nowhere },
      }),
    ]);
    const { summary } = await get<{ summary: Json }>('/api/v1/remediations/test//rr-nowhere');
    expect(summary).toMatchObject({ uid: nowhere, namespace: null });
    await get('/api/v1/remediations/test/payments/rr-nowhere', 404);
    await get(`/api/v1/remediations/test//${name}`, 404);
  });

  test('that nobody knows is a problem', async () => {
    await get('/api/v1/remediations/test/payments/nobody', 404);
    await get('/api/v1/remediations/test/payments/nobody/timeline', 404);
  });
});
