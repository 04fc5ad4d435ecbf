import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { inTheWay, recordStories, runPlugin, STUCK } from '../support/kubectl-plugin.ts';

/* The questions of whoever is on call, each answered by one command, on what the simulator's remediations leave in the database. */

let database: TestDatabase;
let api: FastifyInstance;
let server: string;
let names: Record<'approved' | 'failed' | 'skipped' | 'inconclusive' | 'deleted' | 'blocked', string>;

beforeAll(async () => {
  database = await createTestDatabase();
  api = createTestApi(database);
  server = await api.listen({ port: 0, host: '127.0.0.1' });
  const [approved = '', failed = '', skipped = '', inconclusive = '', deleted = '', blocked = ''] =
    await recordStories(database, [
      ['approval-granted', 20],
      ['execution-failed', 3],
      ['duplicate-remediated', 5],
      ['verification-inconclusive', 8],
      ['cancelled-by-deletion', 7],
      ['blocked-resource-busy', 9],
    ]);
  names = { approved, failed, skipped, inconclusive, deleted, blocked };
  await createRecordStore(database.writer).record([STUCK, ...(await inTheWay(database))]);
  await database.owner.query(
    `insert into watched_cluster (cluster, first_watched_at) values ('G3', '2026-08-01')`,
  );
});
afterAll(async () => {
  await api.close();
  await database.close();
});

async function answer(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runPlugin([...args, '--utc'], { REMEDIATION_AUDIT_SERVER: server });
  expect(code, stderr).toBe(0);
  return stdout;
}

test('what happened to this target in the last hour', async () => {
  // The stories are of one day; an hour of it is the same question as the last one.
  const hour = ['--since', '2026-09-01T08:30:00Z', '--until', '2026-09-01T09:30:00Z'];
  const found = await answer('list', '--target', 'orders/sts/orders', ...hour);
  expect(found).toMatch(
    /rr-\S+ +orders\/StatefulSet\/orders +KubePersistentVolumeFillingUp .*Completed +Remediated +13m7s/,
  );
  for (const line of found.trimEnd().split('\n').slice(1))
    expect(line).toContain('orders/StatefulSet/orders');
});

test('why was it skipped, and by which other', async () => {
  expect(await answer('why', names.skipped)).toMatch(
    /^blocked +DuplicateInProgress, duplicate of rr-\S+ \(no record of it was found\)/m,
  );
  expect(await answer('why', names.blocked)).toMatch(
    /^blocked +ResourceBusy, by execution we-rr-\S+ of remediation rr-in-the-way/m,
  );
});

test('who approved', async () => {
  expect(await answer('show', names.approved)).toMatch(
    /^decided +person, Approved, by dana@example.com \(self-reported, via kubectl\)/m,
  );
});

test('how long did each phase take', async () => {
  expect(await answer('show', names.approved)).toMatch(
    /^Analyzing +\S+Z +2m7s\nAwaitingApproval +\S+Z +2m8s\nExecuting +\S+Z +2m43s\nVerifying +\S+Z +6m7s\ntotal +13m7s$/m,
  );
});

test('did it help', async () => {
  expect(await answer('show', names.approved)).toMatch(/^verified +Full, health 1, alert 1, metrics 0.82$/m);
  expect(await answer('show', names.inconclusive)).toMatch(/^outcome +Completed, Inconclusive/m);
});

test('is anything missing', async () => {
  expect(await answer('show', names.approved)).toMatch(/^missing +nothing$/m);
  expect(await answer('show', names.deleted)).toMatch(/^missing +it was deleted before it ended/m);
  const gaps = await answer('gaps');
  expect(gaps).toMatch(/^G3 +unknown +2026-08-01T00:00:00Z/m);
});

test('what is stuck now', async () => {
  expect(await answer('list', '--open', '-A', '-o', 'name')).toBe('G3/kubernaut-system/rr-stuck\n');
  expect(await answer('list', '--open', '-A')).toMatch(
    /^2026-09-01T10:00:00Z +rr-stuck +checkout\/Deployment\/cart .*Executing/m,
  );
  expect(await answer('gaps')).toMatch(/overdue +– +kubernaut-system\/rr-stuck/);
});

test('which workflow fails most', async () => {
  const [header = '', first = ''] = (
    await answer('report', 'workflow-outcomes', '--since', '3650d', '-o', 'csv')
  ).split('\r\n');
  const most = Object.fromEntries(header.split(',').map((name, index) => [name, first.split(',')[index]]));
  expect(most).toMatchObject({ workflow_name: 'compact-and-expand-volume', failed: '1' });
});

test('what did the AI say', async () => {
  const said = await answer('why', names.approved);
  expect(said).toMatch(
    /^root cause +Growth is steady at 1.1Gi an hour; the storage class allows expansion\.$/m,
  );
  expect(said).toMatch(/^confidence +0.93$/m);
  expect(said).toMatch(/^recommended +compact-and-expand-volume$/m);
  expect(said).toMatch(/^alternative +\S+, confidence 0.41, Only notifies the owner/m);
});

test('what was deleted before it ended', async () => {
  const deleted = await answer('list', '--verdict', 'deleted-before-terminal', '-A', '-o', 'name');
  expect(deleted).toBe(`G3/kubernaut-system/${names.deleted}\n`);
});
