import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { migrate, readMigrations, readSchemaFiles } from '../../src/database/migrate.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import type { Column, RecordDefinition } from '../../src/domain/records/definition.ts';
import { DESCRIBED_TABLES, RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import type { ServiceTable } from '../../src/domain/records/service-tables.ts';
import { PARTITION_STATES, SERVICE_TABLES } from '../../src/domain/records/service-tables.ts';
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { describeSchema, readCatalogue } from '../support/describe-schema.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const DEFINED: readonly (RecordDefinition | ServiceTable)[] = [...DESCRIBED_TABLES, ...SERVICE_TABLES];
const RECORDS: readonly RecordDefinition[] = DESCRIBED_TABLES;

/** How the catalogue spells the types of the definitions, on a server without pgvector. */
const SQL_TYPE: Readonly<Record<string, string>> = {
  timestamptz: 'timestamp with time zone',
  vector: 'real[]',
};

async function ask<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  return (await database.owner.query<Row>(text, values)).rows;
}

test('test/schema.sql is what the migrations make; `npm run schema:dump` writes it', async () => {
  const reviewed = readFileSync(new URL('../schema.sql', import.meta.url), 'utf8');
  expect(await describeSchema(database.owner)).toBe(reviewed);
});

test('every migration begins by saying what it changes, what it locks and how it is undone', () => {
  for (const { name, sql } of readMigrations()) {
    const header = sql.slice(0, sql.search(/^(?!--)/m));
    for (const part of ['-- What changes:', '-- Locks:', 'Online:', '-- Undo by hand:']) {
      expect(header, name).toContain(part);
    }
  }
});

describe('the migrated catalogue and the definitions agree:', () => {
  test('no table is without a definition, no definition without a table', async () => {
    const tables = [...(await readCatalogue(database.owner)).keys()].sort();
    expect(tables).toEqual(DEFINED.map(({ table }) => table).sort());
  });

  test.each(DEFINED.map((definition) => [definition.table, definition] as const))(
    'column by column in %s',
    async (table, { columns }) => {
      const catalogue = (await readCatalogue(database.owner)).get(table) ?? [];
      const defined = columns.map(({ name, type, notNull = false }) => ({
        name,
        type: SQL_TYPE[type] ?? type,
        notNull,
      }));
      // Not in order: a column that a later migration adds is the last of its table, wherever the definition has it.
      const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1);
      expect([...catalogue].sort(byName)).toEqual([...defined].sort(byName));
    },
  );

  test('partitioned by created_at is what says so', async () => {
    const rows = await ask<{ table: string; key: string }>(
      'select partrelid::regclass::text as table, pg_get_partkeydef(partrelid) as key from pg_partitioned_table order by 1',
    );
    const partitioned = [
      ...RECORDS.filter(({ partitioned = true }) => partitioned),
      ...SERVICE_TABLES.filter((service) => 'partitioned' in service),
    ];
    expect(rows).toEqual(
      partitioned
        .map(({ table }) => table)
        .sort()
        .map((table) => ({ table, key: 'RANGE (created_at)' })),
    );
  });

  test('a score is checked to lie between 0 and 1, by a constraint that names table and column', async () => {
    const rows = await ask<{ name: string; definition: string }>(
      `
      select conname as name, pg_get_constraintdef(oid) as definition
      from pg_constraint
      where contype = 'c' and conrelid = any ($1::regclass[]) and conname !~ 'embedding_check$'
      order by 1`,
      [`{${RECORDS.map(({ table }) => table).join(',')}}`],
    );
    const ranges = RECORDS.flatMap(({ table, columns }) =>
      columns.flatMap(({ name, range }) =>
        range === undefined
          ? []
          : [
              {
                name: `${table}_${name}_check`,
                definition: `CHECK (((${name} >= (${range[0]})::numeric) AND (${name} <= (${range[1]})::numeric)))`,
              },
            ],
      ),
    );
    expect(rows).toEqual(ranges.sort((left, right) => (left.name < right.name ? -1 : 1)));
    expect(rows).not.toEqual([]);
  });

  test('the states of a month are the same in both', async () => {
    const [row] = await ask<{ definition: string }>(
      `select pg_get_constraintdef(oid) as definition from pg_constraint where conname = 'audit_partition_state_check'`,
    );
    expect([...(row?.definition ?? '').matchAll(/'(\w+)'::text/g)].map(([, state]) => state)).toEqual(
      PARTITION_STATES,
    );
  });
});

