import { chmod, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createFolderStore } from '../../src/archive/folder-store.ts';
import type { Manifest, ManifestPart } from '../../src/archive/manifest.ts';
import { ManifestError } from '../../src/archive/manifest.ts';
import type { ObjectStore } from '../../src/archive/object-store.ts';
import { ObjectMissingError } from '../../src/archive/object-store.ts';
import type { RetentionDependencies, RetentionSteps } from '../../src/archive/retention-steps.ts';
import { ArchiveMismatchError } from '../../src/archive/retention-errors.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/signing-key.ts';
import { readChain } from '../../src/archive/verify-archive.ts';
import { verifyArchive } from '../../src/archive/verify-archive.ts';
import { placeHold, releaseHold } from '../../src/database/holds.ts';
import { partitionsOf } from '../../src/database/month-detach.ts';
import { approveDrop, selectMonth } from '../../src/database/month-states.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let month = '2019-12-01';
let archive: string;
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
beforeEach(() => {
  // A month and an archive of its own for each test.
  month = addMonths(month, 1);
  archive = folder.file(`archive-${month}`);
  store = createFolderStore(archive);
});

const trusted = () => new Map([[key.keyId, key.publicKey]]);
const steps = (given: Partial<RetentionDependencies> = {}): RetentionSteps =>
  retentionSteps({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path }, given);
const run = (given: RetentionSteps = steps()) => runRetention(given, month);
const verify = () => verifyArchive({ store, trusted: trusted(), workFolder: folder.path });
const stateOf = async () => (await selectMonth(database.owner, month))?.state;
const places = async () => [
  ...new Set((await partitionsOf(database.owner, month)).map(({ place }) => place)),
];

async function newestManifest(): Promise<Manifest> {
  const manifest = (await readChain(store, trusted())).manifests.at(-1)?.manifest;
  if (manifest === undefined) throw new Error('no manifest');
  return manifest;
}

async function aPart(): Promise<ManifestPart & { path: string }> {
  const part = (await newestManifest()).parts.find(({ table }) => table === 'workflow_execution_audit');
  if (part === undefined) throw new Error('no part');
  const path = join(archive, part.key);
  await chmod(path, 0o644);
  return { ...part, path };
}

/** Archived and detached, but still within its grace. */
async function archiveWithGrace(): Promise<void> {
  const inGrace = steps({ rules: { hotDays: 90, dropGraceHours: 24, requireApproval: false } });
  for (const due of (await inGrace.plan()).filter((planned) => planned.month === month)) {
    expect(due.action).toBe('archive');
    await inGrace.freeze(month);
    const parts = [];
    for (const table of inGrace.tables) parts.push(...(await inGrace.exportTable(month, table)));
    await inGrace.verify(month, parts);
    await inGrace.seal(month, parts);
    expect(await inGrace.detach(month)).toBe('detached');
  }
}

test('a month that is due is archived, verified and dropped, and every row is in the archive', async () => {
  await recordExecutions(database, month, 25);
  expect(await run()).toEqual([`${month.slice(0, 7)}: dropped`]);
  expect(await places()).toEqual(['absent']);
  expect(await stateOf()).toBe('dropped');
  const manifest = await newestManifest();
  expect(manifest.rows).toEqual({ workflow_execution_audit: 25, audit_ledger: 25 });
  expect(manifest.parts.map(({ rows }) => rows)).toEqual([10, 10, 5, 10, 10, 5]);
  expect(await verify()).toMatchObject({ manifests: 1, months: 1, parts: 6, rows: 50, faults: [] });
});

test('a month within the hot days is left alone', async () => {
  const recent = addMonths(new Date().toISOString().slice(0, 8) + '01', -1);
  await recordExecutions(database, recent, 1);
  const planned = (await steps().plan()).find((candidate) => candidate.month === recent);
  expect(planned).toMatchObject({ action: 'keep', state: 'live' });
  expect(planned?.reason).toMatch(/^hot until \d{4}-/);
});

test('a month is detached for its grace before it is dropped', async () => {
  await recordExecutions(database, month, 3);
  await archiveWithGrace();
  expect(await stateOf()).toBe('detached');
  expect(await places()).toEqual(['detached']);
  const rules = { hotDays: 90, dropGraceHours: 24, requireApproval: false };
  const planned = (await steps({ rules }).plan()).find((candidate) => candidate.month === month);
  expect(planned?.action).toBe('in-grace');
  const later = steps({ rules, nowMs: () => Date.now() + 25 * 3_600_000 });
  expect(await run(later)).toContain(`${month.slice(0, 7)}: dropped`);
});

