import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import pg from 'pg';
import { inject } from 'vitest';

import { migrate } from '../../src/database/migrate.ts';
import { createMonthsAhead } from '../../src/database/months/partitions.ts';
import { createPool } from '../../src/database/pool.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { instantOf } from '../../src/domain/instant.ts';
import { createLogger } from '../../src/observability/logger.ts';

const ROLES_SQL = fileURLToPath(new URL('../../migrations/bootstrap/roles.sql', import.meta.url));
/** Tests run against their own throw-away server; the password only has to be there. */
const PASSWORD = 'test';
const ZONE = process.env['TZ'];
const ROLES = ['audit_owner', 'audit_writer', 'audit_watcher', 'audit_reader'] as const;

export interface TestDatabase {
  readonly name: string;
  /** As audit_owner. */
  readonly owner: pg.Pool;
  /** As audit_writer: what the service may do and no more. */
  readonly writer: pg.Pool;
  /** As audit_reader. */
  readonly reader: pg.Pool;
  /** As audit_watcher. */
  readonly watcher: pg.Pool;
  url(role: (typeof ROLES)[number]): string;
  close(): Promise<void>;
}

let counter = 0;

/** An empty database with the four roles, without a schema. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const name = nextName();
  await asAdmin(async (admin) => {
    await admin.query(`create database ${name}`);
    await createRoles(admin, name);
  });
  return openDatabase(name);
}

function nextName(): string {
  counter += 1;
  return `test_${process.pid}_${counter}`;
}

async function asAdmin<T>(work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function openDatabase(name: string): TestDatabase {
  const url = (role: string): string => {
    const address = new URL(inject('postgresUrl'));
    address.username = role;
    address.password = PASSWORD;
    address.pathname = `/${name}`;
    return address.href;
  };
  const pools = {
    owner: testPool(url('audit_owner')),
    writer: testPool(url('audit_writer'), true),
    reader: testPool(url('audit_reader')),
    watcher: testPool(url('audit_watcher')),
  };
  return {
    name,
    ...pools,
    url,
    close: async () => {
      await Promise.all(Object.values(pools).map((pool) => pool.end()));
    },
  };
}

/**
 * A migrated database with this month and some ahead. It stays after the test for the post-mortem; the server does not.
 *
 * `monthsAhead`: fewer for tests that open many connections, as retention does for each of its steps: each of
 * them reads the catalogue of all months. With one month fewer the steps of retention take a sixth less of a processor.
 */
export async function createTestDatabase({
  monthsAhead = 2,
}: { monthsAhead?: 1 | 2 } = {}): Promise<TestDatabase> {
  const name = nextName();
  await asAdmin(async (admin) => {
    const template = await makeTemplate(admin, monthsAhead);
    // A third of what it takes to write the pages to the log, which nothing here is recovered from.
    await admin.query(`create database ${name} template ${template} strategy file_copy`);
    // Who may connect to a database is no part of its template.
    await createRoles(admin, name);
  });
  const database = openDatabase(name);
  // A month may have begun since the template was made.
  await createMonthsAhead(database.owner, instantOf(Date.now()), monthsAhead);
  return database;
}

/**
 * Migrated once for all files of a project, which copy it: less than half of the time that the migrations take. By the first file
 * that needs it; the others wait. What was broken off is no template: it gets the name when it is complete.
 */
async function makeTemplate(admin: pg.Client, monthsAhead: number): Promise<string> {
  const template = `test_template_${monthsAhead}`;
  await admin.query("select pg_advisory_lock(hashtext('test template'))");
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1::text', [template]);
    if (rowCount === 1) return template;
    const made = await createEmptyDatabase();
    const client = await made.owner.connect();
    try {
      await migrate(client);
    } finally {
      client.release();
    }
    await createMonthsAhead(made.owner, instantOf(Date.now()), monthsAhead);
    await made.close();
    await admin.query(`alter database ${made.name} rename to ${template}`);
    return template;
  } finally {
    await admin.query("select pg_advisory_unlock(hashtext('test template'))");
  }
}

/** As an administrator does it: in the database that is to have them. */
async function createRoles(admin: pg.Client, name: string): Promise<void> {
  const address = new URL(inject('postgresUrl'));
  address.pathname = `/${name}`;
  const inside = new pg.Client({ connectionString: address.href });
  await inside.connect();
  // Test files run at the same time on one server, and two CREATE ROLE of one name collide.
  await admin.query("select pg_advisory_lock(hashtext('test roles'))");
  try {
    await inside.query(readFileSync(ROLES_SQL, 'utf8'));
    for (const role of ROLES) {
      // Many test files use one server at once: together they have more connections than one deployment.
      await inside.query(`alter role ${role} password '${PASSWORD}' connection limit -1`);
      // The calendar's clocks with a zone: a session is in it too, unless whoever opens it says another.
      if (ZONE !== undefined)
        await inside.query(`alter role ${role} in database ${name} set timezone = '${ZONE}'`);
    }
  } finally {
    await admin.query("select pg_advisory_unlock(hashtext('test roles'))");
    await inside.end();
  }
}

function testPool(connectionString: string, pipeline = false): pg.Pool {
  return createPool({
    connectionString,
    applicationName: 'remediation-audit test',
    statementTimeoutMs: 30_000,
    max: 8,
    pipeline,
    logger: createLogger('silent', 'test'),
  });
}

/** A migrated database, and the store that records into it as the service does. */
export async function createRecordedDatabase(): Promise<{ database: TestDatabase; store: RecordStore }> {
  const database = await createTestDatabase();
  return { database, store: createRecordStore(database.writer) };
}
