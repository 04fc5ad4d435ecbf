import { afterEach, describe, expect, test } from 'vitest';

import type { Migration } from '../../src/database/migrate.ts';
import { migrate, readMigrations, requireSchema } from '../../src/database/migrate.ts';
import { createEmptyDatabase, type TestDatabase } from '../support/database.ts';

const opened: TestDatabase[] = [];

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createEmptyDatabase();
  opened.push(database);
  return database;
}

async function runMigrations(database: TestDatabase, migrations?: readonly Migration[]) {
  const client = await database.owner.connect();
  try {
    return await migrate(client, migrations);
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

test('an empty database is migrated once; a second run finds nothing to do', async () => {
  const database = await emptyDatabase();
  const all = readMigrations();
  expect(await runMigrations(database)).toEqual({
    applied: all.map(({ name }) => name),
    version: all.length,
  });
  expect(await runMigrations(database)).toEqual({ applied: [], version: all.length });
  await expect(requireSchema(database.writer)).resolves.toBeUndefined();
});

test('migrations are numbered without a gap', () => {
  expect(readMigrations().map(({ version }) => version)).toEqual(
    readMigrations().map((_, index) => index + 1),
  );
});

test('of many starters at once each migration is applied by exactly one', async () => {
  const database = await emptyDatabase();
  const reports = await Promise.all(Array.from({ length: 8 }, () => runMigrations(database)));
  const applied = reports.flatMap((report) => report.applied);
  expect(applied.sort()).toEqual(readMigrations().map(({ name }) => name));
});

test('a database of every older version reaches the newest', async () => {
  const all = readMigrations();
  for (const { version } of all) {
    const database = await emptyDatabase();
    await runMigrations(database, all.slice(0, version));
    expect((await runMigrations(database)).applied).toHaveLength(all.length - version);
  }
});

describe('a start is refused', () => {
  test('when the database is newer than the program', async () => {
    const database = await emptyDatabase();
    await runMigrations(database, [...readMigrations(), migration(9_999, 'select 1')]);
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
    await runMigrations(database, [migration(1, 'select 1')]);
    await expect(runMigrations(database, [migration(1, 'select 2')])).rejects.toThrow(
      'edited after it was applied',
    );
  });
});

test('a migration that fails leaves nothing behind and names itself', async () => {
  const database = await emptyDatabase();
  const broken = [migration(1, 'create table half (); select no_such_function()')];
  await expect(runMigrations(database, broken)).rejects.toThrow(
    'cannot apply migration 0001_test: function no_such',
  );
  const { rows } = await database.owner.query(
    `select to_regclass('half') as half, (select count(*)::integer from schema_migration) as applied`,
  );
  expect(rows).toEqual([{ half: null, applied: 0 }]);
});
