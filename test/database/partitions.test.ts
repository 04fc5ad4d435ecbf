import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { ARCHIVED_TABLES } from '../../src/archive/parquet/archive-schema.ts';
import { listHolds, placeHold } from '../../src/database/holds/holds.ts';
import { selectMonth } from '../../src/database/months/month-states.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import { monthsAhead, partitionedTables, rollOver } from '../../src/database/months/partitions.ts';
import { TableLockedError } from '../../src/database/months/table-locks.ts';
import { addMonths, instantOf, monthOf } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
const now = instantOf(Date.now());

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

async function monthsOf(table: string): Promise<string[]> {
  const { rows } = await database.owner.query<{ month: string }>(
    `select replace(right(inhrelid::regclass::text, 7), '_', '-') as month
     from pg_inherits where inhparent = $1::text::regclass order by 1`,
    [table],
  );
  return rows.map(({ month }) => month);
}

async function withOwner<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await database.owner.connect();
  try {
    return await work(client);
  } finally {
    client.release(true);
  }
}

test('the rollover makes this month and those ahead on every partitioned table', async () => {
  const { ahead } = await rollOver(database.writer, now, 5);
  expect(ahead).toBe(5);
  const wanted = Array.from({ length: 6 }, (_, count) => addMonths(monthOf(now), count).slice(0, 7));
  const tables = await partitionedTables(database.owner);
  expect(tables).toHaveLength(ARCHIVED_TABLES.length);
  for (const table of tables) expect(await monthsOf(table), table).toEqual(wanted);
});

test('TRUNCATE of the ledger is refused to its owner, of all of it and of any month, also one that was attached again', async () => {
  const truncate = (relation: string) => database.owner.query(`truncate ${relation}`);
  await createMonth(database.owner, '2018-03-01');
  await database.owner.query('alter table audit_ledger detach partition audit_ledger_2018_03');
  await database.owner.query('drop trigger audit_no_truncate on audit_ledger_2018_03');
  await createMonth(database.owner, '2018-03-01');
  const months = (await monthsOf('audit_ledger')).map((month) => `audit_ledger_${month.replace('-', '_')}`);
  expect(months).toContain('audit_ledger_2018_03');
  for (const relation of ['audit_ledger', ...months])
    await expect(truncate(relation), relation).rejects.toThrow('append-only: TRUNCATE');
  // What is detached keeps refusing, and can be dropped.
  await database.owner.query('alter table audit_ledger detach partition audit_ledger_2018_03');
  await expect(truncate('audit_ledger_2018_03')).rejects.toThrow('append-only: TRUNCATE');
  for (const { name } of (
    await database.owner.query<{ name: string }>(
      "select relname as name from pg_class where relname like '%2018_03' and relkind = 'r'",
    )
  ).rows)
    await database.owner.query(`drop table ${name}`);
  await database.owner.query("delete from audit_partition where month = '2018-03-01'");
});

test('a second rollover changes nothing', async () => {
  const before = await monthsOf('audit_ledger');
  await rollOver(database.writer, now, 5);
  expect(await monthsOf('audit_ledger')).toEqual(before);
});

test.each(['2026-01-31T23:59:59.999999Z', '2024-02-29T12:00:00.000000Z', '2026-12-31T00:00:00.000000Z'])(
  'months are counted from the first day of the month of %s',
  async (instant) => {
    await rollOver(database.writer, instant, 3);
    expect(await monthsAhead(database.writer, instant)).toBeGreaterThanOrEqual(3);
  },
);

test('a table that came later gets the past months that are still live', async () => {
  await rollOver(database.owner, '2025-06-15T00:00:00.000000Z', 0);
  await database.owner.query(
    'create table latecomer_audit (like remediation_audit including all) partition by range (created_at)',
  );
  try {
    expect(await monthsAhead(database.writer, now)).toBe(-1);
    await rollOver(database.owner, now, 2);
    expect(await monthsOf('latecomer_audit')).toContain('2025-06');
    expect(await monthsAhead(database.writer, now)).toBeGreaterThanOrEqual(2);
  } finally {
    await database.owner.query('drop table latecomer_audit');
  }
});

test('months of the archive are not made again', async () => {
  await database.owner.query(
    "insert into audit_partition (month, state) values ('2019-01-01', 'dropped'), ('2019-02-01', 'detached')",
  );
  await rollOver(database.writer, now, 2);
  expect((await monthsOf('audit_ledger')).filter((month) => month.startsWith('2019'))).toEqual([]);
});

test('a rollover that is blocked says which session holds the lock, and succeeds when it is gone', async () => {
  const later = addMonths(monthOf(now), 6);
  await withOwner(async (dba) => {
    await dba.query("set application_name = 'nightly vacuum'");
    await dba.query('begin');
    await dba.query('lock table audit_ledger in share update exclusive mode');
    const blocked = rollOver(database.writer, now, 6);
    await expect(blocked).rejects.toBeInstanceOf(TableLockedError);
    await expect(blocked).rejects.toThrow(
      /^cannot make month [\d-]+: the lock is held by nightly vacuum \(pid \d+, audit_owner, ShareUpdateExclusiveLock on audit_ledger/,
    );
    await dba.query('rollback');
  });
  await rollOver(database.writer, now, 6);
  expect(await monthsOf('audit_ledger')).toContain(later.slice(0, 7));
});

test('readers and writers of the tables go on while months are made', async () => {
  await withOwner(async (reader) => {
    await reader.query('begin');
    await reader.query('select count(*) from audit_ledger');
    const { ahead } = await rollOver(database.writer, now, 8);
    expect(ahead).toBe(8);
    await reader.query('rollback');
  });
});

test('the times of a month and of a hold are instants, whatever the zone of the session', async () => {
  await createMonth(database.owner, '2022-05-01');
  await placeHold(
    database.writer,
    { from: '2022-05-03T04:05:06.000007Z' },
    { by: 'an auditor', reason: 'a test' },
  );
  await database.owner.query(
    `update audit_partition set detached_at = '2022-06-07 08:09:10.000011+00' where month = '2022-05-01'`,
  );
  await withOwner(async (client) => {
    await client.query("set timezone = 'America/New_York'");
    expect(await selectMonth(client, '2022-05-01')).toMatchObject({
      detachedAt: '2022-06-07T08:09:10.000011Z',
    });
    expect(await listHolds(client)).toMatchObject([{ scope: { from: '2022-05-03T04:05:06.000007Z' } }]);
  });
});