test('rows that come between export and detach are archived too', async () => {
  await recordExecutions(database, month, 5);
  let came = false;
  const report = await run(
    steps({
      reached: async (point) => {
        if (point !== 'manifest-written' || came) return;
        came = true;
        await recordExecutions(database, month, 2);
      },
    }),
  );
  expect(report).toEqual([`${month.slice(0, 7)}: dropped`]);
  expect((await newestManifest()).rows).toMatchObject({ workflow_execution_audit: 7 });
  expect((await verify()).faults).toEqual([]);
});

test('a record that comes again while its month is detached brings all of it back, and it is archived anew', async () => {
  await recordExecutions(database, month, 5);
  let came = false;
  const report = await run(
    steps({
      reached: async (point) => {
        if (point !== 'compared' || came) return;
        came = true;
        // Nothing new is written, and yet its month had to be there for it.
        await database.writer.query({ text: 'select audit_create_month($1::date)', values: [month] });
        expect(await stateOf()).toBe('live');
      },
    }),
  );
  expect(came).toBe(true);
  expect(report).toEqual([`${month.slice(0, 7)}: dropped`]);
  expect((await newestManifest()).rows).toMatchObject({ workflow_execution_audit: 5 });
  expect((await verify()).faults).toEqual([]);
});

test('a late row of a dropped month re-opens it, and its supplement becomes a further part', async () => {
  await recordExecutions(database, month, 4);
  await run();
  await recordExecutions(database, month, 1);
  expect(await stateOf()).toBe('live');
  expect(await run()).toEqual([`${month.slice(0, 7)}: dropped`]);
  const manifest = await newestManifest();
  expect(manifest.rows).toEqual({ workflow_execution_audit: 5, audit_ledger: 5 });
  expect(manifest).toMatchObject({ sequence: 2, previous: { key: 'manifests/00000001.json' } });
  expect(await verify()).toMatchObject({ manifests: 2, months: 1, rows: 10, faults: [] });
});

test('a late row of a detached month brings all of it back, and it is archived anew', async () => {
  await recordExecutions(database, month, 4);
  await archiveWithGrace();
  await recordExecutions(database, month, 1);
  expect(await stateOf()).toBe('live');
  await run();
  expect((await newestManifest()).rows).toEqual({ workflow_execution_audit: 5, audit_ledger: 5 });
});

test('a hold keeps its month until it is released', async () => {
  await recordExecutions(database, month, 2);
  const hold = await placeHold(
    database.writer,
    { from: `${month}T00:00:00Z`, to: `${addMonths(month, 1)}T00:00:00Z` },
    { by: 'auditor', reason: 'case 17' },
  );
  expect(await run()).toEqual([]);
  const planned = (await steps().plan()).find((candidate) => candidate.month === month);
  expect(planned).toMatchObject({ action: 'held' });
  expect(planned?.reason).toContain('by auditor: case 17');
  expect(await places()).toEqual(['attached']);
  await releaseHold(database.writer, hold.id, 'auditor');
  expect(await run()).toEqual([`${month.slice(0, 7)}: dropped`]);
});

test('a hold that is placed just before the drop wins, and brings the month back', async () => {
  await recordExecutions(database, month, 2);
  const { rows } = await database.owner.query<{ uid: string }>(
    'select remediation_uid as uid from workflow_execution_audit where created_at >= $1 limit 1',
    [month],
  );
  const [held] = rows;
  if (held === undefined) throw new Error('no row');
  let id = '';
  const report = await run(
    steps({
      reached: async (point) => {
        if (point !== 'verified-again') return;
        const scope = { remediationUid: held.uid };
        ({ id } = await placeHold(database.writer, scope, { by: 'auditor', reason: 'now' }));
      },
    }),
  );
  expect(report).toEqual([`${month.slice(0, 7)}: kept and attached again because of a hold`]);
  expect(await places()).toEqual(['attached']);
  await releaseHold(database.writer, id, 'auditor');
});

test('with approval required a month is archived, and dropped only after somebody approved', async () => {
  await recordExecutions(database, month, 2);
  const careful = () => steps({ rules: { hotDays: 90, dropGraceHours: 0, requireApproval: true } });
  expect(await run(careful())).toContain(`${month.slice(0, 7)}: archived; the drop awaits approval`);
  expect(await places()).toEqual(['attached']);
  expect((await careful().plan()).find((planned) => planned.month === month)?.action).toBe('awaits-approval');
  expect(await approveDrop(database.writer, month, 'compliance')).toBe(true);
  expect(await run(careful())).toContain(`${month.slice(0, 7)}: dropped`);
  expect((await selectMonth(database.owner, month))?.approvedBy).toBe('compliance');
});

