import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { ArchiveMismatchError, CannotRestoreError } from '../../src/archive/archive-errors.ts';
import type { Manifest } from '../../src/archive/manifest/manifest.ts';
import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { ARCHIVED_TABLES } from '../../src/archive/parquet/archive-schema.ts';
import { placeHold, releaseHold } from '../../src/database/holds/holds.ts';
import { partitionsOf } from '../../src/database/months/month-detach.ts';
import { selectMonth } from '../../src/database/months/month-states.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { insertAwkwardRows } from '../support/archive-rows.ts';
import { useArchiveStage } from '../support/archive-stage.ts';
import { createTestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';
import { restoreSteps, rowsOfMonth, runRestore } from '../support/restore.ts';
import { recordExecutions, WITHOUT_LEDGER } from '../support/retention.ts';

const random = seededRandom(chooseSeed());

const stage = useArchiveStage({ after: '2019-12-01' });

const retain = (nowMs = Date.now(), given: Partial<ArchiveContext> = {}) =>
  stage.run({ nowMs: () => nowMs, ...given });
const restore = (given: Partial<ArchiveContext> = {}, days = 7) =>
  runRestore(restoreSteps(stage.setting, given), { month: stage.month, days, by: 'auditor' });
const afterDays = (days: number): number => Date.now() + days * DAY_MS;

async function staged(): Promise<string[]> {
  const { rows } = await stage.database.owner.query<{ name: string }>(
    "select relname as name from pg_class where relname like 'restoring%' and relkind = 'r'",
  );
  return rows.map(({ name }) => name);
}

test('every row of every table comes back as it was, to the microsecond and the last digit', async () => {
  await createMonth(stage.database.owner, stage.month);
  for (const { table } of ARCHIVED_TABLES)
    await insertAwkwardRows(stage.database.owner, table, { month: stage.month, rows: 25, random });
  const before = await rowsOfMonth(stage.database.owner, stage.month);
  expect(await retain(undefined, WITHOUT_LEDGER)).toEqual([`${stage.name}: dropped`]);
  expect(Object.values(await rowsOfMonth(stage.database.owner, stage.month)).flat()).toEqual([]);
  const until = await restore();
  expect(await rowsOfMonth(stage.database.owner, stage.month)).toEqual(before);
  expect(Object.keys(before).sort()).toEqual(ARCHIVED_TABLES.map(({ table }) => table).sort());
  expect(await stage.places()).toEqual(['attached']);
  const { rows } = await stage.database.owner.query<{ state: string; who: string; until: string }>({
    text: 'select state, restored_by as who, restored_until::text as until from audit_partition where month = $1',
    values: [stage.month],
  });
  expect(rows).toMatchObject([{ state: 'restored', who: 'auditor' }]);
  expect(Date.parse(rows[0]?.until ?? '')).toBe(Date.parse(until));
  expect(await staged()).toEqual([]);
});

test('a restored month has the indexes, the trigger and no constraint beyond those of any other', async () => {
  await recordExecutions(stage.database, stage.month, 3);
  const shape = async () => {
    const { rows } = await stage.database.owner.query<{ what: string }>({
      text: `
        select class.relname || ': ' || substring(pg_get_indexdef(index.indexrelid) from 'USING.*') as what
        from pg_class as class join pg_index as index on index.indrelid = class.oid
        where class.relname = any($1::text[])
        union all
        select class.relname || ': ' || pg_get_constraintdef(constr.oid)
        from pg_class as class join pg_constraint as constr on constr.conrelid = class.oid
        where class.relname = any($1::text[])
        union all
        select class.relname || ': ' || tgname from pg_trigger join pg_class as class on class.oid = tgrelid
        where class.relname = any($1::text[])
        order by 1`,
      values: [(await partitionsOf(stage.database.owner, stage.month)).map(({ relation }) => relation)],
    });
    return rows.map(({ what }) => what);
  };
  const before = await shape();
  await retain();
  await restore();
  expect(await shape()).toEqual(before);
  const id = (await rowsOfMonth(stage.database.owner, stage.month))['audit_ledger']?.length;
  expect(id).toBe(3);
  await expect(
    stage.database.owner.query({
      text: 'delete from audit_ledger where created_at >= $1',
      values: [stage.month],
    }),
  ).rejects.toThrow(/append-only/);
});

test('a restored month is left alone until its time is over, and is then dropped without a new export', async () => {
  await recordExecutions(stage.database, stage.month, 25);
  await retain();
  const before = await stage.newestManifest();
  await restore({}, 7);
  expect(await retain(afterDays(6))).toEqual([]);
  expect(await stage.state()).toBe('restored');
  expect(await retain(afterDays(8))).toEqual([`${stage.name}: dropped`]);
  expect(await stage.newestManifest()).toEqual(before);
  expect(await stage.places()).toEqual(['absent']);
  // And once more: what was dropped can be restored again.
  await restore();
  expect(await stage.state()).toBe('restored');
});

test('a restored month whose archive was damaged meanwhile stays', async () => {
  await recordExecutions(stage.database, stage.month, 4);
  await retain();
  await restore();
  const [part] = (await stage.newestManifest()).parts;
  await rm(join(stage.archive, part?.key ?? ''));
  await expect(retain(afterDays(8))).rejects.toBeInstanceOf(ArchiveMismatchError);
  expect(await stage.places()).toEqual(['attached']);
  expect(await stage.state()).toBe('restored');
});

test('a hold keeps a restored month beyond its time', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  await retain();
  await restore();
  const scope = { from: `${stage.month}T00:00:00Z`, to: `${addMonths(stage.month, 1)}T00:00:00Z` };
  const hold = await placeHold(stage.database.writer, scope, { by: 'auditor', reason: 'case 17' });
  expect(await retain(afterDays(8))).toEqual([]);
  const planned = await stage.steps({ nowMs: () => afterDays(8) }).plan();
  expect(planned.find((candidate) => candidate.month === stage.month)).toMatchObject({ action: 'held' });
  expect(await stage.places()).toEqual(['attached']);
  await releaseHold(stage.database.writer, hold.id, 'auditor');
  expect(await retain(afterDays(8))).toEqual([`${stage.name}: dropped`]);
});

