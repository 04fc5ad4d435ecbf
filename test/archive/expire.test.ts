import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { ExpirePoint } from '../../src/archive/expire-month.ts';
import { EXPIRE_POINTS } from '../../src/archive/expire-month.ts';
import { createFolderStore } from '../../src/archive/folder-store.ts';
import type { ObjectStore } from '../../src/archive/object-store.ts';
import { ObjectHeldError } from '../../src/archive/object-store.ts';
import type { RetentionDependencies } from '../../src/archive/retention-steps.ts';
import { createS3Store } from '../../src/archive/s3-store.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/signing-key.ts';
import { readChain, verifyArchive } from '../../src/archive/verify-archive.ts';
import type { HoldScope } from '../../src/database/holds.ts';
import { placeHold, releaseHold } from '../../src/database/holds.ts';
import { approveDrop, selectMonth } from '../../src/database/month-states.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { restoreSteps, rowsOfMonth, runRestore } from '../support/restore.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const RULES = { hotDays: 90, dropGraceHours: 0, requireApproval: false };
const EXPIRING = { ...RULES, archiveDays: 365 };

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let month = '2018-12-01';
let store: ObjectStore;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});
beforeEach(async () => {
  month = addMonths(month, 1);
  store = createFolderStore(folder.file(`archive-${month}`));
  await recordExecutions(database, month, 12);
});

const setting = () => ({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path });
const run = (rules: RetentionDependencies['rules'], given: Partial<RetentionDependencies> = {}) =>
  runRetention(retentionSteps(setting(), { rules, ...given }), month);
const planned = async (rules: RetentionDependencies['rules']) =>
  (await retentionSteps(setting(), { rules }).plan()).find((candidate) => candidate.month === month);
const trusted = () => new Map([[key.keyId, key.publicKey]]);
const verify = () => verifyArchive({ store, trusted: trusted(), workFolder: folder.path });
const objects = async () => [...(await store.list('table=')), ...(await store.list('row-hashes/'))].sort();
const stateOf = async () => (await selectMonth(database.owner, month))?.state;
const REMOVED = () => [`${month.slice(0, 7)}: its archive was removed because of its age`];

test('without a limit an archive stays for ever', async () => {
  await run(RULES);
  expect(await run(RULES)).toEqual([]);
  expect(await planned(RULES)).toMatchObject({ action: 'gone' });
  expect(await objects()).not.toEqual([]);
});

test('an archive older than its days is planned, removed, and told of by a signed manifest', async () => {
  await run(RULES);
  const before = await objects();
  expect(await planned(EXPIRING)).toMatchObject({
    action: 'expire',
    reason: 'in the archive for more than 365 days',
  });
  expect(await planned({ ...RULES, archiveDays: 36_500 })).toMatchObject({ action: 'gone' });
  expect(await run(EXPIRING)).toEqual(REMOVED());
  expect(await objects()).toEqual([]);
  expect(await stateOf()).toBe('expired');
  const { manifests } = await readChain(store, trusted());
  expect(manifests.at(-1)?.manifest).toMatchObject({
    month,
    sequence: 2,
    parts: [],
    removed: {
      by: 'retention',
      reason: 'older than 365 days',
      objects: before,
      rows: { workflow_execution_audit: 12, audit_ledger: 12 },
    },
  });
  expect(await verify()).toMatchObject({ manifests: 2, parts: 0, faults: [] });
  expect((await planned(EXPIRING))?.reason).toMatch(/^its archive was removed on \d{4}-\d\d-\d\d because/);
  expect(await run(EXPIRING)).toEqual([]);
});

test('a month whose archive was removed cannot be restored, and is told so', async () => {
  await run(RULES);
  await run(EXPIRING);
  const restoring = runRestore(restoreSteps(setting()), { month, days: 7, by: 'auditor' });
  await expect(restoring).rejects.toThrow(/was removed because of its age/);
});

test('a record that comes after its month was removed is archived, and goes when it is its turn', async () => {
  await run(RULES);
  await run(EXPIRING);
  await recordExecutions(database, month, 1);
  expect(await stateOf()).toBe('live');
  expect(await run(RULES)).toEqual([`${month.slice(0, 7)}: dropped`]);
  const { manifests } = await readChain(store, trusted());
  expect(manifests.at(-1)?.manifest.rows).toEqual({ workflow_execution_audit: 1, audit_ledger: 1 });
  await runRestore(restoreSteps(setting()), { month, days: 7, by: 'auditor' });
  expect((await rowsOfMonth(database.owner, month))['audit_ledger']).toHaveLength(1);
});

