import { columnType } from '../../domain/column-types.ts';
import { isWithin } from '../../domain/decimal.ts';
import type { JsonValue } from '../../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';
import type { Column } from '../../domain/records/definition.ts';
import { readMembers } from './json-members.ts';
import type { Reading } from './reading.ts';
import { ABSENT, kindOf } from './reading.ts';

/** What reading a field depends on. A member of a JSON value is described in the same way as a column. */
type Field = Pick<Column, 'type' | 'vocabulary' | 'range' | 'identifier' | 'members'>;

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
  if (field.vocabulary !== undefined) return `one of ${field.vocabulary.join(', ')} in any case`;
  if (field.identifier === true) return `text of at most ${MAX_IDENTIFIER_LENGTH} characters`;
  if (field.range !== undefined)
    return `${columnType(field.type).posted.allowed} from ${field.range[0]} to ${field.range[1]}`;
  return columnType(field.type).posted.allowed;
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
  return kept === undefined ? refuse(field, value, pointer) : { value: kept };
}

/** What a field takes of the values of its type; undefined for a value that it does not. */
function withinField(field: Field, text: string): string | undefined {
  if (field.vocabulary !== undefined) return spellingOf(text, field.vocabulary);
  if (field.range !== undefined) return isWithin(text, field.range) ? text : undefined;
  return field.identifier === true && isTooLong(text) ? undefined : text;
}

/** PostgreSQL counts characters, JavaScript UTF-16 units. */
function isTooLong(identifier: string): boolean {
  // Twice the limit in UTF-16 units can hold the limit in characters.
  return identifier.length > MAX_IDENTIFIER_LENGTH && Array.from(identifier).length > MAX_IDENTIFIER_LENGTH;
}

/**
 * Words that mean one thing in all sources and generations although they are spelled differently. Spelling apart from
 * case, hyphens and underscores is never guessed: a wrong word is refused, because it would be evidence for years.
 */
const SAME_WORDS: readonly (readonly string[])[] = [
  ['timeout', 'timedout'],
  ['partial', 'partialsuccess'],
];

/** The vocabulary's own spelling of a word; undefined when it has no such word. */
function spellingOf(word: string, vocabulary: readonly string[]): string | undefined {
  const meant = variantsOf(plain(word));
  return vocabulary.find((known) => meant.includes(plain(known)));
}

/** All plain spellings that `spellingOf` accepts, for the description of a field. */
export function plainSpellings(vocabulary: readonly string[]): readonly string[] {
  return [...new Set(vocabulary.flatMap((word) => variantsOf(plain(word))))];
}

/** A word with those that mean the same, itself included; both in their plain spelling. */
function variantsOf(word: string): readonly string[] {
  return SAME_WORDS.find((group) => group.includes(word)) ?? [word];
}

/** Without case, blanks, hyphens and underscores, in which sources and generations differ. */
function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[_\s-]/g, '');
}
