import type pg from 'pg';

import type { Config } from '../config/config.ts';
import { missingRoles, requireSchema } from '../database/migrate.ts';
import { monthsAhead } from '../database/months/partitions.ts';
import { createPool } from '../database/pool.ts';
import { sqlStateOf } from '../database/sqlstate.ts';
import { reasonOf } from '../domain/errors.ts';
import { instantOf } from '../domain/instant.ts';
import { SECOND_MS } from '../domain/time.ts';
import type { Check, Outcome } from './check.ts';
import { notConfigured, ok, wrong } from './check.ts';
import type { Examined } from './examined.ts';

/** A connection of the configuration, and the roles that it may be made as. */
interface Connection {
  readonly variable: string;
  readonly url: string;
  readonly roles: readonly string[];
}

interface OpenConnection extends Connection {
  readonly pool: pg.Pool;
  /** Name of the check that it is made as the right role. */
  readonly check: string;
}

const CONNECT_MS = 5_000;
const STATEMENT_MS = 5_000;
/** A watch and a record may differ by so much unnoticed; NTP keeps clocks within a few milliseconds. */
const MOST_SKEW_MS = 2_000;

/** SQLSTATEs of a server that answers and cannot serve anybody: no such database, and starting or stopping. */
const SERVES_NOBODY = new Set(['3D000', '57P03']);

function connectionsOf({ url, readerUrl, ownerUrl }: Config['database']): readonly Connection[] {
  return [
    // `watch` has it as audit_watcher, `work` and `serve` as audit_writer.
    { variable: 'DATABASE_URL', url, roles: ['audit_writer', 'audit_watcher'] },
    { variable: 'DATABASE_READER_URL', url: readerUrl, roles: ['audit_reader'] },
    { variable: 'DATABASE_OWNER_URL', url: ownerUrl, roles: ['audit_owner'] },
  ];
}

/** The servers, the roles, the schema, the months ahead, and the clock. */
export function databaseChecks(examined: Examined): readonly Check[] {
  const named = connectionsOf(examined.config.database);
  const opened = named.filter(({ url }) => url !== '').map((one) => open(one, examined));
  const unset = named
    .filter(({ url }) => url === '')
    .map(({ variable }) => notConfigured(`role of ${variable}`, `${variable} is not set`));
  const [first] = opened;
  return [
    ...serverChecks(opened),
    ...opened.map(roleCheck),
    ...unset,
    ...(first === undefined ? [] : contentChecks(first, examined)),
  ];
}

function open(connection: Connection, { config, logger, closing }: Examined): OpenConnection {
  const pool = createPool({
    connectionString: connection.url,
    applicationName: 'remediation-audit doctor',
    max: 1,
    connectTimeoutMs: CONNECT_MS,
    statementTimeoutMs: Math.min(STATEMENT_MS, config.database.statementTimeoutMs),
    logger,
  });
  closing.push(() => pool.end());
  return { ...connection, pool, check: `role of ${connection.variable}` };
}

