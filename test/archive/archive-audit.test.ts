import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import { ARCHIVED_TABLES } from '../../src/archive/parquet/archive-schema.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import { insertAwkwardRows } from '../support/archive-rows.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seededRandom } from '../support/random.ts';
import { repositoryPath } from '../support/repository.ts';
import { recordExecutions, retentionSteps, runRetention, WITHOUT_LEDGER } from '../support/retention.ts';
import { resolveServer } from '../support/servers.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const MONTHS = ['2020-01-01', '2020-02-01'] as const;
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const DEADLINE_MS = 90_000;

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let script: string;
let searchPath: string;
let archive: string;
let copies = 0;

beforeAll(async () => {
  [database, folder] = await Promise.all([createTestDatabase({ monthsAhead: 1 }), createTestFolder()]);
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  await writeFile(folder.file('public.pem'), key.publicKey.export({ type: 'spki', format: 'pem' }));
  searchPath = `${dirname(await resolveServer('duckdb'))}:${process.env['PATH'] ?? ''}`;
  const page = await readFile(repositoryPath('docs/archive-audit.md'), 'utf8');
  script = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block).join('\n');
  await fill(folder.file('archive'));
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});
beforeEach(async () => {
  copies += 1;
  archive = folder.file(`copy-${copies}`);
  await promisify(execFile)('cp', ['-r', folder.file('archive'), archive]);
});

/** Two months with every kind of value, in several parts, and a supplement. */
async function fill(path: string): Promise<void> {
  const store = createFolderStore(path);
  const setting = { ownerUrl: database.url('audit_owner'), store, key, folder: folder.path };
  for (const month of MONTHS) {
    await createMonth(database.owner, month);
    for (const { table } of ARCHIVED_TABLES)
      await insertAwkwardRows(database.owner, table, { month, rows: 12, random: seededRandom(7) });
    await runRetention(retentionSteps(setting, WITHOUT_LEDGER), month);
  }
  await recordExecutions(database, MONTHS[0], 3);
  await runRetention(retentionSteps(setting, WITHOUT_LEDGER), MONTHS[0]);
}

/** The commands as they stand in the documentation. */
async function audit(): Promise<{ code: number; output: string }> {
  const env = {
    PATH: searchPath,
    PUBLIC_KEY: folder.file('public.pem'),
    TMPDIR: folder.path,
    HOME: folder.path,
  };
  try {
    // DuckDB draws its table as wide as the longest text of a cell, and those of the test are long.
    const options = { env, cwd: archive, timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT_BYTES };
    const { stdout } = await promisify(execFile)(
      'bash',
      ['--norc', '-euo', 'pipefail', '-c', script],
      options,
    );
    return { code: 0, output: stdout };
  } catch (error: unknown) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
}

async function change(name: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
  const path = join(archive, name);
  await chmod(path, 0o644);
  await writeFile(path, edit(await readFile(path)));
}

async function aPart(): Promise<string> {
  const [part = ''] = await createFolderStore(archive).list('table=workflow_execution_audit/month=2020-02/');
  return part;
}

test('the documented commands find a sound archive sound, and count it', async () => {
  const { code, output } = await audit();
  expect(output).toMatch(/^3 manifests signed by [0-9a-f]{16}$/m);
  expect(output).toContain('an unbroken chain up to manifests/00000003.json');
  expect(output).toMatch(/^\d+ files are as they were written$/m);
  expect(output).toMatch(/"workflow_execution_audit": 27[,\n]/);
  expect(output).toContain('every row is as it was signed');
  expect(code).toBe(0);
});

const DAMAGE: readonly (readonly [string, () => Promise<void>, RegExp])[] = [
  [
    'a flipped bit in a file',
    async () => {
      await change(await aPart(), (bytes) => {
        bytes[200] = (bytes[200] ?? 0) ^ 1;
        return bytes;
      });
    },
    /part-\w+\.parquet: FAILED/,
  ],
  [
    'a manifest that was changed',
    () =>
      change('manifests/00000002.json', (bytes) =>
        Buffer.from(bytes.toString().replace('"rows":2', '"rows":3')),
      ),
    /manifests\/00000002\.json: changed after it was signed/,
  ],
  [
    'a manifest that was taken away',
    async () => {
      await promisify(execFile)('rm', ['-f', join(archive, 'manifests/00000002.json')]);
    },
    /manifests\/00000003\.json: follows manifests\/00000002\.json/,
  ],
];

test.each(DAMAGE)('the documented commands end at %s', async (_name, damage, words) => {
  await damage();
  const { code, output } = await audit();
  expect(code).not.toBe(0);
  expect(output).toMatch(words);
  expect(output).not.toContain('every row is as it was signed');
});