/** Damage done to the archive of a month that waits to be dropped. */
const DAMAGE: readonly (readonly [string, () => Promise<void>, RegExp])[] = [
  [
    'a flipped bit in a part',
    async () => {
      const { path, sizeBytes } = await aPart();
      const file = await open(path, 'r+');
      const byte = Buffer.alloc(1);
      // Among the pages of the first columns: a small file is mostly footer, and damage there is another case.
      const position = Math.floor(sizeBytes / 10);
      await file.read(byte, 0, 1, position);
      await file.write(Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, position);
      await file.close();
    },
    /part-\w+\.parquet(, row group 0.*|: has SHA-256)/,
  ],
  [
    'a truncated part',
    async () => {
      const { path, sizeBytes } = await aPart();
      await truncate(path, sizeBytes - 100);
    },
    /its footer cannot be read/,
  ],
  [
    'a part swapped for another one',
    async () => {
      const { path, key: own } = await aPart();
      const other = (await newestManifest()).parts.find(
        ({ key: name }) => name !== own && /workflow_e/.test(name),
      );
      await writeFile(path, await readFile(join(archive, other?.key ?? '')));
    },
    /row group 0, row 0: is not the row that was written/,
  ],
  [
    'a part that is gone',
    async () => {
      await rm((await aPart()).path);
    },
    /is missing/,
  ],
];

test.each(DAMAGE)('%s stops the drop and is named', async (_name, damage, fault) => {
  await recordExecutions(database, month, 25);
  await archiveWithGrace();
  await damage();
  const dropping = steps().drop(month);
  await expect(dropping).rejects.toBeInstanceOf(ArchiveMismatchError);
  await expect(dropping).rejects.toThrow(fault);
  expect(await places()).toEqual(['detached']);
  const { faults } = await verify();
  expect(faults).toHaveLength(1);
});

test('a manifest whose signature is wrong stops the drop', async () => {
  await recordExecutions(database, month, 2);
  await archiveWithGrace();
  const path = join(archive, 'manifests/00000001.json');
  await chmod(path, 0o644);
  await writeFile(path, (await readFile(path, 'utf8')).replace('"rows":2', '"rows":3'));
  await expect(steps().drop(month)).rejects.toThrow(/its signature is wrong/);
  expect(await places()).toEqual(['detached']);
  expect((await verify()).faults[0]?.reason).toMatch(/its signature is wrong/);
});

test('a manifest that somebody else signed is not believed', async () => {
  await recordExecutions(database, month, 2);
  await archiveWithGrace();
  const stranger = await readOrCreateSigningKey(folder.file('stranger.pem'));
  const { faults } = await verifyArchive({
    store,
    trusted: new Map([[stranger.keyId, stranger.publicKey]]),
    workFolder: folder.path,
  });
  expect(faults[0]?.reason).toMatch(/which is not trusted/);
  const theirs = retentionSteps({
    ownerUrl: database.url('audit_owner'),
    store,
    key: stranger,
    folder: folder.path,
  });
  await expect(theirs.drop(month)).rejects.toBeInstanceOf(ManifestError);
  expect(await places()).toEqual(['detached']);
});

test('a store that only says it took a part gets nothing dropped', async () => {
  await recordExecutions(database, month, 2);
  const honest = store;
  store = {
    ...honest,
    put: (name, body) => (name.includes('row-hashes') ? honest.put(name, body) : Promise.resolve('stored')),
  };
  await expect(run()).rejects.toThrow(/is missing/);
  expect(await places()).toEqual(['attached']);
  expect(await stateOf()).toBe('archiving');
  store = honest;
  expect(await run()).toEqual([`${month.slice(0, 7)}: dropped`]);
});

test('a store that only says it took the manifest gets nothing dropped', async () => {
  await recordExecutions(database, month, 2);
  const honest = store;
  store = {
    ...honest,
    put: (name, body) => (name.startsWith('manifests/') ? Promise.resolve('stored') : honest.put(name, body)),
  };
  await expect(run()).rejects.toBeInstanceOf(ObjectMissingError);
  expect(await places()).toEqual(['attached']);
  store = honest;
  expect(await run()).toEqual([`${month.slice(0, 7)}: dropped`]);
});