/** Host, port and database, which is no secret. */
function addressOf({ url }: Connection): string {
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port === '' ? '5432' : port}${pathname}`;
}

const serverCheckOf = (connection: Connection): string => `database ${addressOf(connection)}`;

/** One for each database that the connections name, whoever connects to it. */
function serverChecks(opened: readonly OpenConnection[]): readonly Check[] {
  const byName = new Map(opened.toReversed().map((one) => [serverCheckOf(one), one]));
  return [...byName].map(([name, { pool, variable }]) => ({
    name,
    remedy: `start PostgreSQL, or check ${variable}`,
    run: async () => {
      try {
        const { rows } = await pool.query<{ version: string }>(
          "select current_setting('server_version') as version",
        );
        return ok(`PostgreSQL ${rows[0]?.version ?? 'of unknown version'} answers`);
      } catch (error: unknown) {
        const state = sqlStateOf(error);
        // Whom it turns away is for the check of the role.
        if (state === undefined || SERVES_NOBODY.has(state)) throw error;
        return ok('PostgreSQL answers');
      }
    },
  }));
}

function roleCheck(connection: OpenConnection): Check {
  const { variable, pool, check: name, roles } = connection;
  return {
    name,
    after: [serverCheckOf(connection)],
    remedy: `set the password or the rights of its role as docs/install.md does, or correct ${variable}`,
    run: async (): Promise<Outcome> => {
      const { rows } = await pool.query<{ role: string; isSuperuser: boolean; fitting: string[] }>({
        text: `
          select current_user as role,
            (select rolsuper from pg_roles where rolname = current_user) as "isSuperuser",
            array(select rolname::text from pg_roles
                  where rolname = any ($1::text[]) and pg_has_role(current_user, oid, 'usage')) as fitting`,
        values: [roles],
      });
      const { role = '', isSuperuser = false, fitting = [] } = rows[0] ?? {};
      const wanted = roles.join(' or ');
      if (isSuperuser)
        return wrong(
          `${variable} connects as ${role}, a superuser`,
          `connect as ${wanted}, which may do less`,
        );
      if (fitting.length === 0)
        return wrong(`${variable} connects as ${role}, which is not ${wanted}`, `connect as ${wanted}`);
      return ok(role);
    },
  };
}

/** Asked over the first connection that is configured. */
function contentChecks({ pool, check }: OpenConnection, { config, nowMs }: Examined): readonly Check[] {
  const wanted = config.database.monthsAhead;
  return [
    {
      name: 'roles',
      after: [check],
      remedy: 'check the rights of its role',
      run: async () => {
        const missing = await missingRoles(pool);
        if (missing.length === 0) return ok('all four are there');
        return wrong(
          `the database has no role ${missing.join(', ')}`,
          'run migrations/bootstrap/roles.sql once as an administrator',
        );
      },
    },
    {
      name: 'schema',
      after: [check],
      remedy: 'run `remediation-audit migrate` with DATABASE_OWNER_URL',
      run: async () => {
        try {
          await requireSchema(pool);
          return ok('the version that this program knows');
        } catch (error: unknown) {
          if (sqlStateOf(error) !== undefined) throw error;
          // What this program says of a schema ends with its own remedy.
          return wrong(reasonOf(error));
        }
      },
    },
    {
      name: 'months ahead',
      after: ['schema'],
      remedy: 'check the rights of its role',
      run: async () => {
        const there = await monthsAhead(pool, instantOf(nowMs()));
        if (there >= wanted) return ok(`${there}`);
        const found = there < 0 ? 'the month of today is missing' : `${there} instead of ${wanted}`;
        return wrong(
          found,
          'run `remediation-audit migrate`, and see in the log of `work` what keeps it from it',
        );
      },
    },
    {
      name: 'clock',
      after: [check],
      remedy: 'check that PostgreSQL answers statements',
      run: () => checkClock(pool, nowMs),
    },
  ];
}

async function checkClock(pool: pg.Pool, nowMs: () => number): Promise<Outcome> {
  const client = await pool.connect();
  try {
    const before = nowMs();
    const { rows } = await client.query<{ ms: string }>(
      'select (extract(epoch from clock_timestamp()) * 1000)::text as ms',
    );
    const after = nowMs();
    const aheadMs = (before + after) / 2 - Number(rows[0]?.ms);
    // Where the answer took long, nobody knows when the database looked at its clock.
    if (Math.abs(aheadMs) <= MOST_SKEW_MS + (after - before) / 2)
      return ok(`within ${MOST_SKEW_MS / SECOND_MS} s of that of PostgreSQL`);
    const seconds = Math.round(Math.abs(aheadMs) / SECOND_MS);
    return wrong(
      `this machine is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} PostgreSQL`,
      'synchronise both with NTP',
    );
  } finally {
    client.release();
  }
}
