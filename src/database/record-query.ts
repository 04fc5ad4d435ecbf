import type { Column, RecordDefinition } from '../domain/records/definition.ts';
import { quoteIdentifier } from './sql.ts';

/** The place of a row in a list. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

export const LIST_ORDERS = ['newest', 'oldest'] as const;
export type ListOrder = (typeof LIST_ORDERS)[number];

/** One condition on one column. Values are text that PostgreSQL reads as the column's type. */
export type Filter =
  | { readonly column: Column; readonly is: 'equal' | 'prefix'; readonly value: string }
  /** Not known. */
  | { readonly column: Column; readonly is: 'absent' };

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

export interface Statement {
  readonly text: string;
  readonly values: readonly string[];
}

/** One page of a list. Only names from definitions get into the text; everything that was asked for is a parameter. */
export function pageStatement(definition: RecordDefinition, query: RecordQuery): Statement {
  const values: string[] = [];
  const parameter = (value: string, type: string): string => `$${values.push(value)}::${type}`;
  const isNewestFirst = query.order === 'newest';
  const conditions = query.filters.map((filter) => conditionOf(filter, parameter));
  if (query.since !== undefined) conditions.push(`created_at >= ${parameter(query.since, 'timestamptz')}`);
  if (query.until !== undefined) conditions.push(`created_at < ${parameter(query.until, 'timestamptz')}`);
  if (query.after !== undefined) {
    const { createdAt, id } = query.after;
    const place = `(${parameter(createdAt, 'timestamptz')}, ${parameter(id, 'uuid')})`;
    conditions.push(`(created_at, id) ${isNewestFirst ? '<' : '>'} ${place}`);
  }
  const direction = isNewestFirst ? 'desc' : 'asc';
  const text = `
    select ${selectedColumns(definition)}
    from ${quoteIdentifier(definition.table)}
    ${conditions.length === 0 ? '' : `where ${conditions.join('\n      and ')}`}
    order by created_at ${direction}, id ${direction}
    limit ${parameter(String(query.limit), 'integer')}`;
  return { text, values };
}

export function selectedColumns(definition: RecordDefinition): string {
  return definition.columns.map(({ name }) => quoteIdentifier(name)).join(', ');
}

function conditionOf(filter: Filter, parameter: (value: string, type: string) => string): string {
  const name = quoteIdentifier(filter.column.name);
  switch (filter.is) {
    case 'absent':
      return `${name} is null`;
    case 'equal':
      return `${name} = ${parameter(filter.value, filter.column.type)}`;
    case 'prefix':
      return `starts_with(${name}, ${parameter(filter.value, 'text')})`;
  }
}
