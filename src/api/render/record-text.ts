import type { RecordRow } from '../../database/reading/record-reader.ts';
import { instantFromSql } from '../../database/sql.ts';
import { parseInterval } from '../../domain/duration.ts';
import { jsonForAnswer } from '../../domain/intake.ts';
import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import type { SourcedRow } from '../../query/combined-answer.ts';

/**
 * A row as the JSON that the sources' own structs read: durations as integer nanoseconds, times as RFC 3339, numbers and
 * JSON columns digit for digit as the database holds them. Written as text, because a number that passes through
 * JavaScript may come out as another one.
 */
export function recordJson(definition: RecordDefinition, { row, source }: SourcedRow): string {
  const members = definition.columns.map(
    (column) => `${JSON.stringify(column.name)}:${memberJson(column, row)}`,
  );
  return `{${members.join(',')},"source":"${source}"}`;
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
    case 'jsonb':
      return jsonForAnswer(column, text);
    default:
      // Numbers and booleans: PostgreSQL's text is JSON already.
      return text;
  }
}

/** The header line of a list as CSV (RFC 4180). */
export function csvHeader(definition: RecordDefinition): string {
  return `${definition.columns.map(({ name }) => name).join(',')},source\r\n`;
}

/** Null is an empty field, the empty text a quoted one; durations are PostgreSQL's text, which a spreadsheet can read. */
export function recordCsv(definition: RecordDefinition, { row, source }: SourcedRow): string {
  const fields = definition.columns.map(({ name, type }) => {
    const value = row[name];
    if (value === null || value === undefined) return '';
    return csvField(type === 'timestamptz' ? instantFromSql(String(value)) : String(value));
  });
  return `${fields.join(',')},${source}\r\n`;
}

function csvField(text: string): string {
  return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
