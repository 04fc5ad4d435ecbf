import { allowedIn, plainSpellings } from './intake/field.ts';
import { POST_FIELDS } from './intake/post-fields.ts';
import type { JsonObject } from './json.ts';
import { parseJson } from './json.ts';
import { FIRST_MONTH, MAX_IDENTIFIER_LENGTH } from './limits.ts';
import type { Column, ColumnType, RecordDefinition } from './records/definition.ts';
import { observedColumns } from './records/definition.ts';

/**
 * JSON Schema (draft 2020-12) of a posted record. It says what the intake takes, as far as a schema can: exact decimals,
 * zones across the end of a month and the agreement of two fields remain with the intake.
 *
 * @param lastMonth - First day of the last month that a record may live in.
 */
export function postSchema(definition: RecordDefinition, lastMonth: string): JsonObject {
  const columns = observedColumns(definition).filter(({ type }) => type !== 'vector');
  const fields: readonly Column[] = [...columns, ...POST_FIELDS];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: definition.kind,
    description: `${definition.meaning}. The empty text is taken as null in every field.`,
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, propertySchema(field, lastMonth)])),
    ...requirement(columns.filter(({ required }) => required === true)),
    // Unknown fields are kept in `extra`: an audit drops nothing.
    additionalProperties: true,
  };
}

function requirement(required: readonly Column[]): JsonObject {
  return required.length === 0 ? {} : { required: required.map(({ name }) => name) };
}

function propertySchema(field: Column, lastMonth: string): JsonObject {
  return {
    description: `${field.meaning}. Takes ${allowedIn(field)}.${otherNames(field)}`,
    ...(field.name === 'created_at' ? homeSchema(lastMonth) : valueSchema(field)),
    ...(field.vocabulary === undefined ? {} : { examples: [...field.vocabulary] }),
  };
}

const UUID = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';
const ANY_COMMON_YEAR = 2025;
const DECEMBER = 12;
const LEAP_YEAR = '(?:\\d{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)';
const DAYS = new Map([
  [28, '(?:0[1-9]|1\\d|2[0-8])'],
  [29, '(?:0[1-9]|[12]\\d)'],
  [30, '(?:0[1-9]|[12]\\d|30)'],
  [31, '(?:0[1-9]|[12]\\d|3[01])'],
]);
/** A date of the calendar, as an expression of JSON Schema. */
const DATE = `(?:(?!0000)\\d{4}-${daysOfYear(ANY_COMMON_YEAR)}|${LEAP_YEAR}-02-29)`;
const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d';
const TIME = `[Tt ]${CLOCK}(?:[.,]\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3])(?::?[0-5]\\d)?)`;
/** Our own form of an instant. */
export const INSTANT = `${DATE}T${CLOCK}\\.\\d{6}Z`;
/** Any form of one that is taken. */
export const RFC_3339 = `${DATE}${TIME}`;
/** Go's own, which means that there is none. */
const ZERO_TIME = '0001-01-01T00:00:00Z';
/** Digits of each unit, so few that no part is longer than the 292 years that a duration may last. */
const GO_UNITS: readonly (readonly [units: string, digits: number])[] = [
  ['h', 6],
  ['m', 8],
  ['s', 9],
  ['(?:ns|us|µs|μs|ms)', 12],
];
const GO_DURATION = `[+-]?(?:${GO_UNITS.map(([unit, digits]) => `(?:\\d{1,${digits}}\\.?\\d*|\\.\\d+)${unit}`).join('|')})+`;
const ISO_DURATION =
  '[+-]?P(?!\\s*$)(?:\\d{1,4}W)?(?:\\d{1,5}D)?(?:T(?=\\d)(?:\\d{1,6}(?:\\.\\d+)?H)?(?:\\d{1,8}(?:\\.\\d+)?M)?(?:\\d{1,9}(?:\\.\\d+)?S)?)?';
export const DURATION = `(?:-?0+|${GO_DURATION}|${ISO_DURATION})`;
const INT32 = 2 ** 31;
/** Of 64 bits; a number of JavaScript would be written as one that is beyond them. */
const INT64 = { least: parseJson('-9223372036854775808'), most: parseJson('9223372036854775807') };
export const LONGEST_DURATION_TEXT = 64;

