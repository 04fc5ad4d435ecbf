import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { readOrCreateSigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { COMPILE_CACHE } from '../support/processes.ts';
import { repositoryPath } from '../support/repository.ts';
import { recordExecutions } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const DEADLINE_MS = 60_000;

let database: TestDatabase;
let folder: TestFolder;

beforeAll(async () => {
  database = await createTestDatabase({ monthsAhead: 1 });
  folder = await createTestFolder();
  await readOrCreateSigningKey(folder.file('key.pem'));
  await recordExecutions(database, '2020-01-01', 2);
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});

type Environment = Readonly<Record<string, string>>;

/** The command as a user runs it: its exit code and what it printed. */
async function run(env: Environment, ...args: readonly string[]) {
  const options = { env: { ...COMPILE_CACHE, ...archive(), ...env }, timeout: DEADLINE_MS };
  try {
    const program = [repositoryPath('src/main.ts'), ...args];
    const done = await promisify(execFile)(process.execPath, program, options);
    return { code: 0, ...done };
  } catch (error: unknown) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

const archive = (): Environment => ({
  REMEDIATION_AUDIT_ARCHIVE_URL: `file://${folder.file('archive')}`,
  REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: folder.file('key.pem'),
});
const as = (role: 'audit_writer' | 'audit_reader'): Environment => ({ DATABASE_URL: database.url(role) });
const asOwner = (): Environment => ({ DATABASE_OWNER_URL: database.url('audit_owner') });

interface Note {
  readonly id: string;
  readonly caller: string;
  readonly route: string;
  readonly filter: string;
  readonly rows: string | null;
  readonly role: string;
}

async function notes(): Promise<Note[]> {
  const { rows } = await database.owner.query<Note>(
    'select id, caller, route, filter, rows_returned as rows, noted_as as role from audit_access order by id',
  );
  return rows;
}

/** Runs the command and answers the notes that it left behind. */
async function notesOf(env: Environment, ...args: readonly string[]): Promise<Note[]> {
  const before = new Set((await notes()).map(({ id }) => id));
  await run(env, ...args);
  return (await notes()).filter(({ id }) => !before.has(id));
}

test.each<[string, readonly string[], Partial<Note>]>([
  ['report', ['report', 'recent-failures', '--since', '7d'], { rows: '0' }],
  ['similar', ['similar', '--text', 'memory', '--limit', '3'], { rows: '0' }],
  ['similar', ['similar', '--fingerprint', 'nobody-knows-it'], { rows: '0' }],
  ['completeness', ['completeness', '--json'], { rows: '0' }],
  ['remediation show', ['remediation', 'show', 'test/shop/no-such'], { rows: '0' }],
  ['remediation timeline', ['remediation', 'timeline', 'test/shop/no-such'], { rows: '0' }],
  ['hold list', ['hold', 'list'], { rows: '0' }],
  ['retention plan', ['retention', 'plan'], {}],
  ['partitions', ['partitions'], {}],
  ['quarantine list', ['quarantine', 'list'], { rows: '0' }],
  ['quarantine show', ['quarantine', 'show', '00000000-0000-4000-8000-000000000001'], { rows: '0' }],
  ['verify', ['verify', '--month', '2020-01'], { rows: null }],
  ['archive verify', ['archive', 'verify', '2020-01'], { rows: null }],
])('`%s` leaves one note with who ran it', async (route, args, expected) => {
  const found = await notesOf(as('audit_writer'), ...args);
  expect(found).toMatchObject([{ route, role: 'audit_writer', ...expected }]);
  expect(found[0]?.caller).toMatch(/^self-reported:.+/);
});

test('a note holds what was asked for, without its secrets', async () => {
  const [report] = await notesOf(as('audit_writer'), 'report', 'namespace-actions', '--namespace', 'shop');
  expect(JSON.parse(report?.filter ?? '')).toMatchObject({ name: 'namespace-actions', namespace: 'shop' });
  const [similar] = await notesOf(as('audit_writer'), 'similar', '--text', 'password=hunter2-and-more');
  expect(similar?.filter).toContain('[REDACTED:');
  expect(similar?.filter).not.toContain('hunter2');
});

test('a reader and the owner leave notes as the role they signed in with', async () => {
  expect(await notesOf(as('audit_reader'), 'report', 'recent-failures')).toMatchObject([
    { route: 'report', role: 'audit_reader' },
  ]);
  expect(await notesOf(asOwner(), 'hold', 'list')).toMatchObject([
    { route: 'hold list', role: 'audit_owner' },
  ]);
});

test('help and a wrong command line read nothing and leave no note', async () => {
  for (const args of [['report'], ['report', 'no-such'], ['similar', '--help'], ['hold', 'drop']])
    expect(await notesOf(as('audit_writer'), ...args), args.join(' ')).toEqual([]);
});

test('archive verify needs no database', async () => {
  expect(await run({}, 'archive', 'verify')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('0 faults') as string,
  });
});

test('what cannot be noted is not printed', async () => {
  const reads = 'audit_note_access(text, text, jsonb, bigint, text, integer, text, integer)';
  await database.owner.query(`revoke execute on function ${reads} from audit_writer`);
  try {
    for (const args of [['report', 'recent-failures'], ['verify'], ['archive', 'verify'], ['hold', 'list']]) {
      const { code, stdout, stderr } = await run(as('audit_writer'), ...args);
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('cannot be noted in audit_access');
    }
  } finally {
    await database.owner.query(`grant execute on function ${reads} to audit_writer`);
  }
});
