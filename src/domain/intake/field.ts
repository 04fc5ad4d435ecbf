import { isStorableNumber } from '../bounds.ts';
import { formatInterval, parseDuration } from '../duration.ts';
import { isZeroTime, parseInstant } from '../instant.ts';
import type { JsonValue } from '../json.ts';
import { canonicalJson, numberLexeme } from '../json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../limits.ts';
import type { Column, ColumnType } from '../records/definition.ts';
import { readMembers } from './json-members.ts';
import type { Reading } from './reading.ts';
import { ABSENT, kindOf } from './reading.ts';

/** What reading a field depends on. A member of a JSON value is described in the same way as a column. */
type Field = Pick<Column, 'type' | 'vocabulary' | 'range' | 'identifier' | 'members'>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Go's zero value of a UUID. */
const NIL_UUID = '00000000-0000-0000-0000-000000000000';
const INTEGER_BITS = { integer: 31n, bigint: 63n } as const;
const LONGEST_DURATION_TEXT = 64;

const ALLOWED = {
  text: 'text',
  uuid: 'a UUID',
  timestamptz: 'an RFC 3339 time such as 2026-11-21T10:48:00Z',
  interval: 'a duration of at most 292 years: integer nanoseconds, or text such as 2m3s or PT2M3S',
  numeric: 'a number',
  integer: 'an integer of 32 bits',
  bigint: 'an integer of 64 bits',
  boolean: 'true or false',
  jsonb: 'JSON',
  vector: 'nothing: it is computed by the service',
} as const;

type Reader = (field: Field, value: JsonValue, pointer: string) => Reading;

const READERS: Readonly<Record<ColumnType, Reader>> = {
  text: readText,
  uuid: readUuid,
  timestamptz: readInstant,
  interval: readDuration,
  numeric: readNumber,
  integer: readNumber,
  bigint: readNumber,
  boolean: (field, value, pointer) =>
    typeof value === 'boolean' ? { value } : refuse(field, value, pointer),
  jsonb: readJson,
  vector: refuse,
};

/** Reads one posted value. `null` and `""` mean absent in every field, Go's zero time in times; 0 and false are values. */
export function readField(field: Field, value: JsonValue | undefined, pointer: string): Reading {
  return value === undefined || value === null || value === ''
    ? ABSENT
    : READERS[field.type](field, value, pointer);
}

/** What a field takes, in the words of an error and of a description. */
export function allowedIn(field: Field): string {
  if (field.vocabulary !== undefined) return `one of ${field.vocabulary.join(', ')} in any case`;
  if (field.identifier === true) return `text of at most ${MAX_IDENTIFIER_LENGTH} characters`;
  if (field.range !== undefined) return `${ALLOWED[field.type]} from ${field.range[0]} to ${field.range[1]}`;
  return ALLOWED[field.type];
}

function refuse(field: Field, value: JsonValue, pointer: string): Reading {
  return { errors: [{ pointer, detail: `must be ${allowedIn(field)}, not ${kindOf(value)}` }] };
}

function readJson({ members }: Field, value: JsonValue, pointer: string): Reading {
  if (members === undefined) return { value: canonicalJson(value) };
  return readMembers(members, value, pointer, readField);
}

function readText(field: Field, text: JsonValue, pointer: string): Reading {
  if (typeof text !== 'string') return refuse(field, text, pointer);
  if (field.vocabulary !== undefined) {
    const spelling = spellingOf(text, field.vocabulary);
    return spelling === undefined ? refuse(field, text, pointer) : { value: spelling };
  }
  // Twice the limit in UTF-16 units can hold the limit in characters.
  if (field.identifier === true && text.length > MAX_IDENTIFIER_LENGTH) {
    const characters = Array.from(text).length;
    if (characters > MAX_IDENTIFIER_LENGTH) return refuse(field, text, pointer);
  }
  return { value: text };
}