/** The values that a field of each type takes. */
const VALUE_SCHEMAS: Readonly<Record<ColumnType, JsonObject>> = {
  text: { type: ['string', 'null'] },
  uuid: { type: ['string', 'null'], format: 'uuid', pattern: UUID },
  timestamptz: { type: ['string', 'null'], format: 'date-time', pattern: `^\\s*${RFC_3339}\\s*$` },
  interval: {
    oneOf: [
      { type: 'integer', format: 'int64', minimum: INT64.least, maximum: INT64.most },
      { type: 'string', maxLength: LONGEST_DURATION_TEXT, pattern: `^\\s*${DURATION}\\s*$` },
      { type: 'null' },
    ],
  },
  numeric: { type: ['number', 'null'] },
  integer: { type: ['integer', 'null'], format: 'int32', minimum: -INT32, maximum: INT32 - 1 },
  bigint: { type: ['integer', 'null'], format: 'int64', minimum: INT64.least, maximum: INT64.most },
  boolean: { type: ['boolean', 'null'] },
  jsonb: {},
  vector: {},
};

function valueSchema(field: Column): JsonObject {
  if (field.name === 'extra') return { type: ['object', 'null'] };
  if (field.required === true) return { type: 'string', minLength: 1, ...boundsOf(field) };
  if (field.vocabulary !== undefined)
    return { type: ['string', 'null'], pattern: spellingPattern(field.vocabulary) };
  if (field.members !== undefined) return membersSchema(field.members);
  return { ...VALUE_SCHEMAS[field.type], ...boundsOf(field) };
}

/** A schema cannot say that two names must not contradict each other, so only one of them is a property of its own. */
function otherNames({ aliases = [] }: Column): string {
  return aliases.length === 0 ? '' : ` Also taken as ${aliases.join(', ')}.`;
}

/** Times in the months that a record may live in. */
function homeSchema(lastMonth: string): JsonObject {
  const [first, last] = [yearOf(FIRST_MONTH), yearOf(lastMonth)];
  const years = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const days = (year: number) => daysOfYear(year, year === last ? Number(lastMonth.slice(5, 7)) : DECEMBER);
  const dates = [...Map.groupBy(years, days)].map(([inYear, group]) => `(?:${group.join('|')})-${inYear}`);
  const pattern = `^(?:\\s*(?:${dates.join('|')})${TIME}\\s*|${ZERO_TIME})$`;
  return { type: ['string', 'null'], format: 'date-time', pattern };
}

function yearOf(month: string): number {
  return Number(month.slice(0, 4));
}

/** Months and their days, `01-31`. */
function daysOfYear(year: number, months = DECEMBER): string {
  const numbers = Array.from({ length: months }, (_, index) => index + 1);
  const byLength = Map.groupBy(numbers, (month) => new Date(Date.UTC(year, month, 0)).getUTCDate());
  const parts = [...byLength].map(([length, group]) => {
    const names = group.map((month) => String(month).padStart(2, '0'));
    return `(?:${names.join('|')})-${DAYS.get(length) ?? ''}`;
  });
  return `(?:${parts.join('|')})`;
}

function boundsOf(field: Column): JsonObject {
  if (field.identifier === true) return { maxLength: MAX_IDENTIFIER_LENGTH };
  return field.range === undefined ? {} : { minimum: field.range[0], maximum: field.range[1] };
}

/** One object, or a list of them. */
function membersSchema(members: NonNullable<Column['members']>): JsonObject {
  const properties = Object.fromEntries(
    Object.entries(members).map(([name, type]) => [name, VALUE_SCHEMAS[type]]),
  );
  const item: JsonObject = { type: 'object', properties };
  return { oneOf: [item, { type: 'array', items: item }, { type: 'null' }] };
}

/** Every spelling that is accepted; expressions of JSON Schema have no flag for case. */
function spellingPattern(vocabulary: readonly string[]): string {
  const words = plainSpellings(vocabulary).map((word) =>
    Array.from(word, (letter) => `${eitherCase(letter)}[_\\s-]*`).join(''),
  );
  return `^[_\\s-]*(?:${words.join('|')})$`;
}

function eitherCase(letter: string): string {
  const [lower, upper] = [letter.toLowerCase(), letter.toUpperCase()];
  return lower === upper ? letter.replaceAll(/[^A-Za-z0-9]/g, '\\$&') : `[${upper}${lower}]`;
}