test('a record that comes for a restored month is archived with it when the time is over', async () => {
  await recordExecutions(stage.database, stage.month, 4);
  await retain();
  await restore();
  await recordExecutions(stage.database, stage.month, 1);
  const before = await rowsOfMonth(stage.database.owner, stage.month);
  // Found out when it is detached; the next run archives all of it anew.
  expect(await retain(afterDays(8))).toEqual([`${stage.name}: re-opened by rows that came meanwhile`]);
  expect(await stage.state()).toBe('live');
  expect(await retain(afterDays(8))).toEqual([`${stage.name}: dropped`]);
  expect((await stage.newestManifest()).rows).toEqual({ workflow_execution_audit: 5, audit_ledger: 5 });
  await restore();
  expect(await rowsOfMonth(stage.database.owner, stage.month)).toEqual(before);
});

/** A record of which one observation is archived and one comes later. */
const parted = (createdAt: string, sourceVersion: string, columns: Record<string, string>) =>
  executionObservation({
    key: `parted-${createdAt}`,
    createdAt,
    sourceVersion,
    columns: { remediation_id: 'parted', ...columns },
  });

/** The month as it would be, had it never been archived. */
async function partedMonth(retainBetween: boolean): Promise<Record<string, string[]>> {
  const createdAt = `${stage.month.slice(0, 8)}03T04:05:06.700000Z`;
  const records = createRecordStore(stage.database.writer);
  await records.record([
    parted(createdAt, '7', { phase: 'Running', started_at: `${stage.month.slice(0, 8)}03T04:05:07.120000Z` }),
  ]);
  await recordExecutions(stage.database, stage.month, 3);
  const before = await rowsOfMonth(stage.database.owner, stage.month);
  await retain();
  await records.record([parted(createdAt, '3', { phase: 'Pending', workflow_id: 'late' })]);
  await recordExecutions(stage.database, stage.month, 1);
  if (retainBetween) await retain();
  return before;
}

test.each([
  ['archived as a further part', true],
  ['still in the database', false],
])('a record parted by the archive is one row again, its late observation %s', async (_name, between) => {
  const before = await partedMonth(between);
  await restore();
  const { rows } = await stage.database.owner.query<Record<string, unknown>>({
    text: `select phase, workflow_id, started_at::text as started_at, revision, source_version::text as version
      from workflow_execution_audit where remediation_id = 'parted' and created_at >= $1 and created_at < $2`,
    values: [stage.month, addMonths(stage.month, 1)],
  });
  expect(rows).toEqual([
    {
      phase: 'Running',
      workflow_id: 'late',
      started_at: `${stage.month.slice(0, 8)}03 04:05:07.12+00`,
      revision: 2,
      version: '7',
    },
  ]);
  const after = await rowsOfMonth(stage.database.owner, stage.month);
  expect(after['workflow_execution_audit']).toHaveLength(5);
  expect(after['audit_ledger']).toHaveLength(6);
  expect(after['audit_ledger']).toEqual(expect.arrayContaining(before['audit_ledger'] ?? []));
  expect(await stage.state()).toBe('restored');
  expect(await staged()).toEqual([]);
  // It is whole now, so its archive becomes one export again and nothing is in it twice.
  await retain(afterDays(8));
  await retain(afterDays(8));
  expect((await stage.newestManifest()).rows).toEqual({ workflow_execution_audit: 5, audit_ledger: 6 });
  await restore();
  expect(await rowsOfMonth(stage.database.owner, stage.month)).toEqual(after);
});

