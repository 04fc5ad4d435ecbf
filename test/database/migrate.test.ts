import { afterEach, describe, expect, test } from 'vitest';

import type { Migration, SchemaFiles } from '../../src/database/migrate.ts';
import { migrate, readMigrations, readSchemaFiles, requireSchema } from '../../src/database/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

const opened: TestDatabase[] = [];

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createEmptyDatabase();
  opened.push(database);
  return database;
}

async function runMigrations(database: TestDatabase, files: Partial<SchemaFiles> = {}) {
  const client = await database.owner.connect();
  try {
    return await migrate(client, { ...readSchemaFiles(), ...files });
  } finally {
    client.release();
  }
}

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
});

function migration(version: number, sql: string): Migration {
  return { version, name: `${String(version).padStart(4, '0')}_test`, sql, sha256: `hash of ${sql}` };
}

function functionsOf(sql: string): Migration {
  return { ...migration(0, sql), name: 'functions' };
}

const ALL_FILES = [...readMigrations().map(({ name }) => name), 'functions', 'comments'];

test('an empty database is migrated once; a second run finds nothing to do', async () => {
  const database = await emptyDatabase();
  const all = readMigrations();
  expect(await runMigrations(database)).toEqual({ applied: ALL_FILES, version: all.length });
  expect(await runMigrations(database)).toEqual({ applied: [], version: all.length });
  await expect(requireSchema(database.writer)).resolves.toBeUndefined();
});

test('migrations are numbered without a gap', () => {
  expect(readMigrations().map(({ version }) => version)).toEqual(
    readMigrations().map((_, index) => index + 1),
  );
});

test('of many starters at once one applies all files, and the others find nothing to do', async () => {
  const database = await emptyDatabase();
  const reports = await Promise.all(Array.from({ length: 8 }, () => runMigrations(database)));
  const applied = reports.flatMap((report) => report.applied);
  expect(applied).toEqual(ALL_FILES);
});

test('a database of every older version reaches the newest', async () => {
  const all = readMigrations();
  for (const { version } of all) {
    const database = await emptyDatabase();
    await runMigrations(database, { migrations: all.slice(0, version) });
    expect((await runMigrations(database)).applied).toHaveLength(all.length - version);
  }
});

describe('a start is refused', () => {
  test('when the database is newer than the program', async () => {
    const database = await emptyDatabase();
    await runMigrations(database, { migrations: [...readMigrations(), migration(9_999, 'select 1')] });
    const expected = {
      name: 'SchemaTooNewError',
      databaseVersion: 9_999,
      codeVersion: readMigrations().length,
    };
    await expect(runMigrations(database)).rejects.toMatchObject(expected);
    await expect(requireSchema(database.writer)).rejects.toMatchObject(expected);
  });

  test('when the database was never migrated, with the command that does it', async () => {
    const database = await emptyDatabase();
    await expect(requireSchema(database.writer)).rejects.toThrow('run `remediation-audit migrate`');
  });

  test('when an applied migration was edited', async () => {
    const database = await emptyDatabase();
    await runMigrations(database, { migrations: [migration(1, 'select 1')] });
    await expect(runMigrations(database, { migrations: [migration(1, 'select 2')] })).rejects.toThrow(
      'edited after it was applied',
    );
  });

  test('when the database has the migrations of before the first release, with what to do', async () => {
    const database = await emptyDatabase();
    await database.owner.query(`
      create table schema_migration (
        version integer primary key, name text not null, sha256 text not null, applied_at timestamptz not null default now()
      );
      insert into schema_migration (version, name, sha256)
      select number, name, md5(name)
      from unnest(array['0001_audit_foundation', '0002_remaining_records', '0003_service_tables', '0004_created_at_alone',
        '0005_client_ids', '0006_retention', '0007_observed_resource_phase', '0008_blocks', '0009_restore',
        '0010_store_holds', '0011_watched_clusters']) with ordinality as old (name, number);
      grant select on schema_migration to audit_writer`);
    const remedy =
      'make a new database as docs/install.md does, or start `npm start` with another --data-dir';
    await expect(runMigrations(database)).rejects.toThrow(remedy);
    await expect(requireSchema(database.writer)).rejects.toThrow(remedy);
  });
});

describe('the functions', () => {
  const answer = async (database: TestDatabase): Promise<number | undefined> =>
    (await database.owner.query<{ answer: number }>('select answer() as answer')).rows[0]?.answer;
  const answering = (number: number, more = ''): Partial<SchemaFiles> => ({
    migrations: [],
    functions: functionsOf(
      `create or replace function answer() returns integer language sql as 'select ${number}'; ${more}`,
    ),
  });
  const firstApplied = async (database: TestDatabase): Promise<unknown> =>
    (await database.owner.query('select xmin, applied_at, sha256 from schema_migration')).rows;

  test('are applied again when their file changed, and not when it is the same', async () => {
    const database = await emptyDatabase();
    expect((await runMigrations(database, answering(1))).applied).toEqual(['functions', 'comments']);
    expect(await answer(database)).toBe(1);
    const before = await firstApplied(database);
    // Whoever replaces the function by hand sees whether the file was applied again.
    await database.owner.query(
      `create or replace function answer() returns integer language sql as 'select 0'`,
    );

    expect((await runMigrations(database, answering(1))).applied).toEqual([]);
    expect(await answer(database)).toBe(0);
    expect(await firstApplied(database)).toEqual(before);

    expect((await runMigrations(database, answering(2))).applied).toEqual(['functions']);
    expect(await answer(database)).toBe(2);
    expect(await firstApplied(database)).toHaveLength(2);
  });

  test('stay as they were when a migration after them fails', async () => {
    const database = await emptyDatabase();
    await runMigrations(database, answering(1));
    const broken = { ...answering(2), migrations: [migration(1, 'select no_such_function()')] };
    await expect(runMigrations(database, broken)).rejects.toThrow('cannot apply migrations/0001_test.sql');
    expect(await answer(database)).toBe(1);
    expect((await runMigrations(database, answering(2))).applied).toEqual(['functions']);
  });

  test('can be called by the migrations of the same run', async () => {
    const database = await emptyDatabase();
    const files = {
      ...answering(7),
      migrations: [migration(1, 'create table seven as select answer() as answer')],
    };
    await runMigrations(database, files);
    expect((await database.owner.query('select answer from seven')).rows).toEqual([{ answer: 7 }]);
  });

  test('that the server refuses are named', async () => {
    const database = await emptyDatabase();
    await expect(runMigrations(database, answering(1, 'select no_such_function()'))).rejects.toThrow(
      'cannot apply migrations/functions.sql: function no_such',
    );
  });
});

test('a migration that fails leaves nothing behind and names itself', async () => {
  const database = await emptyDatabase();
  const broken = [
    migration(1, 'create table one ()'),
    migration(2, 'create table half (); select no_such_function()'),
  ];
  await expect(runMigrations(database, { migrations: broken })).rejects.toThrow(
    'cannot apply migrations/0002_test.sql: function no_such',
  );
  const { rows } = await database.owner.query<{ made: number }>(`
    select (select count(*) from pg_class where relnamespace = 'public'::regnamespace)
      + (select count(*) from pg_proc where pronamespace = 'public'::regnamespace) as made`);
  expect(rows).toEqual([{ made: '0' }]);
});
