import { execFile } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { COMPILE_CACHE } from '../support/processes.ts';
import { repositoryPath } from '../support/repository.ts';
import { rowsOfMonth } from '../support/restore.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const DEADLINE_MS = 60_000;

let database: TestDatabase;
let folder: TestFolder;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command as a user runs it. */
const command = (...args: readonly string[]): Promise<Outcome> => commandWith({}, ...args);

async function commandWith(
  given: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Outcome> {
  const env = {
    ...COMPILE_CACHE,
    DATABASE_URL: database.url('audit_writer'),
    DATABASE_OWNER_URL: database.url('audit_owner'),
    REMEDIATION_AUDIT_ARCHIVE_URL: `file://${folder.file('archive')}`,
    REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: folder.file('key.pem'),
    REMEDIATION_AUDIT_REQUIRE_APPROVAL: 'true',
    ...given,
  };
  const options = { env, timeout: DEADLINE_MS };
  try {
    const done = await promisify(execFile)(
      process.execPath,
      [repositoryPath('src/main.ts'), ...args],
      options,
    );
    return { code: 0, ...done };
  } catch (error: unknown) {
    const { code, stdout, stderr } = error as Outcome;
    return { code, stdout, stderr };
  }
}

test('the plan says what would go, what a hold keeps and why', async () => {
  await recordExecutions(database, '2020-01-01', 2);
  expect((await command('retention', 'plan')).stdout).toMatch(
    /^2020-01 +live +archive .+older than the hot days$/m,
  );
  const window = ['--from', '2020-01-01', '--to', '2020-02-01'];
  const placed = await command('hold', 'place', '--by', 'auditor', '--reason', 'case 17', ...window);
  expect(placed).toMatchObject({ code: 0, stderr: '' });
  expect(placed.stdout).toMatch(/^hold \S+ matches 2 records of 1 month in the database$/m);
  expect((await command('retention', 'plan')).stdout).toMatch(/^2020-01 +live +held .+by auditor: case 17$/m);
  const id = /hold (\S+) on/.exec(placed.stdout)?.[1] ?? '';
  expect((await command('hold', 'list')).stdout).toMatch(
    new RegExp(`^ID .*\\n${id} +\\d{4}-\\d{2}-\\d{2}T\\S+Z +auditor .+ case 17 `),
  );
  expect(JSON.parse((await command('hold', 'list', '--json')).stdout)).toMatchObject({
    items: [{ id, reason: 'case 17', from_time: '2020-01-01T00:00:00.000000Z', released_at: null }],
  });
  expect((await command('hold', 'release', id, '--by', 'auditor')).code).toBe(0);
  expect(await command('hold', 'list')).toMatchObject({
    stdout: '',
    stderr: expect.stringMatching(/^no hold is in force;/) as string,
  });
  expect((await command('hold', 'list', '--released')).stdout).toMatch(
    new RegExp(`^${id} .+ \\S+Z by auditor$`, 'm'),
  );
  const again = await command('hold', 'release', id, '--by', 'auditor');
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining(`no hold ${id}`) as string });
});

test('for programs, verbs answer in the names of the API', async () => {
  const ask = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse((await command(...args, '--json')).stdout);
  expect(await ask('retention', 'plan')).toEqual({
    ...{ apiVersion: 'remediation-audit/v1', kind: 'RetentionPlan' },
    items: expect.arrayContaining([
      {
        ...{ month: '2020-01', state: 'live', action: 'archive', fault: null, holds: [] },
        reason: expect.any(String) as string,
        size_bytes: expect.any(Number) as number,
        estimated_rows: expect.any(Number) as number,
      },
    ]) as unknown,
  });
  const hold = { namespace: 'payments', reason: 'case 19', placed_by: 'auditor', released_at: null };
  const placed = await ask(
    'hold',
    'place',
    '--by',
    'auditor',
    '--reason',
    'case 19',
    '--namespace',
    'payments',
  );
  expect(placed).toMatchObject(hold);
  const { id } = placed as { readonly id: string };
  expect(await ask('hold', 'release', id, '--by', 'other')).toMatchObject({ id, released_by: 'other' });
});

