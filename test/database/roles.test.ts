import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { selectCompleteness, selectGapCounts } from '../../src/database/reading/completeness.ts';
import { createClusterRegister, forgetIdentity } from '../../src/database/reading/watched-cluster.ts';
import { SQLSTATE } from '../../src/database/sqlstate.ts';
import type { TestDatabase } from '../support/database.ts';
import { createTestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

type Role = Parameters<TestDatabase['url']>[0];

/** On a connection that sets nothing itself, as psql opens it. */
async function queryAs<Row extends object>(role: Role, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database.url(role) });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function tablesReadBy(role: Role): Promise<string[]> {
  const { rows } = await database.owner.query<{ name: string }>(
    `select class.relname as name
     from pg_class as class
     where class.relnamespace = 'public'::regnamespace and class.relkind in ('r', 'p', 'v', 'm', 'f')
       and (has_table_privilege($1::text, class.oid, 'select, insert, update, delete, truncate, references, trigger')
         or has_any_column_privilege($1::text, class.oid, 'select, insert, update, references'))
     order by 1`,
    [role],
  );
  return rows.map(({ name }) => name);
}

describe('nobody by chance:', () => {
  test('PUBLIC may neither connect nor make temporary tables', async () => {
    const { rows } = await database.owner.query<{ privilege: string }>(
      `select privilege_type as privilege
       from pg_database cross join aclexplode(coalesce(datacl, acldefault('d', datdba)))
       where datname = current_database() and grantee = 0`,
    );
    expect(rows).toEqual([]);
  });

  test('PUBLIC may execute no function that runs as its owner', async () => {
    const { rows } = await database.owner.query<{ name: string }>(
      `select proname as name
       from pg_proc cross join aclexplode(coalesce(proacl, acldefault('f', proowner)))
       where pronamespace = 'public'::regnamespace and prosecdef and grantee = 0`,
    );
    expect(rows).toEqual([]);
  });

  test('every function that runs as its owner has a search path of its own, with the temporary tables last', async () => {
    const { rows } = await database.owner.query<{ config: string[] | null }>(
      `select proconfig as config from pg_proc where pronamespace = 'public'::regnamespace and prosecdef`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { config } of rows) expect(config).toContain('search_path=public, pg_temp');
  });
});

describe('a session that sets no limits itself has those of its role:', () => {
  const SETTINGS = `
    select current_setting('default_transaction_read_only') as "readOnly", current_setting('statement_timeout') as statement,
      current_setting('idle_in_transaction_session_timeout') as idle, current_setting('lock_timeout') as lock,
      current_setting('timezone') as zone`;
  test.each([
    ['audit_reader', { readOnly: 'on', statement: '5min', idle: '5min', lock: '5s' }],
    ['audit_watcher', { readOnly: 'off', statement: '1min', idle: '1min', lock: '5s' }],
    ['audit_writer', { readOnly: 'off', statement: '5min', idle: '1min', lock: '30s' }],
    ['audit_owner', { readOnly: 'off', statement: '0', idle: '1h', lock: '0' }],
  ] as const)('%s', async (role, limits) => {
    expect(await queryAs(role, SETTINGS)).toMatchObject([limits]);
  });
});

describe('the reader', () => {
  test('reads in transactions that only read', async () => {
    await expect(queryAs('audit_reader', 'create table mine ()')).rejects.toMatchObject({ code: '25006' });
  });

  test.each([
    ['who read what', 'select from audit_access'],
    ['a table', 'begin read write; create table mine ()'],
    ['a change', `begin read write; update remediation_audit set verdict = ''`],
  ])('gets no %s', async (_what, statement) => {
    await expect(queryAs('audit_reader', statement)).rejects.toMatchObject({
      code: SQLSTATE.insufficient_privilege,
    });
  });
});

