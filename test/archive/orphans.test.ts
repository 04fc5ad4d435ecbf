import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { OrphansInTheWayError } from '../../src/archive/archive-errors.ts';
import { ORPHAN_DAYS } from '../../src/archive/expiry/remove-orphans.ts';
import { ManifestError, manifestKey } from '../../src/archive/manifest/manifest.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { createS3Store } from '../../src/archive/store/s3-store.ts';
import { placeHold, releaseHold } from '../../src/database/holds/holds.ts';
import { withMaintenanceClient } from '../../src/database/maintenance.ts';
import { tryLockObjects } from '../../src/database/months/table-locks.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { useArchiveStage } from '../support/archive-stage.ts';
import { exportTables, recordExecutions } from '../support/retention.ts';
import { fileNowMs } from '../support/shifted-clock.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

const ROWS = 12;
/** Archives end, but not that of any month here. */
const RULES = { hotDays: 90, dropGraceHours: 0, requireApproval: false, archiveDays: 36_500 };

const stage = useArchiveStage({ after: '2015-12-01', rows: ROWS });
let s3: Versitygw;

beforeAll(async () => {
  s3 = await startVersitygw();
  const headers = { 'x-amz-bucket-object-lock-enabled': 'true' };
  expect((await s3.send({ method: 'PUT', path: '/locked', headers })).status).toBe(200);
});
afterAll(() => s3.stop());

function s3Store(): ObjectStore {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  return createS3Store({
    bucket: 'locked',
    prefix: stage.month,
    endpoint,
    region,
    pathStyle: true,
    credentials,
  });
}

/** As of so many days from now. */
async function removeOrphans(days = ORPHAN_DAYS + 1, rules: typeof RULES = RULES): Promise<string[]> {
  const removed: string[] = [];
  const steps = stage.steps({ rules, nowMs: () => fileNowMs() + days * DAY_MS });
  expect(await steps.removeOrphans((key) => removed.push(key))).toBe(removed.length);
  return removed.sort();
}

const exportRun = () => ({ month: stage.month, run: 'broken-off' });

async function exportAll(): Promise<void> {
  const steps = stage.steps();
  await steps.freeze(exportRun());
  await exportTables(steps, exportRun());
}

/** An export is broken off before its manifest, and rows come before the next one. */
async function leaveOrphans(): Promise<string[]> {
  await exportAll();
  const stored = await stage.objects();
  await recordExecutions(stage.database, stage.month, 1);
  expect(await stage.run()).toEqual([`${stage.name}: dropped`]);
  const { parts } = await stage.newestManifest();
  const named = new Set(parts.flatMap(({ key, rowHashes }) => [key, rowHashes.key]));
  const orphans = stored.filter((key) => !named.has(key));
  expect(orphans).not.toEqual([]);
  return orphans;
}

describe.each([
  ['a folder', () => stage.store],
  ['S3 with object lock', s3Store],
] as const)('in %s', (_name, create) => {
  beforeEach(() => {
    stage.store = create();
  });

  test('what a broken-off export left is listed by its name, is no fault, and is removed', async () => {
    const orphans = await leaveOrphans();
    const named = (await stage.objects()).filter((key) => !orphans.includes(key));
    expect(await stage.verify()).toMatchObject({ faults: [], rows: 2 * (ROWS + 1), orphans });
    expect(await removeOrphans()).toEqual(orphans);
    expect(await stage.objects()).toEqual(named);
    expect(await stage.verify()).toMatchObject({ faults: [], rows: 2 * (ROWS + 1), orphans: [] });
    expect(await removeOrphans()).toEqual([]);
  });

  test('an orphan that the store holds stays until it is let go', async () => {
    const orphans = await leaveOrphans();
    const [held = '', ...others] = orphans;
    await stage.store.setLegalHold(held, true);
    expect(await removeOrphans()).toEqual(others);
    await stage.store.setLegalHold(held, false);
    expect(await removeOrphans()).toEqual([held]);
  });
});

test('an orphan stays for some days, in case that its manifest is still to come', async () => {
  await leaveOrphans();
  expect(await removeOrphans(ORPHAN_DAYS - 1)).toEqual([]);
});

test('where archives have no end nothing is removed', async () => {
  await leaveOrphans();
  expect(await removeOrphans(ORPHAN_DAYS + 1, { ...RULES, archiveDays: 0 })).toEqual([]);
});

test('nothing of a month is removed before it is dropped', async () => {
  await exportAll();
  const objects = await stage.objects();
  expect(await stage.verify()).toMatchObject({ faults: [], orphans: objects });
  expect(await removeOrphans()).toEqual([]);
  expect(await stage.objects()).toEqual(objects);
});

test('what a superseded manifest names is no orphan', async () => {
  const steps = stage.steps();
  await steps.freeze(exportRun());
  await exportTables(steps, exportRun());
  await steps.seal(exportRun());
  await recordExecutions(stage.database, stage.month, 1);
  expect(await steps.detach(stage.month)).toBe('reopened');
  expect(await stage.run()).toEqual([`${stage.name}: dropped`]);
  const objects = await stage.objects();
  expect(objects.length).toBeGreaterThan(2 * (await stage.newestManifest()).parts.length);
  expect(await stage.verify()).toMatchObject({ manifests: 2, orphans: [] });
  expect(await removeOrphans()).toEqual([]);
  expect(await stage.objects()).toEqual(objects);
});

test('a hold that may touch the month keeps its orphans, also before the store knows of it', async () => {
  const orphans = await leaveOrphans();
  const placed = { by: 'auditor', reason: 'case 17' };
  const { id } = await placeHold(stage.database.writer, { namespace: 'any' }, placed);
  expect(await removeOrphans()).toEqual([]);
  await releaseHold(stage.database.writer, id, 'auditor');
  expect(await removeOrphans()).toEqual(orphans);
});

test('a hold placed in between keeps what is left', async () => {
  const orphans = await leaveOrphans();
  expect(orphans.length).toBeGreaterThan(1);
  const { store } = stage;
  let id = '';
  stage.store = {
    ...store,
    remove: async (key) => {
      await store.remove(key);
      const placed = { by: 'auditor', reason: 'case 18' };
      ({ id } = await placeHold(stage.database.writer, { namespace: 'any' }, placed));
    },
  };
  expect(await removeOrphans()).toHaveLength(1);
  await releaseHold(stage.database.writer, id, 'auditor');
});

test('with a chain that is not whole nobody knows what is named, and nothing is removed', async () => {
  await leaveOrphans();
  await recordExecutions(stage.database, stage.month, 1);
  await stage.run();
  const objects = await stage.objects();
  await rm(join(stage.archive, manifestKey(1)));
  await expect(removeOrphans()).rejects.toBeInstanceOf(ManifestError);
  expect(await stage.verify()).toMatchObject({ orphans: [] });
  expect(await stage.objects()).toEqual(objects);
});

test('orphans of a month are not removed while it is exported, and it is not exported while they are', async () => {
  await leaveOrphans();
  const maintenance = { connectionString: stage.database.url('audit_owner'), lockTimeoutMs: 500 };
  await withMaintenanceClient(maintenance, async (client) => {
    expect(await tryLockObjects(client, stage.month, 'shared')).toBe(true);
    expect(await removeOrphans()).toEqual([]);
  });
  await withMaintenanceClient(maintenance, async (client) => {
    expect(await tryLockObjects(client, stage.month, 'exclusive')).toBe(true);
    const [table = ''] = stage.steps().tables;
    await expect(stage.steps().exportTable(exportRun(), table)).rejects.toBeInstanceOf(OrphansInTheWayError);
  });
});
