import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

import { reasonOf } from '../domain/errors.ts';
import { SQLSTATE, sqlStateOf } from './sqlstate.ts';

/** The numbered SQL files: the same directory from `src/` and from the built `dist/`. */
const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../../migrations', import.meta.url));

/** What the migrations are written against: they use RETURNING old, which came with it. */
const MINIMUM_SERVER_VERSION = 180_000;
const ROLES = ['audit_owner', 'audit_writer', 'audit_reader'];

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

export class SchemaTooNewError extends Error {
  readonly databaseVersion: number;
  readonly codeVersion: number;

  constructor(databaseVersion: number, codeVersion: number) {
    super(
      `the database has schema version ${databaseVersion}, this program knows ${codeVersion}: ` +
        'start the newer program that migrated it, or restore the database from before that migration',
    );
    this.name = 'SchemaTooNewError';
    this.databaseVersion = databaseVersion;
    this.codeVersion = codeVersion;
  }
}

class MigrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
  }
}

export function readMigrations(directory = MIGRATIONS_DIRECTORY): Migration[] {
  return readdirSync(directory)
    .filter((file) => /^\d{4}_.+\.sql$/.test(file))
    .sort()
    .map((file) => {
      const sql = readFileSync(`${directory}/${file}`, 'utf8');
      const sha256 = createHash('sha256').update(sql).digest('hex');
      return { version: Number(file.slice(0, 4)), name: file.slice(0, -'.sql'.length), sql, sha256 };
    });
}

interface MigrationReport {
  readonly applied: readonly string[];
  readonly version: number;
}

/** Brings the database to the version of this program, as the owner role. Any number of starters may call it at once. */
export async function migrate(
  client: pg.ClientBase,
  migrations: readonly Migration[] = readMigrations(),
): Promise<MigrationReport> {
  await requireServer(client);
  await createMigrationTable(client);
  const known = migrations.at(-1)?.version ?? 0;
  const applied: string[] = [];
  for (const migration of migrations) {
    const found = await appliedMigrations(client);
    requireNotNewer(found, known);
    if (isApplied(migration, found)) continue;
    if (await applyMigration(client, migration)) applied.push(migration.name);
  }
  return { applied, version: known };
}

/** Refuses a database whose schema is older or newer than the program: nothing else would say so before a row is lost. */
export async function requireSchema(
  pool: pg.Pool,
  migrations: readonly Migration[] = readMigrations(),
): Promise<void> {
  const known = migrations.at(-1)?.version ?? 0;
  const found = await appliedMigrations(pool);
  requireNotNewer(found, known);
  const version = found.at(-1)?.version ?? 0;
  if (version < known) {
    throw new MigrationError(
      `the database has schema version ${version}, this program needs ${known}: run \`remediation-audit migrate\` with DATABASE_OWNER_URL`,
    );
  }
}

interface ServerFacts {
  readonly version: string;
  readonly name: string;
  readonly database: string;
  readonly role: string;
  readonly mayCreate: boolean;
  readonly missing: string[];
}

async function requireServer(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<ServerFacts>({
    text: `
      select current_setting('server_version_num') as version,
        current_setting('server_version') as name,
        current_database() as database,
        current_user as role,
        coalesce(has_schema_privilege(current_schema(), 'create'), false) as "mayCreate",
        array(select wanted from unnest($1::text[]) as wanted
              where not exists (select from pg_roles where rolname = wanted)) as missing`,
    values: [ROLES],
  });
  const [server] = rows;
  if (server === undefined) throw new MigrationError('the database did not say its version');
  if (Number(server.version) < MINIMUM_SERVER_VERSION) {
    throw new MigrationError(`PostgreSQL ${server.name} is too old: use 18 or newer`);
  }
  if (server.missing.length > 0) {
    throw new MigrationError(
      `the database has no role ${server.missing.join(', ')}: run migrations/bootstrap/roles.sql once as an administrator`,
    );
  }
  if (!server.mayCreate) {
    throw new MigrationError(
      `${server.role} may not create tables in database ${server.database}: run migrations/bootstrap/roles.sql in that database as an administrator, and migrate as audit_owner`,
    );
  }
}

async function createMigrationTable(client: pg.ClientBase): Promise<void> {
  // One statement string is one transaction, so the lock ends with it. "if not exists" alone looks before it locks, and
  // two grants at once on one table fail: of two first starters one would be turned away.
  await client.query(`
    select pg_advisory_xact_lock(hashtext('schema_migration'));
    create table if not exists schema_migration (
      version     integer     not null primary key,
      name        text        not null,
      sha256      text        not null,
      applied_at  timestamptz not null default clock_timestamp()
    );
    grant select on schema_migration to audit_writer, audit_reader`);
}

interface AppliedMigration {
  version: number;
  name: string;
  sha256: string;
}

async function appliedMigrations(client: pg.ClientBase | pg.Pool): Promise<AppliedMigration[]> {
  try {
    const { rows } = await client.query<AppliedMigration>(
      'select version, name, sha256 from schema_migration order by version',
    );
    return rows;
  } catch (error: unknown) {
    if (sqlStateOf(error) === SQLSTATE.undefined_table) return [];
    throw error;
  }
}

function requireNotNewer(found: readonly AppliedMigration[], known: number): void {
  const version = found.at(-1)?.version ?? 0;
  if (version > known) throw new SchemaTooNewError(version, known);
}

function isApplied(migration: Migration, found: readonly AppliedMigration[]): boolean {
  const before = found.find(({ version }) => version === migration.version);
  if (before === undefined) return false;
  if (before.sha256 === migration.sha256) return true;
  throw new MigrationError(
    `migration ${migration.name} was edited after it was applied: restore the file, and write the change as a new migration`,
  );
}

/** True if this call applied it; false if another starter was faster. */
async function applyMigration(client: pg.ClientBase, migration: Migration): Promise<boolean> {
  await client.query('begin');
  try {
    // The row goes in first: a second starter waits here for the first one and then collides, before it changed anything.
    await client.query({
      text: 'insert into schema_migration (version, name, sha256) values ($1::integer, $2::text, $3::text)',
      values: [migration.version, migration.name, migration.sha256],
    });
    await client.query(migration.sql);
    await client.query('commit');
    return true;
  } catch (error: unknown) {
    // Where the connection is lost this fails too, and the server rolls back by itself.
    await client.query('rollback').catch(() => undefined);
    if (error instanceof pg.DatabaseError && isCollision(error)) return false;
    throw new MigrationError(`cannot apply migration ${migration.name}: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function isCollision(error: pg.DatabaseError): boolean {
  return error.code === SQLSTATE.unique_violation && error.table === 'schema_migration';
}