describe('whatever the reader runs,', () => {
  /** As the sessions of `serve`, which anybody who runs a statement may ask to write. */
  const asWriting = (statement: string) => queryAs('audit_reader', `begin read write; ${statement}`);

  async function relations(): Promise<string[]> {
    const { rows } = await database.owner.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1`,
    );
    return rows.map(({ name }) => name);
  }

  test('it changes no table, month or ledger: insert, update, delete and truncate are refused', async () => {
    const names = await relations();
    expect(names.length).toBeGreaterThan(30);
    for (const name of names)
      for (const statement of [
        `insert into ${name} select * from ${name} limit 1`,
        `delete from ${name}`,
        `truncate ${name}`,
        `lock table ${name} in exclusive mode`,
        `alter table ${name} disable trigger all`,
        `drop table ${name}`,
      ])
        await expect(asWriting(statement), statement).rejects.toMatchObject({
          code: SQLSTATE.insufficient_privilege,
        });
  });

  test('of the functions that run as their owner it may call those that read, and the one that notes a read', async () => {
    const { rows } = await database.owner.query<{ name: string }>(
      `select proname as name from pg_proc
       where pronamespace = 'public'::regnamespace and prosecdef and provolatile = 'v'
         and has_function_privilege('audit_reader', oid, 'execute')
       order by 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['audit_note_access']);
  });

  test('it becomes no other role', async () => {
    for (const role of ['audit_owner', 'audit_writer', 'audit_watcher'])
      await expect(asWriting(`set role ${role}`), role).rejects.toMatchObject({
        code: SQLSTATE.insufficient_privilege,
      });
  });

  test('it has temporary tables, in which a report puts what it reads of the archive', async () => {
    await asWriting('create temporary table mine (id int); insert into mine values (1)');
  });
});

describe('the watcher', () => {
  test('may read one table and change none', async () => {
    expect(await tablesReadBy('audit_watcher')).toEqual(['observed_resource']);
    const { rows } = await database.owner.query<{ may: boolean }>(
      `select has_table_privilege('audit_watcher', 'observed_resource', 'insert, update, delete, truncate') as may`,
    );
    expect(rows).toEqual([{ may: false }]);
  });

  test.each([
    ['read a record', 'select from remediation_audit'],
    ['read the ledger', 'select from audit_ledger'],
    ['read who read what', 'select from audit_access'],
    ['read what could not be stored', 'select from audit_quarantine'],
    ['write what it observes itself', 'update observed_resource set deleted_at = now()'],
    ['take a cluster for another', `update watched_cluster set identity = 'another'`],
    ['raise an epoch', `insert into audit_cluster (cluster, epoch) values ('test', 9)`],
    ['make a month', `select audit_create_month('2026-11-01')`],
    ['make a temporary table', 'create temporary table mine ()'],
  ])('may not %s', async (_what, statement) => {
    await expect(database.watcher.query(statement)).rejects.toMatchObject({
      code: SQLSTATE.insufficient_privilege,
    });
  });

  test('registers its cluster, which another one cannot take, and reports on it', async () => {
    const register = createClusterRegister(database.watcher);
    expect(await register.register('prod', 'uid-1')).toBe('uid-1');
    expect(await register.register('prod', 'uid-2')).toBe('uid-1');
    await register.report('prod', { kinds: [], gaps: [], gapsLeftOut: 0 });
    const owner = await database.owner.connect();
    try {
      await forgetIdentity(owner, 'prod');
    } finally {
      owner.release();
    }
    expect(await register.register('prod', 'uid-2')).toBe('uid-2');
  });

  test('answers for completeness what the service answers', async () => {
    await createClusterRegister(database.watcher).report('here', { kinds: [], gaps: [], gapsLeftOut: 0 });
    await database.owner.query(
      `insert into audit_quarantine (table_name, cluster, reason, payload, payload_hash)
       values ('remediation_audit', 'here', 'test', '{}', '\\x00')`,
    );
    const question = { cluster: 'here' };
    const answer = await selectCompleteness(database.watcher, question);
    expect(answer).toEqual(await selectCompleteness(database.writer, question));
    expect(answer).toMatchObject({
      clusters: [{ cluster: 'here', state: 'incomplete' }],
      gaps: [{ reason: 'quarantined' }],
    });
    expect(await selectGapCounts(database.watcher, 'here')).toEqual(new Map([['quarantined', 1]]));
  });
});
