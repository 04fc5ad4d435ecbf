import { allowedIn } from './intake/field.ts';
import { POST_FIELDS } from './intake/post-fields.ts';
import { plainSpellings } from './intake/vocabulary.ts';
import type { JsonObject, JsonValue } from './json.ts';
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
    description: definition.meaning,
    type: 'object',
    properties: Object.fromEntries(fields.map((field) => [field.name, propertySchema(field, lastMonth)])),
    ...requirement(columns.filter(({ required }) => required === true)),
    // Unknown fields are kept in `extra`: an audit drops nothing.
    additionalProperties: true,
  };
}

function requirement(required: readonly Column[]): JsonObject {
  if (required.length === 0) return {};
  const names = required.map(({ name }) => name);
  return {
    required: names,
    allOf: names.map((name) => ({ properties: { [name]: { not: ABSENT } } })),
  };
}

/** null and the empty text mean absent, in every field. */
const ABSENT: JsonObject = { enum: [null, ''] };

function propertySchema(field: Column, lastMonth: string): JsonObject {
  const values = field.name === 'created_at' ? [homeSchema(lastMonth), ZERO_TIME] : valueSchemas(field);
  return {
    description: `${field.meaning}. Takes ${allowedIn(field)}.${otherNames(field)}`,
    anyOf: [ABSENT, ...(field.name === 'extra' ? [{ type: 'object' }] : values)],
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
const RFC_3339 = `^\\s*${DATE}${TIME}\\s*$`;
/** Go's own, which means that there is none. */
const ZERO_TIME: JsonObject = { const: '0001-01-01T00:00:00Z' };
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
const DURATION = `^\\s*(?:-?0+|${GO_DURATION}|${ISO_DURATION})\\s*$`;
const INT32 = 2 ** 31;
/** Of 64 bits; a number of JavaScript would be written as one that is beyond them. */
const INT64: JsonObject = {
  type: 'integer',
  minimum: parseJson('-9223372036854775808'),
  maximum: parseJson('9223372036854775807'),
};
const LONGEST_DURATION_TEXT = 64;

/** The values that a field of each type takes. */
export const VALUE_SCHEMAS: Readonly<Record<ColumnType, readonly JsonObject[]>> = {
  text: [{ type: 'string' }],
  uuid: [{ type: 'string', pattern: UUID }],
  timestamptz: [{ type: 'string', pattern: RFC_3339 }],
  interval: [INT64, { type: 'string', maxLength: LONGEST_DURATION_TEXT, pattern: DURATION }],
  numeric: [{ type: 'number' }],
  integer: [{ type: 'integer', minimum: -INT32, maximum: INT32 - 1 }],
  bigint: [INT64],
  boolean: [{ type: 'boolean' }],
  jsonb: [{}],
  vector: [],
};

function valueSchemas(field: Column): readonly JsonObject[] {
  if (field.vocabulary !== undefined) return [{ type: 'string', pattern: spellingPattern(field.vocabulary) }];
  if (field.members !== undefined) return membersSchemas(field.members);
  return VALUE_SCHEMAS[field.type].map((schema) => ({ ...schema, ...boundsOf(field) }));
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
  return { type: 'string', pattern: `^\\s*(?:${dates.join('|')})${TIME}\\s*$` };
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

function membersSchemas(members: NonNullable<Column['members']>): readonly JsonObject[] {
  const item: JsonObject = {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(members).map(([name, type]): [string, JsonValue] => [
        name,
        { anyOf: [ABSENT, ...VALUE_SCHEMAS[type]] },
      ]),
    ),
  };
  return [item, { type: 'array', items: item }];
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
