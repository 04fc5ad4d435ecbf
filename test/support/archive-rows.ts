import { randomBytes, randomUUID } from 'node:crypto';

import type pg from 'pg';

import { archivedTable } from '../../src/archive/parquet/archive-schema.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { SERVICE_TABLES } from '../../src/domain/records/service-tables.ts';
import type { Random } from './random.ts';

type Maker = (random: Random) => string;

const AWKWARD_TEXT = [
  '',
  'NULL',
  '\\N',
  '\\.',
  '"',
  '""',
  "'",
  ',',
  'two\nlines',
  'carriage\r\nreturn',
  '\r',
  '\t',
  ' ',
  ' padded ',
  '\\x00',
  '\u00e4\u{1F600}\u2028',
  '"quoted", and "again"\n"',
  '{"a":1}',
  'x'.repeat(70_000),
];

/** Values that something between PostgreSQL and a Parquet reader may change, by type of column. */
const VALUES: Readonly<Record<string, Maker>> = {
  text: (random) =>
    random.below(3) === 0 ? randomBytes(random.below(40)).toString('base64') : random.pick(AWKWARD_TEXT),
  uuid: () => randomUUID(),
  timestamptz: (random) =>
    random.pick([
      '0001-01-02 00:00:00.000001+00',
      '9999-12-31 23:59:59.999999+00',
      '1969-12-31 23:59:59.999999+00',
      '2026-03-29 01:59:59.1+00',
      '2026-03-01 00:00:00+05:30',
      `2026-0${1 + random.below(9)}-1${random.below(9)} 12:00:00.${random.below(1_000_000)}+00`,
    ]),
  interval: (random) =>
    random.pick([
      '58 hours',
      '2 days 10 hours',
      '-1 days +02:03:04',
      '1 mon -3 days 00:00:00.000001',
      '0',
      '178000000 years',
    ]),
  numeric: (random) =>
    random.pick(['0', '0.0', '1.0', '0.999999999999999999999999999999999999999999999', '1', '0.10']),
  bigint: (random) =>
    random.pick([
      '0',
      '-9223372036854775808',
      '9223372036854775807',
      '9007199254740993',
      '-1000000000000000',
    ]),
  integer: (random) => random.pick(['0', '-2147483648', '2147483647', '42']),
  boolean: (random) => random.pick(['true', 'false']),
  jsonb: (random) =>
    random.pick([
      'null',
      '{}',
      '[]',
      '"text"',
      '{"n": 9007199254740993, "d": 1.10, "e": 1e300, "s": "a\\nb\\"c"}',
      '[{"duration": "2 days 10:00:00"}, null, "\\u00e4"]',
    ]),
  bytea: (random) => `\\x${randomBytes(random.below(40)).toString('hex')}`,
};

interface FilledColumn {
  readonly name: string;
  readonly type: string;
  readonly notNull?: boolean;
}

function columnsOf(table: string): readonly FilledColumn[] {
  const described = [...RECORD_DEFINITIONS, ...SERVICE_TABLES].find((known) => known.table === table);
  return described?.columns ?? archivedTable(table).columns;
}

/** Rows of every awkward value within one month (`2026-03-01`), straight into the table: as owner. */
export async function insertAwkwardRows(
  client: pg.ClientBase | pg.Pool,
  table: string,
  { month, rows, random }: { month: string; rows: number; random: Random },
): Promise<void> {
  const columns = columnsOf(table);
  for (let row = 0; row < rows; row += 1) {
    const values = columns.map(({ name, type, notNull }) => {
      if (name === 'created_at')
        return `${month.slice(0, 8)}${10 + random.below(18)} 10:00:00.${random.below(1_000_000)}+00`;
      if (notNull !== true && random.below(4) === 0) return null;
      return (VALUES[type] ?? VALUES['text'])?.(random) ?? null;
    });
    await client.query({
      text: `insert into ${quoteIdentifier(table)} (${columns.map(({ name }) => quoteIdentifier(name)).join(', ')})
        values (${columns.map(({ type }, index) => `$${index + 1}::${type}`).join(', ')})`,
      values,
    });
  }
}
