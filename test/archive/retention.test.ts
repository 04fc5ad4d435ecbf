import { chmod, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { ArchiveMismatchError } from '../../src/archive/archive-errors.ts';
import type { RetentionSteps } from '../../src/archive/export/retention-steps.ts';
import type { ManifestPart } from '../../src/archive/manifest/manifest.ts';
import { ManifestError } from '../../src/archive/manifest/manifest.ts';
import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { verifyArchive } from '../../src/archive/manifest/verify-archive.ts';
import { ObjectMissingError } from '../../src/archive/store/object-store.ts';
import { placeHold, releaseHold } from '../../src/database/holds/holds.ts';
import { approveDrop, selectMonth } from '../../src/database/months/month-states.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { useArchiveStage } from '../support/archive-stage.ts';
import { exportTables, recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';

const stage = useArchiveStage({ after: '2019-12-01' });

const steps = (given: Partial<ArchiveContext> = {}): RetentionSteps => stage.steps(given);
const run = (given: RetentionSteps = steps()) => runRetention(given, stage.month);

async function aPart(): Promise<ManifestPart & { path: string }> {
  const part = (await stage.newestManifest()).parts.find(({ table }) => table === 'workflow_execution_audit');
  if (part === undefined) throw new Error('no part');
  const path = join(stage.archive, part.key);
  await chmod(path, 0o644);
  return { ...part, path };
}

/** Archived and detached, but still within its grace. */
async function archiveWithGrace(): Promise<void> {
  const inGrace = steps({ rules: { hotDays: 90, dropGraceHours: 24, requireApproval: false } });
  for (const due of (await inGrace.plan()).filter((planned) => planned.month === stage.month)) {
    expect(due.action).toBe('archive');
    const of = { month: stage.month, run: 'in-grace' };
    await inGrace.freeze(of);
    await exportTables(inGrace, of);
    await inGrace.seal(of);
    expect(await inGrace.detach(stage.month)).toBe('detached');
  }
}

test('a month that is due is archived, verified and dropped, and every row is in the archive', async () => {
  await recordExecutions(stage.database, stage.month, 25);
  expect(await run()).toEqual([`${stage.name}: dropped`]);
  expect(await stage.places()).toEqual(['absent']);
  expect(await stage.state()).toBe('dropped');
  const manifest = await stage.newestManifest();
  expect(manifest.rows).toEqual({ workflow_execution_audit: 25, audit_ledger: 25 });
  expect(manifest.parts.map(({ rows }) => rows)).toEqual([10, 10, 5, 10, 10, 5]);
  expect(await stage.verify()).toMatchObject({ manifests: 1, months: 1, parts: 6, rows: 50, faults: [] });
});

test('a month within the hot days is left alone', async () => {
  const recent = addMonths(new Date().toISOString().slice(0, 8) + '01', -1);
  await recordExecutions(stage.database, recent, 1);
  const planned = (await steps().plan()).find((candidate) => candidate.month === recent);
  expect(planned).toMatchObject({ action: 'keep', state: 'live' });
  expect(planned?.reason).toMatch(/^hot until \d{4}-/);
});

test('a month is detached for its grace before it is dropped', async () => {
  await recordExecutions(stage.database, stage.month, 3);
  await archiveWithGrace();
  expect(await stage.state()).toBe('detached');
  expect(await stage.places()).toEqual(['detached']);
  const rules = { hotDays: 90, dropGraceHours: 24, requireApproval: false };
  const planned = (await steps({ rules }).plan()).find((candidate) => candidate.month === stage.month);
  expect(planned?.action).toBe('in-grace');
  const later = steps({ rules, nowMs: () => Date.now() + 25 * HOUR_MS });
  expect(await run(later)).toContain(`${stage.name}: dropped`);
});

test('rows that come between export and detach are archived too', async () => {
  await recordExecutions(stage.database, stage.month, 5);
  let came = false;
  const report = await run(
    steps({
      reached: async (point) => {
        if (point !== 'manifest-written' || came) return;
        came = true;
        await recordExecutions(stage.database, stage.month, 2);
      },
    }),
  );
  expect(report).toEqual([`${stage.name}: dropped`]);
  expect((await stage.newestManifest()).rows).toMatchObject({ workflow_execution_audit: 7 });
  expect((await stage.verify()).faults).toEqual([]);
});

test('a record that comes again while its month is detached brings all of it back, and it is archived anew', async () => {
  await recordExecutions(stage.database, stage.month, 5);
  let came = false;
  const report = await run(
    steps({
      reached: async (point) => {
        if (point !== 'compared' || came) return;
        came = true;
        // Nothing new is written, and yet its month had to be there for it.
        await stage.database.writer.query({
          text: 'select audit_create_month($1::date)',
          values: [stage.month],
        });
        expect(await stage.state()).toBe('live');
      },
    }),
  );
  expect(came).toBe(true);
  expect(report).toEqual([`${stage.name}: dropped`]);
  expect((await stage.newestManifest()).rows).toMatchObject({ workflow_execution_audit: 5 });
  expect((await stage.verify()).faults).toEqual([]);
});

test('a late row of a dropped month re-opens it, and its supplement becomes a further part', async () => {
  await recordExecutions(stage.database, stage.month, 4);
  await run();
  await recordExecutions(stage.database, stage.month, 1);
  expect(await stage.state()).toBe('live');
  expect(await run()).toEqual([`${stage.name}: dropped`]);
  const manifest = await stage.newestManifest();
  expect(manifest.rows).toEqual({ workflow_execution_audit: 5, audit_ledger: 5 });
  expect(manifest).toMatchObject({ sequence: 2, previous: { key: 'manifests/00000001.json' } });
  expect(await stage.verify()).toMatchObject({ manifests: 2, months: 1, rows: 10, faults: [] });
});

test('a late row of a detached month brings all of it back, and it is archived anew', async () => {
  await recordExecutions(stage.database, stage.month, 4);
  await archiveWithGrace();
  await recordExecutions(stage.database, stage.month, 1);
  expect(await stage.state()).toBe('live');
  await run();
  expect((await stage.newestManifest()).rows).toEqual({ workflow_execution_audit: 5, audit_ledger: 5 });
});

test('a hold keeps its month until it is released', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  const hold = await placeHold(
    stage.database.writer,
    { from: `${stage.month}T00:00:00Z`, to: `${addMonths(stage.month, 1)}T00:00:00Z` },
    { by: 'auditor', reason: 'case 17' },
  );
  expect(await run()).toEqual([]);
  const planned = (await steps().plan()).find((candidate) => candidate.month === stage.month);
  expect(planned).toMatchObject({ action: 'held' });
  expect(planned?.reason).toContain('by auditor: case 17');
  expect(await stage.places()).toEqual(['attached']);
  await releaseHold(stage.database.writer, hold.id, 'auditor');
  expect(await run()).toEqual([`${stage.name}: dropped`]);
});

test('a hold that is placed just before the drop wins, and brings the month back', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  const { rows } = await stage.database.owner.query<{ uid: string }>(
    'select remediation_uid as uid from workflow_execution_audit where created_at >= $1 limit 1',
    [stage.month],
  );
  const [held] = rows;
  if (held === undefined) throw new Error('no row');
  let id = '';
  const report = await run(
    steps({
      reached: async (point) => {
        if (point !== 'verified-again') return;
        const scope = { remediationUid: held.uid };
        ({ id } = await placeHold(stage.database.writer, scope, { by: 'auditor', reason: 'now' }));
      },
    }),
  );
  expect(report).toEqual([`${stage.name}: kept and attached again because of a hold`]);
  expect(await stage.places()).toEqual(['attached']);
  await releaseHold(stage.database.writer, id, 'auditor');
});