const uidOfMonth = async (): Promise<string> => {
  const { rows } = await database.owner.query<{ uid: string }>({
    text: 'select remediation_uid as uid from workflow_execution_audit where created_at >= $1 and created_at < $2 limit 1',
    values: [month, addMonths(month, 1)],
  });
  return rows[0]?.uid ?? '';
};

test.each<readonly [string, () => Promise<HoldScope>]>([
  ['a time', () => Promise.resolve({ from: `${month}T00:00:00Z`, to: `${addMonths(month, 1)}T00:00:00Z` })],
  ['a remediation', async () => ({ remediationUid: await uidOfMonth() })],
])('a hold on %s keeps the archive until it is released', async (_name, scopeOf) => {
  const scope = await scopeOf();
  await run(RULES);
  const before = await objects();
  const { id } = await placeHold(database.writer, scope, { by: 'auditor', reason: 'case 17' });
  expect(await run(EXPIRING)).toEqual([`${month.slice(0, 7)}: its archive is kept because of a hold`]);
  expect(await objects()).toEqual(before);
  expect(await stateOf()).toBe('dropped');
  await releaseHold(database.writer, id, 'auditor');
  expect(await run(EXPIRING)).toEqual(REMOVED());
});

test('a hold on something else keeps nothing', async () => {
  await run(RULES);
  const scope = { namespace: 'of-nobody' };
  const { id } = await placeHold(database.writer, scope, { by: 'auditor', reason: 'case 18' });
  expect(await run(EXPIRING)).toEqual(REMOVED());
  await releaseHold(database.writer, id, 'auditor');
});

test('a hold that is placed while its rows were searched wins', async () => {
  await run(RULES);
  let id = '';
  const placing = async (point: string): Promise<void> => {
    if (point !== 'examined') return;
    ({ id } = await placeHold(database.writer, { namespace: 'any' }, { by: 'auditor', reason: 'now' }));
  };
  await expect(run(EXPIRING, { reached: placing })).rejects.toThrow(/is no longer dropped/);
  expect(await objects()).not.toEqual([]);
  expect(await stateOf()).toBe('dropped');
  // Nothing says that it was removed.
  expect(await verify()).toMatchObject({ manifests: 1, rows: 24, faults: [] });
  await releaseHold(database.writer, id, 'auditor');
  expect(await run(EXPIRING)).toEqual(REMOVED());
});

test('an object that the store holds keeps all of the month', async () => {
  await run(RULES);
  const before = await objects();
  const last = before.at(-1) ?? '';
  await store.setLegalHold(last, true);
  await expect(run(EXPIRING)).rejects.toBeInstanceOf(ObjectHeldError);
  expect(await objects()).toEqual(before);
  expect((await readChain(store, trusted())).manifests).toHaveLength(1);
  await store.setLegalHold(last, false);
  expect(await run(EXPIRING)).toEqual(REMOVED());
});

test('where approval is required the consent to a drop is none to the removal of the archive', async () => {
  const careful = { ...EXPIRING, requireApproval: true };
  await approveDrop(database.writer, month, 'compliance');
  expect(await run({ ...RULES, requireApproval: true })).toEqual([`${month.slice(0, 7)}: dropped`]);
  expect(await planned(careful)).toMatchObject({ action: 'awaits-approval' });
  expect(await run(careful)).toEqual([]);
  expect(await approveDrop(database.writer, month, 'compliance')).toBe(false);
  expect(await approveDrop(database.writer, month, 'counsel', careful)).toBe(true);
  expect(await run(careful)).toEqual(REMOVED());
  const { manifests } = await readChain(store, trusted());
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
  const done: ExpirePoint = 'removed';
  expect(await run(EXPIRING)).toEqual(point === done ? [] : REMOVED());
  expect(await objects()).toEqual([]);
  expect(await verify()).toMatchObject({ manifests: 2, faults: [] });
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
    store = createS3Store({
      ...{ bucket: 'locked', endpoint, region, pathStyle: true },
      credentials: { accessKeyId, secretAccessKey },
      lock: { mode: 'COMPLIANCE', days: 1 },
    });
    await run(RULES);
    const before = await objects();
    await expect(run(EXPIRING)).rejects.toThrow(/is kept by a lock until \d{4}-/);
    expect(await objects()).toEqual(before);
    expect(await stateOf()).toBe('dropped');
    expect(await verify()).toMatchObject({ manifests: 1, faults: [] });
  });
});