describe('an index', () => {
  interface IndexColumn {
    table: string;
    index: string;
    column: string;
  }
  const indexColumns = (): Promise<IndexColumn[]> =>
    ask<IndexColumn>(`
      select indrelid::regclass::text as "table", indexrelid::regclass::text as "index", attname as "column"
      from pg_index
      join pg_class as class on class.oid = indrelid
      cross join unnest(indkey[0:indnkeyatts - 1]) as key (number)
      join pg_attribute on attrelid = indrelid and attnum = key.number
      where class.relnamespace = 'public'::regnamespace and not class.relispartition
      order by 1, 2`);

  test('carries the name of its table', async () => {
    for (const { table, index } of await indexColumns()) {
      expect(index.startsWith(`${table}_`), index).toBe(true);
    }
  });

  test('holds only text that is marked as a bounded identifier, and every identifier has one', async () => {
    const indexed = await indexColumns();
    for (const { table, columns } of RECORDS) {
      const keys = new Set(indexed.filter((row) => row.table === table).map(({ column }) => column));
      const texts: readonly Column[] = columns.filter(({ type }) => type === 'text');
      expect(
        texts.filter(({ name }) => keys.has(name)).map(({ name }) => name),
        table,
      ).toEqual(texts.filter(({ identifier }) => identifier === true).map(({ name }) => name));
    }
  });
});

describe('least privilege:', () => {
  const privilegesOf = (role: string): Promise<{ privilege: string }[]> =>
    ask<{ privilege: string }>(
      `select distinct privilege_type as privilege
       from information_schema.role_table_grants
       where grantee = $1::text and table_schema = 'public'
       order by 1`,
      [role],
    );

  test('writer and reader only read: what is written goes through functions', async () => {
    expect(await privilegesOf('audit_writer')).toEqual([{ privilege: 'SELECT' }]);
    expect(await privilegesOf('audit_reader')).toEqual([{ privilege: 'SELECT' }]);
  });

  const refused: [string, string][] = [
    ['change what was quarantined', `update audit_quarantine set payload = ''`],
    ['rewrite why something is held', `update audit_hold set reason = ''`],
    ['see who read what', 'select from audit_access'],
    ['raise the epoch of a cluster', `insert into audit_cluster (cluster) values ('test')`],
    ['say where a month is', `update audit_partition set state = 'dropped'`],
    ['turn the embeddings into another type', 'select audit_use_vector()'],
  ];
  test.each(refused)('the writer may not %s', async (_what, statement) => {
    await expect(database.writer.query(statement)).rejects.toMatchObject({ code: '42501' });
  });
});

test('a later migration gives a new table the months that exist', async () => {
  const older = await createEmptyDatabase();
  const client = await older.owner.connect();
  const files = readSchemaFiles();
  const sql = `
    create table later_audit (id uuid not null, created_at timestamptz not null, primary key (id, created_at))
      partition by range (created_at);
    select audit_create_month(month) from audit_partition where state = 'live' order by month`;
  const later = { version: files.migrations.length + 1, name: 'later', sql, sha256: 'hash of later' };
  try {
    await migrate(client, files);
    for (const month of ['2025-03-01', '2025-04-01']) await createMonth(client, month);
    await migrate(client, { ...files, migrations: [...files.migrations, later] });
  } finally {
    client.release();
  }
  const { rows } = await older.owner.query<{ table: string; months: string }>(`
    select partrelid::regclass::text as "table", count(inhrelid)::integer as months
    from pg_partitioned_table
    left join pg_inherits on inhparent = partrelid
    group by partrelid
    order by 1`);
  await older.close();
  expect(rows).toEqual(
    [...RECORD_DEFINITIONS.map(({ table }) => table), 'audit_access', 'audit_ledger', 'later_audit']
      .sort()
      .map((table) => ({ table, months: 2 })),
  );
});

test('every table and column says in the database what it means', async () => {
  const rows = await ask<{ name: string; comment: string | null }>(`
    select class.relname || coalesce('.' || attribute.attname, '') as name,
      described.description as comment
    from pg_class as class
    cross join lateral (
      select attname, attnum from pg_attribute where attrelid = class.oid and attnum > 0 and not attisdropped
      union all
      select null, 0
    ) as attribute
    left join pg_description as described on described.classoid = 'pg_class'::regclass
      and described.objoid = class.oid and described.objsubid = attribute.attnum
    where class.relnamespace = 'public'::regnamespace and class.relkind in ('r', 'p') and not class.relispartition`);
  expect(rows.length).toBeGreaterThan(200);
  const described = DEFINED.flatMap(({ table, meaning, columns }) => [
    [table, meaning],
    ...columns.map((column) => [`${table}.${column.name}`, column.meaning]),
  ]);
  expect(Object.fromEntries(rows.map(({ name, comment }) => [name, comment]))).toEqual(
    Object.fromEntries(described),
  );
});