function readUuid(field: Field, value: JsonValue, pointer: string): Reading {
  if (value === NIL_UUID) return ABSENT;
  if (typeof value !== 'string' || !UUID.test(value)) return refuse(field, value, pointer);
  return { value: value.toLowerCase() };
}

function readInstant(field: Field, value: JsonValue, pointer: string): Reading {
  if (typeof value !== 'string') return refuse(field, value, pointer);
  if (isZeroTime(value)) return ABSENT;
  const instant = parseInstant(value);
  return instant === undefined ? refuse(field, value, pointer) : { value: instant };
}

function readDuration(field: Field, value: JsonValue, pointer: string): Reading {
  const nanoseconds = nanosecondsOf(value);
  // Go's own range: what went in must come out again as its integer nanoseconds.
  if (nanoseconds === undefined || !fits(nanoseconds, INTEGER_BITS.bigint))
    return refuse(field, value, pointer);
  return { value: formatInterval(nanoseconds) };
}

function nanosecondsOf(value: JsonValue): bigint | undefined {
  const lexeme = numberLexeme(value);
  if (lexeme !== undefined) return integerOf(lexeme);
  if (typeof value !== 'string' || value.length > LONGEST_DURATION_TEXT) return undefined;
  // Digits alone do not say of what; only zero is the same in every unit.
  return /^[+-]?0*[1-9]\d*$/.test(value.trim()) ? undefined : parseDuration(value);
}

function readNumber(field: Field, value: JsonValue, pointer: string): Reading {
  const lexeme = numberLexeme(value);
  const text = lexeme === undefined ? undefined : numberText(field.type, lexeme);
  if (text === undefined || (field.range !== undefined && !isWithin(text, field.range)))
    return refuse(field, value, pointer);
  return { value: text };
}

function numberText(type: ColumnType, lexeme: string): string | undefined {
  if (type === 'integer') return integerText(lexeme, INTEGER_BITS.integer);
  return type === 'bigint' ? integerText(lexeme, INTEGER_BITS.bigint) : lexeme;
}

function integerText(lexeme: string, bits: bigint): string | undefined {
  const integer = integerOf(lexeme);
  return integer === undefined || !fits(integer, bits) ? undefined : String(integer);
}

function fits(integer: bigint, bits: bigint): boolean {
  return integer >= -(2n ** bits) && integer < 2n ** bits;
}

/** The exact value of a number's text, `digits × 10^exponent`. A double would round values that the range must distinguish. */
interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

const NUMBER = /^(-?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** The integer that a number's text amounts to, `2`, `2.0` and `2e0` alike; undefined when it has a fraction. */
function integerOf(lexeme: string): bigint | undefined {
  const decimal = decimalOf(lexeme);
  if (decimal === undefined) return undefined;
  const { digits, exponent } = decimal;
  if (exponent >= 0) return digits * 10n ** BigInt(exponent);
  const scale = 10n ** BigInt(-exponent);
  return digits % scale === 0n ? digits / scale : undefined;
}

/** Whether a number's text lies within a range, both ends included. */
function isWithin(lexeme: string, [least, most]: readonly [number, number]): boolean {
  const value = decimalOf(lexeme);
  const [low, high] = [decimalOf(String(least)), decimalOf(String(most))];
  if (value === undefined || low === undefined || high === undefined) return false;
  return compare(low, value) <= 0 && compare(value, high) <= 0;
}

function compare(left: Decimal, right: Decimal): number {
  const exponent = Math.min(left.exponent, right.exponent);
  const difference = scaled(left, exponent) - scaled(right, exponent);
  if (difference === 0n) return 0;
  return difference < 0n ? -1 : 1;
}

function scaled({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to);
}

function decimalOf(lexeme: string): Decimal | undefined {
  const match = NUMBER.exec(lexeme);
  if (match === null || !isStorableNumber(lexeme)) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
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

function variantsOf(word: string): readonly string[] {
  return SAME_WORDS.find((group) => group.includes(word)) ?? [word];
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[_\s-]/g, '');
}