test('with approval required a month is archived, and dropped only after somebody approved', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  const careful = () => steps({ rules: { hotDays: 90, dropGraceHours: 0, requireApproval: true } });
  expect(await run(careful())).toContain(`${stage.name}: archived; the drop awaits approval`);
  expect(await stage.places()).toEqual(['attached']);
  expect((await careful().plan()).find((planned) => planned.month === stage.month)?.action).toBe(
    'awaits-approval',
  );
  expect(await approveDrop(stage.database.writer, stage.month, 'compliance')).toBe(true);
  expect(await run(careful())).toContain(`${stage.name}: dropped`);
  expect((await selectMonth(stage.database.owner, stage.month))?.approvedBy).toBe('compliance');
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
      const other = (await stage.newestManifest()).parts.find(
        ({ key: name }) => name !== own && /workflow_e/.test(name),
      );
      await writeFile(path, await readFile(join(stage.archive, other?.key ?? '')));
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
  await recordExecutions(stage.database, stage.month, 25);
  await archiveWithGrace();
  await damage();
  const dropping = steps().drop(stage.month);
  await expect(dropping).rejects.toBeInstanceOf(ArchiveMismatchError);
  await expect(dropping).rejects.toThrow(fault);
  expect(await stage.places()).toEqual(['detached']);
  const { faults } = await stage.verify();
  expect(faults).toHaveLength(1);
});

test('a manifest whose signature is wrong stops the drop', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  await archiveWithGrace();
  const path = join(stage.archive, 'manifests/00000001.json');
  await chmod(path, 0o644);
  await writeFile(path, (await readFile(path, 'utf8')).replace('"rows":2', '"rows":3'));
  await expect(steps().drop(stage.month)).rejects.toThrow(/its signature is wrong/);
  expect(await stage.places()).toEqual(['detached']);
  expect((await stage.verify()).faults[0]?.reason).toMatch(/its signature is wrong/);
});

test('a manifest that somebody else signed is not believed', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  await archiveWithGrace();
  const stranger = await readOrCreateSigningKey(stage.folder.file('stranger.pem'));
  const { faults } = await verifyArchive({
    store: stage.store,
    trusted: new Map([[stranger.keyId, stranger.publicKey]]),
    workFolder: stage.folder.path,
  });
  expect(faults[0]?.reason).toMatch(/which is not trusted/);
  const theirs = retentionSteps({
    ownerUrl: stage.database.url('audit_owner'),
    store: stage.store,
    key: stranger,
    folder: stage.folder.path,
  });
  await expect(theirs.drop(stage.month)).rejects.toBeInstanceOf(ManifestError);
  expect(await stage.places()).toEqual(['detached']);
});

test('a store that only says it took a part gets nothing dropped', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  const honest = stage.store;
  stage.store = {
    ...honest,
    put: (name, body) => (name.includes('row-hashes') ? honest.put(name, body) : Promise.resolve('stored')),
  };
  await expect(run()).rejects.toThrow(/is missing/);
  expect(await stage.places()).toEqual(['attached']);
  expect(await stage.state()).toBe('archiving');
  stage.store = honest;
  expect(await run()).toEqual([`${stage.name}: dropped`]);
});

test('a store that only says it took the manifest gets nothing dropped', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  const honest = stage.store;
  stage.store = {
    ...honest,
    put: (name, body) => (name.startsWith('manifests/') ? Promise.resolve('stored') : honest.put(name, body)),
  };
  await expect(run()).rejects.toBeInstanceOf(ObjectMissingError);
  expect(await stage.places()).toEqual(['attached']);
  stage.store = honest;
  expect(await run()).toEqual([`${stage.name}: dropped`]);
});
