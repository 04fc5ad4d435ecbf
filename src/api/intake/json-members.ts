import type { ColumnType } from '../../domain/column-types.ts';
import { travelsAsJson } from '../../domain/column-types.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../../domain/json.ts';
import { pointerTo } from '../../domain/json-pointer.ts';
import type { Column } from '../../domain/records/definition.ts';
import type { FieldError, Reading } from './reading.ts';
import { kindOf } from './reading.ts';

type Members = NonNullable<Column['members']>;
/** `readField`, handed in: field.ts imports this file. */
type ReadMember = (member: { readonly type: ColumnType }, value: JsonValue, pointer: string) => Reading;

/**
 * Reads a JSON value whose members the sources' queries cast
 * (`processing_phases->0->>'duration')::interval`): one bad member would not only be wrong itself but end the
 * query over all records. An object, or an array of objects.
 *
 * Gives canonical JSON with each described member in its stored form, or all errors with their pointers.
 * Members that are not described stay as they are.
 */
export function readMembers(
  members: Members,
  value: JsonValue,
  pointer: string,
  readMember: ReadMember,
): Reading {
  const errors: FieldError[] = [];
  const read = (item: JsonValue, at: string): JsonValue => {
    const { value: entries, errors: found } = readObject(members, item, at, readMember);
    // One by one: a spread of 131,000 errors would be more arguments than the stack holds.
    for (const error of found) errors.push(error);
    return entries;
  };
  const items = Array.isArray(value)
    ? value.map((item, index) => read(item, pointerTo(pointer, index)))
    : read(value, pointer);
  return errors.length > 0 ? { errors } : { value: canonicalJson(items) };
}

interface ReadObject {
  readonly value: JsonObject;
  readonly errors: readonly FieldError[];
}

function readObject(members: Members, value: JsonValue, pointer: string, readMember: ReadMember): ReadObject {
  if (!isJsonObject(value)) {
    const detail = `must be an object, or an array of objects, not ${kindOf(value)}`;
    return { value: {}, errors: [{ pointer, detail }] };
  }
  const errors: FieldError[] = [];
  const entries = Object.entries(value).flatMap(([name, member]): [string, JsonValue][] => {
    const type = Object.hasOwn(members, name) ? members[name] : undefined;
    if (type === undefined) return [[name, member]];
    const reading = readMember({ type }, member, pointerTo(pointer, name));
    for (const error of reading.errors ?? []) errors.push(error);
    // What is absent is left out: the empty text is no interval to PostgreSQL.
    return reading.value === undefined ? [] : [[name, jsonOf(type, reading.value)]];
  });
  return { value: Object.fromEntries(entries), errors };
}

/** A value travels as text; in JSON a number is a number again, digit for digit. */
function jsonOf(type: ColumnType, value: string | boolean): JsonValue {
  return typeof value === 'string' && travelsAsJson(type) ? parseJson(value) : value;
}
