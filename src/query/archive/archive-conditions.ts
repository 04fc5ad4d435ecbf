import type { Filter, Position, RecordQuery } from '../../database/reading/record-query.ts';
import { quoteIdentifier, quoteLiteral } from '../../database/sql.ts';
import type { ColumnType } from '../../domain/column-types.ts';
import { columnType } from '../../domain/column-types.ts';
import type { ColumnTypeDescription } from '../../domain/column-types/description.ts';
import { parseInterval } from '../../domain/duration.ts';

/** The conditions of a list, for DuckDB over archived rows: each means there what it means in PostgreSQL. */
export function archiveConditions({
  filters,
  since,
  until,
  order,
  after,
}: Omit<RecordQuery, 'limit'>): readonly string[] {
  return [
    ...filters.map(conditionOf),
    ...(since === undefined ? [] : [`created_at >= ${instant(since)}`]),
    ...(until === undefined ? [] : [`created_at < ${instant(until)}`]),
    ...(after === undefined ? [] : behind(after, order)),
  ];
}

/** The first of the two is what the statistics of row groups can answer; the second is exact. */
function behind({ createdAt, id }: Position, order: RecordQuery['order']): string[] {
  const sign = order === 'newest' ? '<' : '>';
  return [
    `created_at ${sign}= ${instant(createdAt)}`,
    `(created_at, id) ${sign} (${instant(createdAt)}, ${uuid(id)})`,
  ];
}

/** A literal of an instant. DuckDB gets its values in the text of the statement, so each is quoted. */
export function instant(text: string): string {
  return `${quoteLiteral(text)}::timestamptz`;
}

/** A literal of an id; a text that is not one fails in DuckDB and never becomes a part of the statement. */
export function uuid(text: string): string {
  return `${quoteLiteral(text)}::uuid`;
}

/**
 * One filter as a condition. A filter that is unknown here does not compile: each must have its meaning in
 * both places.
 */
function conditionOf(filter: Filter): string {
  const name = quoteIdentifier(filter.column.name);
  switch (filter.is) {
    case 'absent':
      return `${name} is null`;
    case 'any':
      return `(${filter.of.map(conditionOf).join(' or ')})`;
    case 'client-id':
      // 36 characters, as the index of the database has it.
      return `left(${name} ->> '$.client_id', 36) = ${quoteLiteral(filter.value)}`;
    case 'prefix':
      return `starts_with(${name}, ${quoteLiteral(filter.value)})`;
    case 'equal':
      return equals(name, filter.value, filter.column.type);
  }
}

function equals(name: string, value: string, type: ColumnType): string {
  const { as, compare } = columnType(type).archived;
  return EQUAL[compare](name, value, as);
}

type Equality = (name: string, value: string, type: string) => string;

/** By how values of a type are compared; `type` is the name of the column's type, which DuckDB has too. */
const EQUAL: Readonly<Record<ColumnTypeDescription['archived']['compare'], Equality>> = {
  native: (name, value, type) => `${name} = ${quoteLiteral(value)}::${type}`,
  number: (name, value) => `${plainNumber(name)} = ${quoteLiteral(canonicalNumber(value))}`,
  duration: (name, value) => `${microseconds(name)} = ${microsecondsOf(value)}::hugeint`,
};

/** The archive has PostgreSQL's text of a number, which keeps its scale: 1.0 and 1.00 are equal and look different. */
function plainNumber(name: string): string {
  return `case when contains(${name}, '.') then rtrim(rtrim(${name}, '0'), '.') else ${name} end`;
}

/** The counterpart of `plainNumber` for a value that is given: without leading zeros, and without those of the fraction. */
function canonicalNumber(text: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)0*(\d+)(?:\.(\d*?)0*)?$/.exec(text) ?? [];
  const number = fraction === '' ? whole : `${whole}.${fraction}`;
  return number === '0' ? number : `${sign}${number}`;
}

// PostgreSQL keeps intervals in microseconds.
const MICROSECONDS_PER_DAY = 86_400_000_000n;
const NANOSECONDS_PER_MICROSECOND = 1_000n;

/** As PostgreSQL compares intervals: a day of 24 hours, a month of 30 days. */
function microseconds(name: string): string {
  const count = (unit: string): string =>
    `coalesce(try_cast(ltrim(regexp_extract(${name}, '([+-]?[0-9]+) ${unit}', 1), '+') as hugeint), 0)`;
  const clock = (group: number): string =>
    `coalesce(try_cast(regexp_extract(${name}, '([0-9]+):([0-9]{2}):([0-9]{2})', ${group}) as hugeint), 0)`;
  const fraction = `coalesce(try_cast(rpad(regexp_extract(${name}, '\\.([0-9]+)$', 1), 6, '0') as hugeint), 0)`;
  const sign = `case when regexp_matches(${name}, '-[0-9]+:') then -1 else 1 end`;
  return `(((${count('year')} * 12 + ${count('mon')}) * 30 + ${count('day')}) * ${MICROSECONDS_PER_DAY}
    + ${sign} * (((${clock(1)} * 60 + ${clock(2)}) * 60 + ${clock(3)}) * 1000000 + ${fraction})
    + if(${name} is null, null, 0))`;
}

/** Throws on text that is not an interval: filters are checked before they come here. */
function microsecondsOf(interval: string): string {
  const nanoseconds = parseInterval(interval);
  if (nanoseconds === undefined) throw new RangeError(`${JSON.stringify(interval)} is not a plain interval`);
  return String(nanoseconds / NANOSECONDS_PER_MICROSECOND);
}