test('a hold that matches no record is placed with a warning', async () => {
  const scope = ['--namespace', 'misspelled'];
  const placed = await command('hold', 'place', '--by', 'auditor', '--reason', 'case 18', ...scope);
  expect(placed).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('matches 0 records of 0 months') as string,
    stderr: expect.stringContaining('no record in the database matches hold') as string,
  });
  const id = /^hold (\S+) on/.exec(placed.stdout)?.[1] ?? '';
  expect((await command('hold', 'release', id, '--by', 'auditor')).code).toBe(0);
});

test('an approval is kept with who gave it, until somebody revokes it', async () => {
  const early = await command('retention', 'approve', '2020-01', '--by', 'compliance');
  expect(early).toMatchObject({ code: 2, stderr: expect.stringContaining('manifest') as string });
  await database.owner.query(
    "update audit_partition set state = 'archived', manifest = 'm', manifest_sha256 = sha256('m') where month = '2020-01-01'",
  );
  const approved = await command('retention', 'approve', '2020-01', '--by', 'compliance', '--json');
  expect(JSON.parse(approved.stdout)).toEqual({
    ...{ apiVersion: 'remediation-audit/v1', kind: 'Approval', month: '2020-01', approved_by: 'compliance' },
    approved_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T/) as string,
  });
  const { rows } = await database.owner.query<{ who: string }>(
    "select approved_by as who from audit_partition where month = '2020-01-01'",
  );
  expect(rows).toEqual([{ who: 'compliance' }]);
  const revoked = await command('retention', 'revoke', '2020-01', '--by', 'auditor');
  expect(revoked).toMatchObject({ code: 0, stdout: '2020-01: the approval is revoked by auditor\n' });
  const { rows: after } = await database.owner.query(`
    select approved_by, approved_at, approved_manifest_sha256, revoked_by, revoked_at is not null as dated
    from audit_partition where month = '2020-01-01'`);
  const none = { approved_by: null, approved_at: null, approved_manifest_sha256: null };
  expect(after).toEqual([{ ...none, revoked_by: 'auditor', dated: true }]);
  expect((await command('retention', 'plan')).stdout).toMatch(/^2020-01 +archived .*nobody has approved/m);
  await command('retention', 'approve', '2020-01', '--by', 'compliance');
  const asJson = await command('retention', 'revoke', '2020-01', '--by', 'auditor', '--json');
  expect(JSON.parse(asJson.stdout)).toEqual({
    ...{ apiVersion: 'remediation-audit/v1', kind: 'RevokedApproval' },
    ...{ month: '2020-01', revoked_by: 'auditor' },
  });
  const again = await command('retention', 'revoke', '2020-01', '--by', 'auditor');
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('no approval') as string });
  await database.owner.query(
    "update audit_partition set state = 'live', manifest = null, manifest_sha256 = null where month = '2020-01-01'",
  );
});

test('a command line that leaves out who, why or what is refused', async () => {
  for (const [args, word] of [
    [['hold', 'place', '--by', 'me', '--namespace', 'payments'], '--reason'],
    [['hold', 'place', '--by', 'me', '--reason', 'x'], 'scope'],
    [['retention', 'approve', '2020-01'], '--by'],
    [['retention', 'approve', '2020-13', '--by', 'me'], 'YYYY-MM'],
    [['archive', 'verify', '2020-01', '--all'], 'wrong arguments of `archive verify`'],
    [['archive', 'restore'], 'wrong arguments of `archive restore`'],
    [['archive', 'verfy'], 'did you mean verify?'],
    [['hold', 'plaec'], 'did you mean place?'],
    [['hold', 'list', '--relesed'], 'did you mean --released?'],
    [['hold', 'release', '--by', 'me'], 'id of one hold'],
    [['archive', 'restore', '2020-01', '--days', '0'], '--days'],
  ] as const) {
    const { code, stderr } = await command(...args);
    expect(code, args.join(' ')).toBe(2);
    expect(stderr).toContain(word);
  }
});

