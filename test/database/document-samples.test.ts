import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { placeHold } from '../../src/database/holds/holds.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { inTheWay, PLUGIN, recordStories, STUCK } from '../support/kubectl-plugin.ts';
import { COMPILE_CACHE } from '../support/processes.ts';
import { repositoryPath } from '../support/repository.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { checkSamples } from '../support/samples.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/*
 * Each sample of the documents is what its command prints of the stories here; `npx vitest run --project database document-samples
 * --update` writes those that are stale.
 */

/** With the stories of the simulator, and with months to keep and to drop. */
let database: TestDatabase;
let months: TestDatabase;
let folder: TestFolder;
let api: ReturnType<typeof createTestApi>;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  [database, months] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  folder = await createTestFolder();
  await recordStories(database, [
    ['approval-granted', 20],
    ['execution-failed', 3],
    ['blocked-resource-busy', 9],
    ['cancelled-by-deletion', 7],
  ]);
  await createRecordStore(database.writer).record([STUCK, ...(await inTheWay(database))]);
  await prepareMonths();
  api = createTestApi(database);
  env = {
    REMEDIATION_AUDIT_SERVER: await api.listen({ port: 0, host: '127.0.0.1' }),
    REMEDIATION_AUDIT_ARCHIVE_URL: `file://${folder.file('archive')}`,
    REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: folder.file('key.pem'),
    // Nobody listens: doctor says so.
    TEMPORAL_ADDRESS: '127.0.0.1:1',
  };
});
afterAll(async () => {
  await api.close();
  await database.close();
  await months.close();
  await folder.remove();
});

/** One month in the archive alone, one that a hold keeps, one that is due. */
async function prepareMonths(): Promise<void> {
  for (const month of ['2025-01', '2025-02', '2025-03']) await recordExecutions(months, `${month}-01`, 20);
  const key = await readOrCreateSigningKey(folder.file('key.pem'));
  const store = createFolderStore(folder.file('archive'));
  const setting = { ownerUrl: months.url('audit_owner'), store, key, folder: folder.path };
  await runRetention(retentionSteps(setting), '2025-01-01');
  const scope = { from: '2025-02-01T00:00:00Z', to: '2025-03-01T00:00:00Z' };
  await placeHold(months.writer, scope, { by: 'legal@example.com', reason: 'case 17' });
  await months.owner.query('analyze');
}

/** What a watcher has just said of its cluster: after a minute that is no longer believed. */
async function reportNow(): Promise<void> {
  const counts = { seen: 6, recorded: 6, open: 1, overdue: 1, waiting: 0 };
  const kinds = KUBERNAUT_KINDS.map(({ kind }) =>
    kind === 'RemediationRequest' ? { kind, ...counts } : { kind, ...counts, open: 0, overdue: 0 },
  );
  await database.owner.query({
    text: `
      insert into watched_cluster (cluster, first_watched_at, reported_at, report)
      values ('G3', '2026-08-01', clock_timestamp(), $1::jsonb)
      on conflict (cluster) do update set reported_at = excluded.reported_at`,
    values: [JSON.stringify({ kinds, gaps: [], gapsLeftOut: 0 })],
  });
}

const PROGRAMS: Readonly<Record<string, string>> = {
  'kubectl remediation': PLUGIN,
  'remediation-audit': repositoryPath('src/main.ts'),
};

/** On a terminal of 110 columns, and as in a pipe for everything else; `| head -3` is what its reader is shown of it. */
async function run(line: string): Promise<string> {
  await reportNow();
  const [, name = '', words = '', most] =
    /^(kubectl remediation|remediation-audit) (.*?)(?: \| head -(\d+))?$/.exec(line) ?? [];
  const program = PROGRAMS[name];
  if (program === undefined) throw new Error(`no program of ours is run by ${line}`);
  const asked = /^(?:partitions|retention|hold) /.test(`${words} `) ? months : database;
  const urls = {
    DATABASE_URL: asked.url('audit_writer'),
    DATABASE_OWNER_URL: asked.url('audit_owner'),
  };
  const options = {
    env: {
      ...COMPILE_CACHE,
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      COLUMNS: '110',
      ...urls,
      ...env,
    },
  };
  const done = promisify(execFile)(process.execPath, [program, ...words.split(' ')], options);
  // What is wrong or missing is part of an answer.
  const printed = await done.catch((error: unknown) => error as { readonly stdout: string });
  // As wide as before, so that columns stay under their titles.
  const stdout = printed.stdout.replaceAll(/127\.0\.0\.1:\d+\/test_\w+/g, (address) =>
    'postgres.svc:5432/audit'.padEnd(address.length),
  );
  if (most === undefined) return stdout;
  return `${stdout.split('\n').slice(0, Number(most)).join('\n')}\n`;
}

/** Each has at least these. */
const DOCUMENTS: readonly (readonly [string, readonly string[]])[] = [
  [
    'docs/kubectl-plugin.md',
    ['list', 'show', 'why', 'gaps'].map((command) => `kubectl remediation ${command}`),
  ],
  ['docs/operations.md', ['remediation-audit doctor', 'remediation-audit completeness']],
  [
    'docs/retention.md',
    ['partitions', 'retention plan', 'hold list'].map((command) => `remediation-audit ${command}`),
  ],
];

test.each(DOCUMENTS)('the samples of %s are what is printed', async (name, wanted) => {
  const file = repositoryPath(name);
  const { text, commands } = await checkSamples(await readFile(file, 'utf8'), run);
  for (const command of wanted)
    expect(
      commands.some((line) => line.startsWith(command)),
      command,
    ).toBe(true);
  await expect(text).toMatchFileSnapshot(file);
});
