import { mkdir } from 'node:fs/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { ArchivePoint } from '../../src/archive/archive-context.ts';
import { RETENTION_POINTS } from '../../src/archive/archive-context.ts';
import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { partitionsOf } from '../../src/database/months/month-detach.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { COMPILE_CACHE, runScript, withSmallDisk } from '../support/processes.ts';
import { recordExecutions } from '../support/retention.ts';
import { someOf } from '../support/soak.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const ROWS = 12;
const DEADLINE_MS = 400_000;
/** Where a disk on which a little is left becomes full in the middle of a file. */
const WRITING: readonly ArchivePoint[] = ['frozen', 'copied', 'written', 'verified'];
/** Where something is still to be written. */
const REPORTED: readonly ArchivePoint[] = ['frozen', 'copied', 'verified'];
const OTHERS = someOf(
  RETENTION_POINTS.filter((point) => !REPORTED.includes(point)),
  1,
);
const LITTLE_BYTES = 12_288;

let database: TestDatabase;
let folder: TestFolder;

beforeAll(async () => {
  [database, folder] = await Promise.all([createTestDatabase({ monthsAhead: 1 }), createTestFolder()]);
  await readOrCreateSigningKey(folder.file('key.pem'));
  await mkdir(folder.file('disk'));
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});

/** Runs in a process that alone sees the small disk. Each month meets a full disk at its own point, until somebody makes room. */
const SCRIPT = `
  const { appendFile, rm, statfs, writeFile } = await import('node:fs/promises');
  const { retentionSteps, runRetention } = await import(source('test/support/retention.ts'));
  const { createFolderStore } = await import(source('src/archive/store/folder-store.ts'));
  const { readOrCreateSigningKey } = await import(source('src/archive/manifest/signing-key.ts'));
  const { verifyArchive } = await import(source('src/archive/manifest/verify-archive.ts'));
  const { disk, keyFile, ownerUrl, cases } = JSON.parse(process.env.GIVEN);
  const key = await readOrCreateSigningKey(keyFile);
  const ballast = disk + '/ballast';
  const fill = async (left) => {
    const { bavail, bsize } = await statfs(disk);
    await writeFile(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left)));
  };
  for (const { point, left, month } of cases) {
    const store = createFolderStore(disk + '/' + month);
    let filled = false;
    const reached = async (at) => {
      if (at !== point || filled) return;
      filled = true;
      await fill(left);
    };
    const steps = retentionSteps({ ownerUrl, store, key, folder: disk + '/work' }, { reached });
    const failures = [];
    for (let done = false; !done && failures.length < 10; ) {
      try {
        await runRetention(steps, month);
        done = true;
      } catch (error) {
        failures.push(error.message);
        await rm(ballast, { force: true });
      }
    }
    await rm(ballast, { force: true });
    const trusted = new Map([[key.keyId, key.publicKey]]);
    const { faults, rows } = await verifyArchive({ store, trusted, workFolder: disk + '/work' });
    await rm(disk + '/' + month, { recursive: true });
    console.log('CASE ' + JSON.stringify({ point, left, month, filled, failures, faults, rows }));
  }
  console.log('DONE');`;

interface Outcome {
  readonly point: string;
  readonly filled: boolean;
  readonly failures: readonly string[];
  readonly faults: readonly unknown[];
  readonly rows: number;
}

test(
  'a disk that is full at any point only delays a month, and nothing of it is lost',
  async () => {
    let month = '2014-12-01';
    const cases = [
      ...REPORTED.map((point) => ({ point, left: 0 })),
      ...OTHERS.map((point) => ({ point, left: 0 })),
      ...someOf(WRITING, 1).map((point) => ({ point, left: LITTLE_BYTES })),
    ].map((one) => {
      month = addMonths(month, 1);
      return { ...one, month };
    });
    for (const { month: filled } of cases) await recordExecutions(database, filled, ROWS);
    const disk = folder.file('disk');
    const given = { disk, keyFile: folder.file('key.pem'), ownerUrl: database.url('audit_owner'), cases };
    const script = runScript(SCRIPT, {
      wrapper: withSmallDisk(disk, '4m'),
      env: { ...COMPILE_CACHE, PATH: process.env['PATH'] ?? '', GIVEN: JSON.stringify(given) },
    });
    try {
      await script.untilSays(/^DONE$/m, DEADLINE_MS).catch((cause: unknown) => {
        throw new Error(script.output(), { cause });
      });
    } finally {
      script.kill();
      await script.exited;
    }
    const outcomes = [...script.output().matchAll(/^CASE (.*)$/gm)].map(
      ([, json = '']) => JSON.parse(json) as Outcome,
    );
    expect(outcomes).toHaveLength(cases.length);
    for (const outcome of outcomes)
      expect(outcome, outcome.point).toMatchObject({ filled: true, faults: [], rows: 2 * ROWS });
    // There the full disk was reported, and the step was done again.
    for (const point of REPORTED)
      expect(
        outcomes.filter((outcome) => outcome.point === point).flatMap(({ failures }) => failures),
      ).not.toEqual([]);
    for (const { month: dropped } of cases) {
      const places = (await partitionsOf(database.owner, dropped)).map(({ attachment }) => attachment);
      expect(new Set(places), dropped).toEqual(new Set(['absent']));
    }
  },
  DEADLINE_MS + 60_000,
);
