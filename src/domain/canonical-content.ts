import { canonicalJson, canonicalObject, isJsonObject, numberLexeme, parseJson } from './json.ts';
import type { Column, Columns, ColumnType, RecordDefinition } from './records/definition.ts';
import { observedColumns } from './records/definition.ts';

const NUMBERS: ReadonlySet<ColumnType> = new Set(['numeric', 'bigint', 'integer']);

/**
 * What an observation carries, as one canonical JSON text: sorted keys, numbers as their own lexemes, JSON columns as
 * JSON. These bytes are hashed, stored and archived verbatim.
 */
export function canonicalContent(definition: RecordDefinition, columns: Columns): string {
  return canonicalObject(
    observedColumns(definition).flatMap((column) => {
      const value = columns[column.name];
      return value === undefined ? [] : [[column.name, memberText(column, value)] as const];
    }),
  );
}

/** The columns that a canonical content was made of. */
export function columnsOfContent(definition: RecordDefinition, content: string): Columns {
  const parsed = parseJson(content);
  if (!isJsonObject(parsed))
    throw new TypeError(`canonical content of ${definition.table} is no JSON object`);
  const columns: Record<string, string | boolean> = {};
  for (const column of observedColumns(definition)) {
    const member = parsed[column.name];
    if (member === undefined) continue;
    if (column.type === 'jsonb') columns[column.name] = canonicalJson(member);
    else if (typeof member === 'boolean' || typeof member === 'string') columns[column.name] = member;
    else columns[column.name] = numberLexeme(member) ?? canonicalJson(member);
  }
  return columns;
}

function memberText(column: Column, value: string | boolean): string {
  if (column.type === 'jsonb') return canonicalJson(parseJson(String(value)));
  if (NUMBERS.has(column.type)) return String(value);
  return canonicalJson(value);
}
