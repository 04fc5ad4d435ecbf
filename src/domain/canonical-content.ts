import { travelsAsJson } from './column-types.ts';
import { canonicalJson, isJsonObject, numberLexeme, parseJson } from './json.ts';
import type { Column, Columns, RecordDefinition } from './records/definition.ts';
import { observedColumns } from './records/definition.ts';

interface Member {
  readonly name: string;
  /** `"name":` */
  readonly label: string;
  readonly isJson: boolean;
}

/** The members of a definition in RFC 8785 order: worked out once, because every observation of it needs them. */
const membersByDefinition = new WeakMap<RecordDefinition, readonly Member[]>();

/**
 * What an observation carries, as one canonical JSON text: sorted keys, numbers as their own lexemes, JSON columns as
 * JSON. These bytes are hashed, stored and archived verbatim. A JSON column whose text is no JSON would spoil it, but
 * such an observation is never stored: the row's jsonb column refuses it in the same transaction.
 */
export function canonicalContent(definition: RecordDefinition, columns: Columns): string {
  let text = '{';
  for (const { name, label, isJson } of membersOf(definition)) {
    const value = columns[name];
    if (value === undefined) continue;
    if (text.length > 1) text += ',';
    text += label + (isJson ? String(value) : canonicalJson(value));
  }
  return `${text}}`;
}

/** The columns that a canonical content was made of. */
export function columnsOfContent(definition: RecordDefinition, content: string): Columns {
  const parsed = parseJson(content);
  if (!isJsonObject(parsed))
    throw new TypeError(`the canonical content of ${definition.table} is not a JSON object`);
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

function membersOf(definition: RecordDefinition): readonly Member[] {
  const known = membersByDefinition.get(definition);
  if (known !== undefined) return known;
  const members = [...observedColumns(definition)].sort(byName).map(({ name, type }) => ({
    name,
    label: `${JSON.stringify(name)}:`,
    isJson: travelsAsJson(type),
  }));
  membersByDefinition.set(definition, members);
  return members;
}

function byName(left: Column, right: Column): number {
  return left.name < right.name ? -1 : 1;
}