test('a record that comes while its month is being restored is not lost', async () => {
  await recordExecutions(stage.database, stage.month, 3);
  await retain();
  let late = 1;
  await restore({
    reached: async (point) => {
      if (point === 'staged' && late > 0) {
        late -= 1;
        await recordExecutions(stage.database, stage.month, 1);
      }
    },
  });
  const rows = await rowsOfMonth(stage.database.owner, stage.month);
  expect(rows['workflow_execution_audit']).toHaveLength(4);
  expect(rows['audit_ledger']).toHaveLength(4);
  expect(await stage.state()).toBe('restored');
});

test('restoring a restored month only moves the end of its time', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  await retain();
  const first = await restore({}, 7);
  expect(Date.parse(await restore({}, 30))).toBeGreaterThan(Date.parse(first) + 20 * DAY_MS);
  const longest = (await selectMonth(stage.database.owner, stage.month))?.restoredUntil;
  expect(await restore({}, 1)).toBe(longest);
  expect((await rowsOfMonth(stage.database.owner, stage.month))['audit_ledger']).toHaveLength(2);
});

test('a month that is detached and not yet dropped is attached again as it is', async () => {
  await recordExecutions(stage.database, stage.month, 4);
  const before = await rowsOfMonth(stage.database.owner, stage.month);
  const rules = { hotDays: 90, dropGraceHours: 24, requireApproval: false };
  await retain();
  await restore();
  const release = stage.steps({ nowMs: () => afterDays(8), rules });
  await release.detach(stage.month);
  expect(await stage.places()).toEqual(['detached']);
  await restore();
  expect(await rowsOfMonth(stage.database.owner, stage.month)).toEqual(before);
  expect(await stage.state()).toBe('restored');
});

test('what is in the database, or nowhere, cannot be restored, and the error says so', async () => {
  const nowhere = restore();
  await expect(nowhere).rejects.toBeInstanceOf(CannotRestoreError);
  await expect(nowhere).rejects.toThrow(/neither the database nor file:.+ has it/);
  await recordExecutions(stage.database, stage.month, 1);
  await expect(restore()).rejects.toThrow(/cannot be restored: all of it is in the database/);
});

test('a database that never had the month gets it from the archive, with the homes of its records', async () => {
  await recordExecutions(stage.database, stage.month, 5);
  const before = await rowsOfMonth(stage.database.owner, stage.month);
  await retain();
  const other = await createTestDatabase();
  try {
    const theirs = { ...stage.setting, ownerUrl: other.url('audit_owner') };
    await runRestore(restoreSteps(theirs), { month: stage.month, days: 7, by: 'auditor' });
    expect(await rowsOfMonth(other.owner, stage.month)).toEqual(before);
    const { rows } = await other.owner.query('select from record_home');
    expect(rows).toHaveLength(5);
  } finally {
    await other.close();
  }
});

/** Each must be found before anything is attached. */
const DAMAGE: readonly (readonly [string, (manifest: Manifest) => Promise<void>, RegExp])[] = [
  [
    'a part with other bytes',
    async ({ parts: [part] }) => {
      const path = join(stage.archive, part?.key ?? '');
      await chmod(path, 0o644);
      const bytes = await readFile(path);
      const at = Math.floor(bytes.length / 10);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      await writeFile(path, bytes);
    },
    /part-\w+\.parquet/,
  ],
  [
    'a part that is gone',
    async ({ parts: [part] }) => {
      await rm(join(stage.archive, part?.key ?? ''));
    },
    /is missing/,
  ],
  [
    'a manifest that was changed',
    async ({ sequence }) => {
      const path = join(stage.archive, `manifests/${String(sequence).padStart(8, '0')}.json`);
      await chmod(path, 0o644);
      await writeFile(path, (await readFile(path, 'utf8')).replace('"rows":4', '"rows":3'));
    },
    /its signature is wrong/,
  ],
];

test.each(DAMAGE)('%s is found, and nothing is attached', async (_name, damage, fault) => {
  await recordExecutions(stage.database, stage.month, 4);
  await retain();
  await damage(await stage.newestManifest());
  await expect(restore()).rejects.toThrow(fault);
  expect(await stage.places()).toEqual(['absent']);
  expect(await stage.state()).toBe('dropped');
  expect((await stage.verify()).faults).not.toEqual([]);
});

test('a manifest that somebody else signed is not believed', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  await retain();
  const stranger = await readOrCreateSigningKey(stage.folder.file('stranger.pem'));
  await expect(restore({ trusted: new Map([[stranger.keyId, stranger.publicKey]]) })).rejects.toThrow(
    /which is not trusted/,
  );
  expect(await stage.places()).toEqual(['absent']);
});

test('of two restores at once the second gets an error that asks to wait', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  await retain();
  let second: unknown;
  await restore({
    reached: async (point) => {
      if (point === 'checked') second ??= await restore().catch((error: unknown) => error);
    },
  });
  expect(String(second)).toMatch(/is being restored by another process/);
  expect((await rowsOfMonth(stage.database.owner, stage.month))['audit_ledger']).toHaveLength(2);
});
