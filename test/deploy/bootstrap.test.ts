import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { COMPILE_CACHE } from '../support/processes.ts';
import { repositoryPath } from '../support/repository.ts';
import { cacheDir, pgvectorBinaries, resolveServer } from '../support/servers.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/** Characters that would end a careless quotation, in a URL, in SQL or in a shell. */
const PASSWORD = `o'wner"$(x) /@:\\`;
const ADMIN = 'site_admin';

let folder: TestFolder;
let postgres: EmbeddedPostgres;
let psql: string;

beforeAll(async () => {
  folder = await createTestFolder();
  psql = join(await resolveServer('pgvector'), 'bin', 'psql');
  postgres = await startPostgres({
    dataDir: folder.file('postgres'),
    port: 0,
    cacheDir,
    report: () => undefined,
    binaries: await pgvectorBinaries(),
    settings: { fsync: 'off' },
  });
  await query(postgres.superuserUrl(), `create role ${ADMIN} login createrole createdb password '${ADMIN}'`);
});

afterAll(async () => {
  await postgres.stop();
  await folder.remove();
});

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function urlOf(role: string, password: string, database: string): string {
  const url = new URL(postgres.superuserUrl(database));
  url.username = role;
  url.password = encodeURIComponent(password);
  return url.href;
}

const adminUrl = (database: string): string => urlOf(ADMIN, ADMIN, database);

/** What psql wrote. */
function runFile(url: string, file: string): string {
  const path = repositoryPath(`migrations/bootstrap/${file}`);
  const env = {
    PATH: process.env['PATH'],
    AUDIT_OWNER_PASSWORD: PASSWORD,
    AUDIT_WRITER_PASSWORD: 'writer',
    AUDIT_WATCHER_PASSWORD: 'watcher',
    AUDIT_READER_PASSWORD: 'reader',
  };
  // One after the other into one text: what psql warns of goes to standard error.
  return execFileSync(
    'sh',
    ['-c', '"$0" "$1" --no-psqlrc --set ON_ERROR_STOP=1 --file "$2" 2>&1', psql, url, path],
    {
      env,
      encoding: 'utf8',
    },
  );
}

const migrateAs = (url: string): string =>
  execFileSync(process.execPath, [repositoryPath('src/main.ts'), 'migrate'], {
    env: { ...COMPILE_CACHE, PATH: process.env['PATH'], DATABASE_OWNER_URL: url },
    encoding: 'utf8',
    stdio: 'pipe',
  });

const embeddingType = `
  select atttypid::regtype::text as type from pg_attribute
  where attrelid = 'ai_investigation_embeddings'::regclass and attname = 'embedding'`;

test('an administrator who is no superuser prepares a database of their own, and audit_owner migrates it', async () => {
  await query(adminUrl('postgres'), 'create database by_admin');
  expect(runFile(adminUrl('by_admin'), 'roles.sql')).toContain('create extension vector needs a superuser');
  runFile(adminUrl('by_admin'), 'passwords.sql');
  const owner = urlOf('audit_owner', PASSWORD, 'by_admin');
  expect(await query(owner, 'select rolsuper from pg_roles where rolname = current_user')).toEqual([
    { rolsuper: false },
  ]);
  expect(migrateAs(owner)).toContain('applied 0001');
  expect(await query(owner, embeddingType)).toEqual([{ type: 'real[]' }]);
  expect(await query(urlOf('audit_reader', 'reader', 'by_admin'), 'select from remediation_audit')).toEqual(
    [],
  );
  await query(adminUrl('postgres'), "create role by_chance login password 'by_chance'");
  await expect(query(urlOf('by_chance', 'by_chance', 'by_admin'), 'select 1')).rejects.toMatchObject({
    code: '42501',
  });
  // Doing it twice is no harm.
  runFile(adminUrl('by_admin'), 'roles.sql');
  expect(migrateAs(owner)).toContain('nothing to do');
});

test('a superuser prepares a database with the extension, and audit_owner migrates it', async () => {
  await query(postgres.superuserUrl(), 'create database by_superuser');
  runFile(postgres.superuserUrl('by_superuser'), 'roles.sql');
  runFile(postgres.superuserUrl('by_superuser'), 'passwords.sql');
  const owner = urlOf('audit_owner', PASSWORD, 'by_superuser');
  expect(migrateAs(owner)).toContain('applied 0001');
  expect(await query(owner, embeddingType)).toEqual([{ type: 'vector' }]);
});

test('a database in which the file was not run is refused with what to do', async () => {
  await query(postgres.superuserUrl(), 'create database by_nobody');
  expect(() => migrateAs(urlOf('audit_owner', PASSWORD, 'by_nobody'))).toThrow(
    'audit_owner may not create tables in database by_nobody: run migrations/bootstrap/roles.sql in that database',
  );
});
