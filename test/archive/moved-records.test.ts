import { expect, test } from 'vitest';

import { compareMonth } from '../../src/database/comparison/compare-month.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { naturalKey, type Observation } from '../../src/domain/observation.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import type { MonthsStage } from '../support/archived-months.ts';
import { createMonthsStage, EXECUTIONS, FEBRUARY, LATER } from '../support/archived-months.ts';
import { executionObservation } from '../support/observations.ts';
import { restoreSteps, runRestore } from '../support/restore.ts';
import { retentionSteps, runRetention } from '../support/retention.ts';

const UID = 'uid-moved';
const POSTED_AT = '2020-02-07T00:00:00.000000Z';
const CLIENT_ID = '7d7bd1c6-4a0c-4c35-9cd1-3c1e0e5d9a11';

const posted: Observation = executionObservation({
  ...{ key: naturalKey(UID, 'we'), sourceVersion: '-1000', createdAt: POSTED_AT, createdAtSource: 'post' },
  ...{ actor: 'poster', backfill: true },
  columns: {
    ...{ remediation_id: 'moved', remediation_uid: UID, namespace: 'payments', phase: 'Failed' },
    ...{
      target_resource: 'moved/Deployment/api',
      completed_at: POSTED_AT,
      extra: JSON.stringify({ client_id: CLIENT_ID }),
    },
  },
});
const watched = (createdAt: string): Observation => ({
  ...posted,
  ...{ sourceVersion: '1', createdAt, createdAtSource: 'resource', actor: 'watcher' },
  columns: {
    ...{ remediation_id: 'moved', remediation_uid: UID, namespace: 'payments', phase: 'Failed' },
    ...{ target_resource: 'moved/Deployment/api', workflow_id: 'watched', completed_at: POSTED_AT },
  },
});
const REMEDIATION: Observation = executionObservation({
  ...{ table: 'remediation_audit', key: naturalKey(UID), phase: 'progress', createdAt: POSTED_AT },
  columns: { remediation_id: 'moved', remediation_uid: UID, namespace: 'payments', verdict: 'open' },
});

/** A record that a post put into February, which was archived before the resource said when it was made. */
async function moveAfterArchiving(stage: MonthsStage, createdAt: string): Promise<string> {
  const store = createRecordStore(stage.database.writer);
  const [stored] = await store.record([posted, REMEDIATION]);
  await stage.archive(FEBRUARY);
  expect((await stage.list('limit=1000&remediation_id=moved')).items).toMatchObject([{ source: 'archive' }]);
  await store.record([watched(createdAt)]);
  return stored?.id ?? '';
}

async function json<T>(stage: MonthsStage, url: string): Promise<T> {
  const answer = await stage.api.inject({ url });
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

/** Every answer that may have the record, each with how often it has it and from where. */
async function requireOnce(stage: MonthsStage, id: string, createdAt: string): Promise<void> {
  for (const order of ['newest', 'oldest']) {
    const { items } = await stage.list(`limit=1000&order=${order}`);
    expect(items.filter((item) => item['id'] === id)).toMatchObject([{ created_at: createdAt }]);
  }
  const pages = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await stage.list(`limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`);
    pages.push(...page.items.map((item) => item['id']));
    cursor = page.next_cursor;
  }
  expect(pages.filter((found) => found === id)).toHaveLength(1);
  expect(new Set(pages).size).toBe(pages.length);
  const { rows } = await json<{ rows: object[] }>(
    stage,
    '/api/v1/reports/recent-failures?since=2019-01-01T00:00:00Z&include_archive=true',
  );
  expect(rows).toMatchObject([{ target_resource: 'moved/Deployment/api', workflow_id: 'watched' }]);
  const view = await json<{ workflow_executions: object[]; timeline: { actor: string }[] }>(
    stage,
    `/api/v1/remediations/test/payments/moved?include_archive=true&view=full`,
  );
  expect(view.workflow_executions).toMatchObject([{ id, created_at: createdAt }]);
  const history = await json<{ items: { actor: string }[] }>(stage, `${EXECUTIONS}/${id}/history`);
  expect(history.items.map(({ actor }) => actor)).toEqual(['poster', 'watcher']);
}

async function differences(stage: MonthsStage, month: string): Promise<unknown[]> {
  const found: unknown[] = [];
  const client = await stage.database.owner.connect();
  try {
    await compareMonth(client, month, (difference) => found.push(difference));
  } finally {
    client.release();
  }
  return found;
}

const IN_NOVEMBER = `${LATER.slice(0, 8)}02T03:04:05.000000Z`;

test.each([
  ['a month that is not archived', IN_NOVEMBER],
  ['another day of the archived month', '2020-02-20T00:00:00.000000Z'],
])('a record that moved to %s is answered once, from there', async (_name, createdAt) => {
  await using stage = await createMonthsStage();
  const id = await moveAfterArchiving(stage, createdAt);
  await requireOnce(stage, id, createdAt);
  // By what only the post said: the archive knows it, the answer is the record.
  expect(await json(stage, `${EXECUTIONS}/${CLIENT_ID}`)).toMatchObject({ id, created_at: createdAt });
});

test('a month that is restored after a record moved away has no row of it, and nothing to complain of', async () => {
  await using stage = await createMonthsStage();
  const id = await moveAfterArchiving(stage, IN_NOVEMBER);
  const request = { month: FEBRUARY, days: 1, by: 'auditor' };
  await runRestore(restoreSteps(stage.setting), request);
  await requireOnce(stage, id, IN_NOVEMBER);
  expect(await differences(stage, FEBRUARY)).toEqual([]);
  expect(await differences(stage, LATER)).toEqual([]);

  // It is archived anew, without the row.
  const later = retentionSteps(stage.setting, { nowMs: () => Date.now() + 2 * DAY_MS });
  await runRetention(later, FEBRUARY);
  expect(await runRetention(later, FEBRUARY)).toEqual(['2020-02: dropped']);
  await requireOnce(stage, id, IN_NOVEMBER);
});

test('a detached month that a late record attaches again gives up the row that moved away', async () => {
  await using stage = await createMonthsStage();
  const store = createRecordStore(stage.database.writer);
  const [stored] = await store.record([posted, REMEDIATION]);
  const { owner } = stage.database;
  for (const table of ['workflow_execution_audit', 'audit_ledger'])
    await owner.query(`alter table ${table} detach partition ${table}_2020_02`);
  await owner.query(`update audit_partition set state = 'detached' where month = '2020-02-01'`);
  await store.record([watched(IN_NOVEMBER)]);
  await store.record([executionObservation({ createdAt: '2020-02-09T00:00:00.000000Z' })]);
  const { rows } = await owner.query('select state from audit_partition where month = $1', [FEBRUARY]);
  expect(rows).toEqual([{ state: 'live' }]);
  await requireOnce(stage, stored?.id ?? '', IN_NOVEMBER);
  expect(await differences(stage, FEBRUARY)).toEqual([]);
});