test('archive verify counts what is right, and names what is not and ends with 1', async () => {
  const store = createFolderStore(folder.file('archive'));
  const key = await readOrCreateSigningKey(folder.file('key.pem'));
  const ownerUrl = database.url('audit_owner');
  await runRetention(retentionSteps({ ownerUrl, store, key, folder: folder.path }));
  const sound = await command('archive', 'verify', '--all');
  expect(sound).toMatchObject({ code: 0 });
  expect(sound.stdout).toMatch(/1 manifests, 1 months, 2 parts, 4 rows, 0 faults, 0 orphans$/m);
  const counts = { manifests: 1, months: 1, parts: 2, rows: 4, orphans: [] };
  const asJson = await command('archive', 'verify', '--json');
  expect(JSON.parse(asJson.stdout)).toEqual({
    ...{ apiVersion: 'remediation-audit/v1', kind: 'ArchiveVerification' },
    ...{ location: store.location, ...counts, faults: [] },
  });
  const [part = ''] = await store.list('table=audit_ledger/');
  const path = join(folder.file('archive'), part);
  await chmod(path, 0o644);
  await writeFile(path, 'not what was written');
  const damaged = await command('archive', 'verify', '2020-01');
  expect(damaged.code).toBe(1);
  expect(damaged.stdout).toContain(`${part}: `);
  const damagedJson = await command('archive', 'verify', '2020-01', '--json');
  expect(damagedJson.code).toBe(1);
  expect(JSON.parse(damagedJson.stdout)).toMatchObject({
    faults: [{ key: part, row_group: null, row: null, reason: expect.any(String) as string }],
  });
});

test('verify says that rows and ledger agree, and otherwise names the difference and ends with 1', async () => {
  await recordExecutions(database, '2021-03-01', 3);
  const well = await command('verify', '--month', '2021-03');
  expect(well).toMatchObject({ code: 0, stdout: '2021-03: 3 records, 3 ledger entries, no difference\n' });
  const [id] = (
    await database.owner.query<{ id: string }>(
      `update workflow_execution_audit set outcome = 'Success'
       where created_at >= '2021-03-01' and created_at < '2021-04-01' and id = (
         select min(id::text)::uuid from workflow_execution_audit where created_at >= '2021-03-01' and created_at < '2021-04-01')
       returning id`,
    )
  ).rows.map((row) => row.id);
  const found = await command('verify');
  expect(found).toMatchObject({ code: 1, stderr: expect.stringContaining('one difference') as string });
  expect(found.stdout).toContain(`2021-03: workflow_execution_audit ${id ?? ''} outcome: the row is not`);
  const lines = (await command('verify', '--month', '2021-03', '--json')).stdout.trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ month: '2021-03', table: 'workflow_execution_audit', id, column: 'outcome' }),
    {
      ...{ apiVersion: 'remediation-audit/v1', kind: 'LedgerComparison' },
      ...{ month: '2021-03', records: 3, entries: 3, differences: 1 },
    },
  ]);
  await database.owner.query(
    "delete from workflow_execution_audit where created_at >= '2021-03-01' and created_at < '2021-04-01'",
  );
  expect((await command('verify', '--month', 'March')).code).toBe(2);
});

test('a month is restored by command, stays as long as is said, and is reported when it is there already', async () => {
  const store = createFolderStore(folder.file('restorable'));
  const key = await readOrCreateSigningKey(folder.file('key.pem'));
  await recordExecutions(database, '2020-02-01', 3);
  const before = await rowsOfMonth(database.owner, '2020-02-01');
  await runRetention(
    retentionSteps({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path }),
    '2020-02-01',
  );
  const given = { REMEDIATION_AUDIT_ARCHIVE_URL: store.location };
  const done = await commandWith(given, 'archive', 'restore', '2020-02', '--days', '30', '--by', 'auditor');
  expect(done).toMatchObject({ code: 0 });
  expect(done.stdout).toMatch(/^2020-02 is restored: 6 rows; retention leaves it alone until \d{4}-/);
  expect(done.stderr).toBe('');
  expect(await rowsOfMonth(database.owner, '2020-02-01')).toEqual(before);
  expect((await command('retention', 'plan')).stdout).toMatch(/^2020-02 +restored +keep .+restored until/m);
  const again = await commandWith(given, 'archive', 'restore', '2020-02');
  expect(again.stdout).toMatch(/^2020-02 is in the database already: retention leaves it alone until/);
  const asJson = await commandWith(given, 'archive', 'restore', '2020-02', '--json');
  expect(JSON.parse(asJson.stdout)).toEqual({
    ...{ apiVersion: 'remediation-audit/v1', kind: 'RestoredMonth', month: '2020-02', rows: null },
    restored_until: expect.stringMatching(/^\d{4}-/) as string,
  });
  const nothing = await commandWith(given, 'archive', 'restore', '2019-02');
  expect(nothing).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be restored') as string });
});
