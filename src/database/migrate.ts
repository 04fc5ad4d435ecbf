import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type pg from 'pg';

import { EndingError, reasonOf } from '../domain/errors.ts';
import { recordingFunctions } from './recording/recording-functions.ts';
import { commentStatement } from './schema-comments.ts';
import { SQLSTATE, sqlStateOf } from './sqlstate.ts';

/*
 * The schema of the database: `migrations/0001_….sql` and so on, each applied once and never edited after that, and
 * `migrations/functions.sql`, applied again whenever its text changes, and so are what the definitions make: the functions
 * that record (recording/recording-functions.ts) and the comments of the tables.
 *
 * `migrate` does all that is missing in one transaction, so that a failure leaves the schema of before, functions
 * included. A lock lets one starter do it while the others wait and then find nothing to do. The table schema_migration
 * says what was applied, with the checksum of each file; version 0 is functions.sql, version -1 the comments.
 *
 * A process that uses the schema calls `requireSchema` and does not start with an older or a newer one.
 */

/** The same directory from `src/` and from the built `dist/`. */
const MIGRATIONS_DIRECTORY = fileURLToPath(new URL('../../migrations', import.meta.url));

/** What the migrations are written against: they use RETURNING old, which came with it. */
const MINIMUM_SERVER_VERSION = 180_000;
const ROLES = ['audit_owner', 'audit_writer', 'audit_watcher', 'audit_reader'];

/** No numbered file has it, and an order by version puts it first. */
const FUNCTIONS_VERSION = 0;
const COMMENTS_VERSION = -1;
/** The first of the eleven files that the foundation replaced before the first release. */
const FIRST_UNRELEASED_MIGRATION = '0001_audit_foundation';

/** One file of `migrations/`. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  readonly sha256: string;
}

export interface SchemaFiles {
  /** By version. */
  readonly migrations: readonly Migration[];
  readonly functions: Migration;
  readonly comments: Migration;
}

export class SchemaTooNewError extends EndingError {
  readonly ending = 'schemaTooNew';
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

export function readMigrations(): Migration[] {
  return readdirSync(MIGRATIONS_DIRECTORY)
    .filter((file) => /^\d{4}_.+\.sql$/.test(file))
    .sort()
    .map((file) => readSchemaFile(Number(file.slice(0, 4)), file));
}

export function readSchemaFiles(): SchemaFiles {
  return {
    migrations: readMigrations(),
    functions: readSchemaFile(FUNCTIONS_VERSION, 'functions.sql', recordingFunctions()),
    comments: migrationOf(COMMENTS_VERSION, 'comments', commentStatement()),
  };
}

/** `more` is applied behind the text of the file, as if it stood there. */
function readSchemaFile(version: number, file: string, more = ''): Migration {
  const sql = readFileSync(`${MIGRATIONS_DIRECTORY}/${file}`, 'utf8') + more;
  return migrationOf(version, file.slice(0, -'.sql'.length), sql);
}

function migrationOf(version: number, name: string, sql: string): Migration {
  return { version, name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
}

interface MigrationReport {
  /** Names of the files, then the functions and the comments. */
  readonly applied: readonly string[];
  readonly version: number;
}

/** Brings the database to the version of this program, as the owner role. Any number of starters may call it at once. */
export async function migrate(
  client: pg.ClientBase,
  files: SchemaFiles = readSchemaFiles(),
): Promise<MigrationReport> {
  await requireServer(client);
  await client.query('begin');
  try {
    await lockSchema(client);
    const applied = await applyMissing(client, files);
    await client.query('commit');
    return { applied, version: newestOf(files.migrations) };
  } catch (error: unknown) {
    // Where the connection is lost this fails too, and the server rolls back by itself.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

async function applyMissing(
  client: pg.ClientBase,
  { migrations, functions, comments }: SchemaFiles,
): Promise<string[]> {
  const found = await appliedMigrations(client);
  requireReleased(found);
  requireNotNewer(found, newestOf(migrations));
  const missing = migrations.filter((migration) => !isApplied(migration, found));
  const isCurrent = ({ version, sha256 }: Migration): boolean =>
    found.some((applied) => applied.version === version && applied.sha256 === sha256);
  const replaced = [functions, comments].filter((one) => !isCurrent(one));
  // Functions first: the triggers of a new table and the statements of a migration call them. Comments need the tables.
  const inOrder = [
    ...replaced.filter((one) => one === functions),
    ...missing,
    ...replaced.filter((one) => one === comments),
  ];
  for (const migration of inOrder) await apply(client, migration);
  return [...missing, ...replaced].map(({ name }) => name);
}

/** Refuses a database whose schema is older or newer than the program: nothing else would say so before a row is lost. */
export async function requireSchema(
  pool: pg.Pool,
  migrations: readonly Migration[] = readMigrations(),
): Promise<void> {
  const known = newestOf(migrations);
  const found = await appliedMigrations(pool);
  requireReleased(found);
  requireNotNewer(found, known);
  const version = newestOf(found);
  if (version < known) {
    throw new MigrationError(
      `the database has schema version ${version}, this program needs ${known}: run \`remediation-audit migrate\` with DATABASE_OWNER_URL`,
    );
  }
}

function newestOf(migrations: readonly { readonly version: number }[]): number {
  return migrations.at(-1)?.version ?? 0;
}

/** Which of the four roles the server lacks; $1 is ROLES. */
const MISSING_ROLES = `
  array(select wanted from unnest($1::text[]) as wanted
        where not exists (select from pg_roles where rolname = wanted))`;

/** Names of those of the four roles that the server lacks. */
export async function missingRoles(client: pg.ClientBase | pg.Pool): Promise<readonly string[]> {
  const { rows } = await client.query<{ missing: string[] }>({
    text: `select ${MISSING_ROLES} as missing`,
    values: [ROLES],
  });
  return rows[0]?.missing ?? [];
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
        ${MISSING_ROLES} as missing`,
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

/** Until the end of the transaction. A second starter waits here, and then finds all applied. */
async function lockSchema(client: pg.ClientBase): Promise<void> {
  // "if not exists" alone looks before it locks, and two grants at once on one table fail: of two first starters one
  // would be turned away.
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

function requireReleased(found: readonly AppliedMigration[]): void {
  if (!found.some(({ name }) => name === FIRST_UNRELEASED_MIGRATION)) return;
  throw new MigrationError(
    'the database was made by a program from before the first release, whose schema is not upgraded: ' +
      'make a new database as docs/install.md does, or start `npm start` with another --data-dir',
  );
}

function requireNotNewer(found: readonly AppliedMigration[], known: number): void {
  const version = newestOf(found);
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

async function apply(client: pg.ClientBase, { version, name, sql, sha256 }: Migration): Promise<void> {
  try {
    await client.query(sql);
    await client.query({
      text: `
        insert into schema_migration (version, name, sha256) values ($1::integer, $2::text, $3::text)
        on conflict (version) do update set sha256 = excluded.sha256, applied_at = clock_timestamp()`,
      values: [version, name, sha256],
    });
  } catch (error: unknown) {
    throw new MigrationError(`cannot apply migrations/${name}.sql: ${reasonOf(error)}`, { cause: error });
  }
}
