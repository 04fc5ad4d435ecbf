import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { Client } from 'pg';

import { migrate } from '../../../src/database/migrate.ts';
import { createMonthsAhead } from '../../../src/database/months/partitions.ts';
import { instantOf } from '../../../src/domain/instant.ts';
import type { Logger } from '../../../src/observability/logger.ts';
import type { EmbeddedPostgres } from './postgres.ts';

const ROLES_SQL = fileURLToPath(new URL('../../../migrations/bootstrap/roles.sql', import.meta.url));
const DATABASE = 'remediation_audit';
const PASSWORD_BYTES = 18;

export interface EmbeddedDatabase {
  /** Connection string of audit_owner. */
  readonly ownerUrl: string;
  /** Connection string of audit_writer. */
  readonly writerUrl: string;
  /** Connection string of audit_reader. */
  readonly readerUrl: string;
  /** Connection string of audit_watcher. */
  readonly watcherUrl: string;
}

/** The database, the roles and the schema on the embedded server, as docs/install.md does it. Passwords are new at every start. */
export async function prepareDatabase(
  postgres: EmbeddedPostgres,
  monthsAhead: number,
  logger: Logger,
): Promise<EmbeddedDatabase> {
  const passwords = {
    audit_owner: newPassword(),
    audit_writer: newPassword(),
    audit_watcher: newPassword(),
    audit_reader: newPassword(),
  };
  const url = (role: keyof typeof passwords): string =>
    `postgres://${role}:${passwords[role]}@127.0.0.1:${postgres.port}/${DATABASE}`;
  try {
    await createDatabase(postgres, passwords);
    await bringUpToDate(url('audit_owner'), monthsAhead, logger);
  } catch (error: unknown) {
    throw await postgres.explain(error, 'make the tables of the database');
  }
  return {
    ownerUrl: url('audit_owner'),
    writerUrl: url('audit_writer'),
    readerUrl: url('audit_reader'),
    watcherUrl: url('audit_watcher'),
  };
}

async function createDatabase(
  postgres: EmbeddedPostgres,
  passwords: Readonly<Record<string, string>>,
): Promise<void> {
  await asAdministrator(postgres.superuserUrl(), async (admin) => {
    const { rowCount } = await admin.query('select from pg_database where datname = $1::text', [DATABASE]);
    if (rowCount === 0) await admin.query(`create database ${DATABASE}`);
  });
  await asAdministrator(postgres.superuserUrl(DATABASE), async (admin) => {
    await admin.query(await readFile(ROLES_SQL, 'utf8'));
    for (const [role, password] of Object.entries(passwords)) {
      await admin.query(`alter role ${role} password '${password}'`);
    }
  });
}

async function asAdministrator(
  connectionString: string,
  work: (admin: Client) => Promise<void>,
): Promise<void> {
  const admin = new Client({ connectionString });
  // Its loss shows in the query that is under way; unheard, it would end the process.
  admin.on('error', () => undefined);
  await admin.connect();
  try {
    await work(admin);
  } finally {
    await admin.end();
  }
}

async function bringUpToDate(connectionString: string, monthsAhead: number, logger: Logger): Promise<void> {
  const client = new Client({ connectionString, application_name: 'remediation-audit migrate' });
  client.on('error', (error) => {
    logger.warn({ reason: error.message }, 'the connection of the migration was lost');
  });
  await client.connect();
  try {
    await migrate(client);
    await createMonthsAhead(client, instantOf(Date.now()), monthsAhead);
  } finally {
    await client.end();
  }
}

function newPassword(): string {
  // base64url has no character that would need quoting in SQL or escaping in a URL.
  return randomBytes(PASSWORD_BYTES).toString('base64url');
}
