import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ArchivePoint } from '../../src/archive/archive-context.ts';
import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { EXPIRE_POINTS } from '../../src/archive/archive-context.ts';
import { readChain } from '../../src/archive/manifest/verify-archive.ts';
import { ObjectHeldError } from '../../src/archive/store/object-store.ts';
import { createS3Store } from '../../src/archive/store/s3-store.ts';
import type { HoldScope } from '../../src/database/holds/holds.ts';
import { placeHold, releaseHold } from '../../src/database/holds/holds.ts';
import { approveDrop } from '../../src/database/months/month-states.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { useArchiveStage } from '../support/archive-stage.ts';
import { restoreSteps, rowsOfMonth, runRestore } from '../support/restore.ts';
import { recordExecutions } from '../support/retention.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const RULES = { hotDays: 90, dropGraceHours: 0, requireApproval: false };
const EXPIRING = { ...RULES, archiveDays: 365 };

const stage = useArchiveStage({ after: '2018-12-01', rows: 12 });

const run = (rules: ArchiveContext['rules'], given: Partial<ArchiveContext> = {}) =>
  stage.run({ rules, ...given });
const planned = async (rules: ArchiveContext['rules']) =>
  (await stage.steps({ rules }).plan()).find((candidate) => candidate.month === stage.month);
const REMOVED = () => [`${stage.name}: its archive was removed because of its age`];

test('without a limit an archive stays for ever', async () => {
  await run(RULES);
  expect(await run(RULES)).toEqual([]);
  expect(await planned(RULES)).toMatchObject({ action: 'gone' });
  expect(await stage.objects()).not.toEqual([]);
});

test('an archive older than its days is planned, removed, and named by a signed manifest', async () => {
  await run(RULES);
  const before = await stage.objects();
  expect(await planned(EXPIRING)).toMatchObject({
    action: 'expire',
    reason: 'in the archive for more than 365 days',
  });
  expect(await planned({ ...RULES, archiveDays: 36_500 })).toMatchObject({ action: 'gone' });
  expect(await run(EXPIRING)).toEqual(REMOVED());
  expect(await stage.objects()).toEqual([]);
  expect(await stage.state()).toBe('expired');
  const { manifests } = await readChain(stage.store, stage.trusted);
  expect(manifests.at(-1)?.manifest).toMatchObject({
    month: stage.month,
    sequence: 2,
    parts: [],
    removed: {
      by: 'retention',
      reason: 'older than 365 days',
      objects: before,
      rows: { workflow_execution_audit: 12, audit_ledger: 12 },
    },
  });
  expect(await stage.verify()).toMatchObject({ manifests: 2, parts: 0, faults: [] });
  expect((await planned(EXPIRING))?.reason).toMatch(/^its archive was removed on \d{4}-\d\d-\d\d because/);
  expect(await run(EXPIRING)).toEqual([]);
});

test('a month whose archive was removed cannot be restored, and the error says so', async () => {
  await run(RULES);
  await run(EXPIRING);
  const restoring = runRestore(restoreSteps(stage.setting), { month: stage.month, days: 7, by: 'auditor' });
  await expect(restoring).rejects.toThrow(/was removed because of its age/);
});

test('a record that comes after its month was removed is archived, and goes when it is its turn', async () => {
  await run(RULES);
  await run(EXPIRING);
  await recordExecutions(stage.database, stage.month, 1);
  expect(await stage.state()).toBe('live');
  expect(await run(RULES)).toEqual([`${stage.name}: dropped`]);
  const { manifests } = await readChain(stage.store, stage.trusted);
  expect(manifests.at(-1)?.manifest.rows).toEqual({ workflow_execution_audit: 1, audit_ledger: 1 });
  await runRestore(restoreSteps(stage.setting), { month: stage.month, days: 7, by: 'auditor' });
  expect((await rowsOfMonth(stage.database.owner, stage.month))['audit_ledger']).toHaveLength(1);
});

test('a second removal that was interrupted goes on, although the month has the time of the first', async () => {
  await run(RULES);
  await run(EXPIRING);
  await recordExecutions(stage.database, stage.month, 1);
  await run(RULES);
  const reached = (point: string): Promise<void> =>
    point === 'expired' ? Promise.reject(new Error('interrupted')) : Promise.resolve();
  await expect(run(EXPIRING, { reached })).rejects.toThrow('interrupted');
  expect(await run(EXPIRING)).toEqual(REMOVED());
  expect(await stage.objects()).toEqual([]);
});

const uidOfMonth = async (): Promise<string> => {
  const { rows } = await stage.database.owner.query<{ uid: string }>({
    text: 'select remediation_uid as uid from workflow_execution_audit where created_at >= $1 and created_at < $2 limit 1',
    values: [stage.month, addMonths(stage.month, 1)],
  });
  return rows[0]?.uid ?? '';
};

