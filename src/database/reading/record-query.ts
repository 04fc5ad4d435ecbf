import type pg from 'pg';

import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { quoteIdentifier } from '../sql.ts';

/*
 * Reading: what the database alone answers. The rooms above combine it with the archive.
 *
 * In: definitions, filters and positions, already checked by the caller. Out: rows as the driver returns them, as text that
 * loses nothing. This file builds the conditions; record-reader reads pages of one table, remediation-reader the records
 * of one remediation, record-history its ledger entries, and snapshot reads at one moment in which no month moves. For
 * the watcher: observed-resource-reader (what is recorded of each resource), completeness (what is missing), and
 * watched-cluster (which cluster a name means).
 *
 * Must stay true: nothing here changes records; identifiers come from definitions only, values are parameters only; lists
 * continue after a key, never after an offset, and read one row more than requested instead of counting.
 */

/** A row as the driver leaves it: text, numbers as decimal text, JSON as text, booleans. */
export type RecordRow = Readonly<Record<string, string | number | boolean | null>>;

/** The position of a row in a list. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

export const LIST_ORDERS = ['newest', 'oldest'] as const;
export type ListOrder = (typeof LIST_ORDERS)[number];

/** One condition on one column. Values are text that PostgreSQL reads as the column's type. */
export type Filter =
  | { readonly column: Column; readonly is: 'equal' | 'prefix'; readonly value: string }
  /** The id that a client posted the record with, in the column's `client_id`. */
  | { readonly column: Column; readonly is: 'client-id'; readonly value: string }
  /** Not known. */
  | { readonly column: Column; readonly is: 'absent' }
  | { readonly column: Column; readonly is: 'any'; readonly of: readonly Filter[] };

export interface RecordQuery {
  readonly filters: readonly Filter[];
  /** Records that live at or after this instant. */
  readonly since?: string | undefined;
  /** Records that live before this instant. */
  readonly until?: string | undefined;
  readonly order: ListOrder;
  readonly limit: number;
  readonly after?: Position | undefined;
}

interface Statement {
  readonly text: string;
  readonly values: readonly string[];
}

/** One page of a list. Only names from definitions get into the text; every value is a parameter. */
export function pageStatement(
  definition: RecordDefinition,
  query: RecordQuery,
  list = selectedColumns(definition),
): Statement {
  const values: string[] = [];
  const parameter: Parameter = (value, type) => `$${values.push(value)}::${type}`;
  const isNewestFirst = query.order === 'newest';
  const conditions = [
    ...query.filters.map((filter) => conditionOf(filter, parameter)),
    ...windowOf(query.since, query.until, parameter),
  ];
  if (query.after !== undefined) {
    const { createdAt, id } = query.after;
    const position = `(${parameter(createdAt, 'timestamptz')}, ${parameter(id, 'uuid')})`;
    conditions.push(`(created_at, id) ${isNewestFirst ? '<' : '>'} ${position}`);
  }
  const direction = isNewestFirst ? 'desc' : 'asc';
  const text = `
    select ${list}
    from ${quoteIdentifier(definition.table)}
    ${conditions.length === 0 ? '' : `where ${conditions.join('\n      and ')}`}
    order by created_at ${direction}, id ${direction}
    limit ${parameter(String(query.limit), 'integer')}`;
  return { text, values };
}

/** Of rows that are in no table, those that the question is about. Every value is PostgreSQL's own text of it. */
export async function filterRows(
  pool: pg.Pool,
  definition: RecordDefinition,
  rows: readonly Readonly<Record<string, string | null>>[],
  { filters, since, until }: Pick<RecordQuery, 'filters' | 'since' | 'until'>,
): Promise<readonly RecordRow[]> {
  const values: unknown[] = definition.columns.map(({ name }) => rows.map((row) => row[name] ?? null));
  const parameter: Parameter = (value, type) => `$${values.push(value)}::${type}`;
  const names = definition.columns.map(({ name }) => quoteIdentifier(name));
  const typed = definition.columns.map(({ name, type }) => `${quoteIdentifier(name)}::${type}`);
  const arrays = names.map((_, index) => `$${index + 1}::text[]`);
  const conditions = [
    ...filters.map((filter) => conditionOf(filter, parameter)),
    ...windowOf(since, until, parameter),
  ];
  const found = await pool.query<RecordRow>(
    `
    select ${names.join(', ')}
    from (
      select ${typed.map((cast, index) => `${cast} as ${names[index] ?? ''}`).join(', ')}
      from unnest(${arrays.join(', ')}) as texts (${names.join(', ')})
    ) as archived
    where ${['true', ...conditions].join(' and ')}`,
    values,
  );
  return found.rows;
}

type Parameter = (value: string, type: string) => string;

function windowOf(since: string | undefined, until: string | undefined, parameter: Parameter): string[] {
  return [
    ...(since === undefined ? [] : [`created_at >= ${parameter(since, 'timestamptz')}`]),
    ...(until === undefined ? [] : [`created_at < ${parameter(until, 'timestamptz')}`]),
  ];
}

export function selectedColumns(definition: RecordDefinition): string {
  return definition.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
}

function conditionOf(filter: Filter, parameter: Parameter): string {
  const name = quoteIdentifier(filter.column.name);
  switch (filter.is) {
    case 'absent':
      return `${name} is null`;
    case 'any':
      return `(${filter.of.map((one) => conditionOf(one, parameter)).join(' or ')})`;
    case 'equal':
      return `${name} = ${parameter(filter.value, filter.column.type)}`;
    case 'client-id':
      // As its index has it.
      return `${name} ->> 'client_id' is not null and left(${name} ->> 'client_id', 36) = ${parameter(filter.value, 'text')}`;
    case 'prefix':
      return `starts_with(${name}, ${parameter(filter.value, 'text')})`;
  }
}
