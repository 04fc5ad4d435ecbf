import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { readCompose } from '../support/compose.ts';
import { repositoryPath } from '../support/repository.ts';
import { cacheDir, resolveServer } from '../support/servers.ts';

/** The environment of the service `postgres` of the compose file, with passwords that would end a careless quotation. */
const environment = {
  ...readCompose().services.get('postgres')?.environment,
  AUDIT_OWNER_PASSWORD: `o'wner"$(touch /) \\`,
  AUDIT_WRITER_PASSWORD: `w';drop role audit_reader;--`,
  AUDIT_WATCHER_PASSWORD: 'wat"cher',
  AUDIT_READER_PASSWORD: 'reader',
};
const DATABASE = 'remediation_audit';
/** The mounted files, in the order in which the image runs them. */
const INIT_SCRIPTS = (readCompose().services.get('postgres')?.mounts ?? [])
  .filter(({ target }) => target.startsWith('/docker-entrypoint-initdb.d/'))
  .toSorted((one, other) => one.target.localeCompare(other.target))
  .map(({ source }) => repositoryPath(source));
const ROLES = ['audit_owner', 'audit_writer', 'audit_watcher', 'audit_reader'] as const;

let dataDir: string;
let postgres: EmbeddedPostgres;
let psql: string;

beforeAll(async () => {
  const folder = await resolveServer('pgvector');
  psql = join(folder, 'bin', 'psql');
  dataDir = await mkdtemp(join(tmpdir(), 'compose-database-'));
  postgres = await startPostgres({
    dataDir,
    port: 0,
    cacheDir,
    report: (line) => process.stderr.write(`${line}\n`),
    binaries: {
      initdb: join(folder, 'bin', 'initdb'),
      postgres: join(folder, 'bin', 'postgres'),
      // The libraries lie beside the folder.
      root: dirname(dirname(folder)),
    },
    settings: { fsync: 'off' },
  });
  runInitScripts();
});

afterAll(async () => {
  await postgres.stop();
  await rm(dataDir, { recursive: true });
});

/** As the entry point of the image does it: creates POSTGRES_DB and runs the mounted files in order. */
function runInitScripts(): void {
  const superuser = new URL(postgres.superuserUrl());
  const env = {
    PATH: `${dirname(psql)}:${process.env['PATH'] ?? ''}`,
    PGHOST: superuser.hostname,
    PGPORT: superuser.port,
    PGPASSWORD: decodeURIComponent(superuser.password),
    POSTGRES_USER: superuser.username,
    ...environment,
  };
  const asSuperuser = [
    '--no-psqlrc',
    '--quiet',
    '--set',
    'ON_ERROR_STOP=1',
    '--username',
    superuser.username,
  ];
  execFileSync(psql, [...asSuperuser, '--dbname', 'postgres', '--command', `create database ${DATABASE}`], {
    env,
  });
  for (const file of INIT_SCRIPTS)
    execFileSync(psql, [...asSuperuser, '--dbname', DATABASE, '--file', file], { env });
}

async function queryAs(role: (typeof ROLES)[number], password: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: postgres.port,
    user: role,
    password,
    database: DATABASE,
  });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const passwordOf = (role: (typeof ROLES)[number]) =>
  ({
    audit_owner: environment.AUDIT_OWNER_PASSWORD,
    audit_writer: environment.AUDIT_WRITER_PASSWORD,
    audit_watcher: environment.AUDIT_WATCHER_PASSWORD,
    audit_reader: environment.AUDIT_READER_PASSWORD,
  })[role];

describe('the database of the compose file', () => {
  test.each(ROLES)('lets %s in with its password, whatever characters it has', async (role) => {
    expect(await queryAs(role, passwordOf(role), 'select current_user::text as name')).toEqual([
      { name: role },
    ]);
  });

  test.each(ROLES)('keeps %s out with another', async (role) => {
    await expect(queryAs(role, 'another', 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  test('lets the owner create tables, and only the owner', async () => {
    const create = 'create table probe (id int)';
    await expect(queryAs('audit_owner', passwordOf('audit_owner'), create)).resolves.toEqual([]);
    for (const role of ['audit_writer', 'audit_watcher'] as const)
      await expect(queryAs(role, passwordOf(role), 'create table other (id int)')).rejects.toMatchObject({
        code: '42501',
      });
    await expect(
      queryAs('audit_reader', passwordOf('audit_reader'), 'create table other (id int)'),
    ).rejects.toMatchObject({ code: '25006' });
  });

  test('has pgvector', async () => {
    const distance = `select '[1,2]'::vector <-> '[1,4]'::vector as distance`;
    expect(await queryAs('audit_reader', passwordOf('audit_reader'), distance)).toEqual([{ distance: 2 }]);
  });

  test('makes nobody a superuser', async () => {
    const privileges = `select rolname from pg_roles where rolname like 'audit%' and (rolsuper or rolcreaterole or rolbypassrls)`;
    expect(await queryAs('audit_reader', passwordOf('audit_reader'), privileges)).toEqual([]);
  });

  test('refuses to begin without a password', () => {
    const superuser = postgres.superuserUrl(DATABASE);
    const passwords = repositoryPath('migrations/bootstrap/passwords.sql');
    const incomplete = { ...environment, PATH: process.env['PATH'] ?? '', AUDIT_READER_PASSWORD: '' };
    expect(() =>
      execFileSync(psql, [superuser, '--no-psqlrc', '--file', passwords], { env: incomplete, stdio: 'pipe' }),
    ).toThrow('AUDIT_READER_PASSWORD in the environment');
  });
});