test.each<readonly [string, () => Promise<HoldScope>]>([
  [
    'a time',
    () => Promise.resolve({ from: `${stage.month}T00:00:00Z`, to: `${addMonths(stage.month, 1)}T00:00:00Z` }),
  ],
  ['a remediation', async () => ({ remediationUid: await uidOfMonth() })],
])('a hold on %s keeps the archive until it is released', async (_name, scopeOf) => {
  const scope = await scopeOf();
  await run(RULES);
  const before = await stage.objects();
  const { id } = await placeHold(stage.database.writer, scope, { by: 'auditor', reason: 'case 17' });
  expect(await run(EXPIRING)).toEqual([`${stage.name}: its archive is kept because of a hold`]);
  expect(await stage.objects()).toEqual(before);
  expect(await stage.state()).toBe('dropped');
  await releaseHold(stage.database.writer, id, 'auditor');
  expect(await run(EXPIRING)).toEqual(REMOVED());
});

test('a hold on something else keeps nothing', async () => {
  await run(RULES);
  const scope = { namespace: 'of-nobody' };
  const { id } = await placeHold(stage.database.writer, scope, { by: 'auditor', reason: 'case 18' });
  expect(await run(EXPIRING)).toEqual(REMOVED());
  await releaseHold(stage.database.writer, id, 'auditor');
});

test('a hold that is placed while its rows were searched wins', async () => {
  await run(RULES);
  let id = '';
  const placing = async (point: string): Promise<void> => {
    if (point !== 'examined') return;
    ({ id } = await placeHold(stage.database.writer, { namespace: 'any' }, { by: 'auditor', reason: 'now' }));
  };
  await expect(run(EXPIRING, { reached: placing })).rejects.toThrow(/is no longer dropped/);
  expect(await stage.objects()).not.toEqual([]);
  expect(await stage.state()).toBe('dropped');
  // Nothing says that it was removed.
  expect(await stage.verify()).toMatchObject({ manifests: 1, rows: 24, faults: [] });
  await releaseHold(stage.database.writer, id, 'auditor');
  expect(await run(EXPIRING)).toEqual(REMOVED());
});

test('an object that the store holds keeps all of the month', async () => {
  await run(RULES);
  const before = await stage.objects();
  const last = before.at(-1) ?? '';
  await stage.store.setLegalHold(last, true);
  await expect(run(EXPIRING)).rejects.toBeInstanceOf(ObjectHeldError);
  expect(await stage.objects()).toEqual(before);
  expect((await readChain(stage.store, stage.trusted)).manifests).toHaveLength(1);
  await stage.store.setLegalHold(last, false);
  expect(await run(EXPIRING)).toEqual(REMOVED());
});

test('where approval is required the consent to a drop is none to the removal of the archive', async () => {
  const careful = { ...EXPIRING, requireApproval: true };
  await run({ ...RULES, requireApproval: true });
  await approveDrop(stage.database.writer, stage.month, 'compliance');
  expect(await run({ ...RULES, requireApproval: true })).toEqual([`${stage.name}: dropped`]);
  expect(await planned(careful)).toMatchObject({ action: 'awaits-approval' });
  expect(await run(careful)).toEqual([]);
  expect(await approveDrop(stage.database.writer, stage.month, 'compliance')).toBe(false);
  expect(await approveDrop(stage.database.writer, stage.month, 'counsel', careful)).toBe(true);
  expect(await run(careful)).toEqual(REMOVED());
  const { manifests } = await readChain(stage.store, stage.trusted);
  expect(manifests.at(-1)?.manifest.removed?.by).toBe('retention, approved by counsel');
});

test.each(EXPIRE_POINTS)('broken off when it is %s, a removal is finished by the next run', async (point) => {
  await run(RULES);
  let left = 1;
  const breaking = (at: string): Promise<void> => {
    if (at !== point || left === 0) return Promise.resolve();
    left -= 1;
    return Promise.reject(new Error('broken off'));
  };
  await expect(run(EXPIRING, { reached: breaking })).rejects.toThrow('broken off');
  const done: ArchivePoint = 'removed';
  expect(await run(EXPIRING)).toEqual(point === done ? [] : REMOVED());
  expect(await stage.objects()).toEqual([]);
  expect(await stage.verify()).toMatchObject({ manifests: 2, faults: [] });
});

describe('in S3', () => {
  let s3: Versitygw;
  beforeAll(async () => {
    s3 = await startVersitygw();
  });
  afterAll(() => s3.stop());

  test('an archive under a lock stays, and says until when', async () => {
    const created = await s3.send({
      method: 'PUT',
      path: '/locked',
      headers: { 'x-amz-bucket-object-lock-enabled': 'true' },
    });
    expect(created.status).toBe(200);
    const { endpoint, region, accessKeyId, secretAccessKey } = s3;
    stage.store = createS3Store({
      ...{ bucket: 'locked', endpoint, region, pathStyle: true },
      credentials: { accessKeyId, secretAccessKey },
      lock: { mode: 'COMPLIANCE', days: 1 },
    });
    await run(RULES);
    const before = await stage.objects();
    await expect(run(EXPIRING)).rejects.toThrow(/is kept by a lock until \d{4}-/);
    expect(await stage.objects()).toEqual(before);
    expect(await stage.state()).toBe('dropped');
    expect(await stage.verify()).toMatchObject({ manifests: 1, faults: [] });
  });
});
