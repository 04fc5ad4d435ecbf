import type { RecordRow } from '../database/record-reader.ts';
import { instantFromSql } from '../database/sql.ts';
import { parseInterval } from '../domain/duration.ts';
import type { Column, RecordDefinition } from '../domain/records/definition.ts';

/**
 * A row as the JSON that the sources' own structs read: durations as integer nanoseconds, times as RFC 3339, numbers and
 * JSON columns digit for digit as the database holds them. Written as text, because a number that passes through
 * JavaScript may come out as another one.
 */
export function recordJson(definition: RecordDefinition, row: RecordRow): string {
  const members = definition.columns.map(
    (column) => `${JSON.stringify(column.name)}:${memberJson(column, row)}`,
  );
  return `{${members.join(',')}}`;
}

function memberJson(column: Column, row: RecordRow): string {
  const value = row[column.name];
  if (value === null || value === undefined) return 'null';
  const text = String(value);
  switch (column.type) {
    case 'text':
    case 'uuid':
      return JSON.stringify(text);
    case 'timestamptz':
      return JSON.stringify(instantFromSql(text));
    case 'interval':
      return parseInterval(text)?.toString() ?? JSON.stringify(text);
    default:
      // Numbers, booleans and JSON columns: PostgreSQL's text is JSON already.
      return text;
  }
}
