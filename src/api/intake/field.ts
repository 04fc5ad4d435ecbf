import type { ColumnType } from '../../domain/column-types.ts';
import { columnType, travelsAsJson } from '../../domain/column-types.ts';
import { isWithin } from '../../domain/decimal.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { canonicalJson, isJsonObject, numberLexeme, parseJson, pointerTo } from '../../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';
import type { Column } from '../../domain/records/definition.ts';
import { spellingOf } from '../../domain/spelling.ts';

/** What reading a field depends on. A member of a JSON value is described in the same way as a column. */
type Field = Pick<Column, 'type' | 'vocabulary' | 'spellings' | 'range' | 'identifier' | 'members'>;

/**
 * Reads one posted value as an observation carries it. `null` and `""` mean absent in every field, Go's zero
 * time in times; 0 and false are values. A value that the field does not take is an error at `pointer`.
 *
 * Used for the members of JSON columns too, so that both follow the same rules.
 */
export function readField(field: Field, value: JsonValue | undefined, pointer: string): Reading {
  return value === undefined || value === null || value === '' ? ABSENT : readPresent(field, value, pointer);
}

/** What a field takes, in words that follow `must be` in an error and `Takes` in the description. */
export function allowedIn(field: Field): string {
  const words = field.vocabulary === undefined ? '' : ` such as ${field.vocabulary.join(', ')} in any case`;
  if (field.identifier === true) return `text of at most ${MAX_IDENTIFIER_LENGTH} characters${words}`;
  if (field.range !== undefined)
    return `${columnType(field.type).posted.allowed} from ${field.range[0]} to ${field.range[1]}`;
  return `${columnType(field.type).posted.allowed}${words}`;
}

function refuse(field: Field, value: JsonValue, pointer: string): Reading {
  return { errors: [{ pointer, detail: `must be ${allowedIn(field)}, not ${kindOf(value)}` }] };
}

function readPresent(field: Field, value: JsonValue, pointer: string): Reading {
  if (field.members !== undefined) return readMembers(field.members, value, pointer, readField);
  const read = columnType(field.type).posted.read(value);
  // The types say null for Go's zero values, and undefined for what they do not take.
  if (read === null) return ABSENT;
  const kept = typeof read === 'string' ? withinField(field, read) : read;
  if (kept === undefined) return refuse(field, value, pointer);
  return isUnrecognised(field, kept) ? { value: kept, isUnrecognised: true } : { value: kept };
}

/** What a field takes of the values of its type; undefined for a value that it does not. */
function withinField(field: Field, text: string): string | undefined {
  if (field.range !== undefined) return isWithin(text, field.range) ? text : undefined;
  if (field.identifier === true && isTooLong(text)) return undefined;
  const words = field.vocabulary ?? field.spellings;
  // A source may have learnt a word that we do not know: refused, its record would be lost.
  return words === undefined ? text : (spellingOf(text, words) ?? text);
}

function isUnrecognised({ vocabulary }: Field, value: string | boolean): boolean {
  return vocabulary !== undefined && !vocabulary.includes(String(value));
}

/** PostgreSQL counts characters, JavaScript UTF-16 units. */
function isTooLong(identifier: string): boolean {
  // Twice the limit in UTF-16 units can hold the limit in characters.
  return identifier.length > MAX_IDENTIFIER_LENGTH && Array.from(identifier).length > MAX_IDENTIFIER_LENGTH;
}

/** What keeps a record from being accepted: where, what stands there, and what would be allowed. */
export interface FieldError {
  /** JSON Pointer into the posted record. */
  readonly pointer: string;
  readonly detail: string;
}

/** What a posted value amounts to. Neither member: it means absent. */
interface Reading {
  /** As an observation carries it; see `Columns`. */
  readonly value?: string | boolean;
  /** The value is a word that the field's vocabulary does not have; it was taken as it is. */
  readonly isUnrecognised?: true;
  readonly errors?: readonly FieldError[];
}

const ABSENT: Reading = {};

const LONGEST_NUMBER_SHOWN = 40;

/** The kind of a value and never its text: what is refused may be a secret, and errors are logged. */
export function kindOf(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `text of ${value.length} characters`;
  const lexeme = numberLexeme(value);
  if (lexeme !== undefined) return `the number ${lexeme.slice(0, LONGEST_NUMBER_SHOWN)}`;
  return Array.isArray(value) ? 'an array' : 'an object';
}

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
function readMembers(members: Members, value: JsonValue, pointer: string, readMember: ReadMember): Reading {
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
