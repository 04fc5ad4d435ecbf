import { columnType } from '../../domain/column-types.ts';
import type { JsonObject } from '../../domain/json.ts';
import { FIRST_MONTH, MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';
import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { daysOfYear, TIME } from '../../domain/value-patterns.ts';
import { allowedIn } from '../intake/field.ts';
import { POST_FIELDS, postedColumns } from '../intake/post-fields.ts';

/**
 * JSON Schema (draft 2020-12) of a posted record. It says what the intake takes, as far as a schema can: exact decimals,
 * zones across the end of a month and the agreement of two fields remain with the intake.
 *
 * @param lastMonth - First day of the last month that a record may live in.
 */
export function postSchema(definition: RecordDefinition, lastMonth: string): JsonObject {
  const columns = postedColumns(definition).filter(({ type }) => type !== 'vector');
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
    ...(field.name === 'created_at' ? createdAtSchema(lastMonth) : valueSchema(field)),
    ...(field.vocabulary === undefined ? {} : { examples: [...field.vocabulary] }),
  };
}

/** Go's own, which means that there is none. */
const ZERO_TIME = '0001-01-01T00:00:00Z';
/** A required field is the only one that may not be null or empty; each kind of field below says null too. */
function valueSchema(field: Column): JsonObject {
  if (field.name === 'extra') return { type: ['object', 'null'] };
  if (field.required === true) return { type: 'string', minLength: 1, ...boundsOf(field) };
  if (field.members !== undefined) return membersSchema(field.members);
  return { ...columnType(field.type).posted.schema, ...boundsOf(field) };
}

/** A schema cannot say that two names must not contradict each other, so only one of them is a property of its own. */
function otherNames({ aliases = [] }: Column): string {
  return aliases.length === 0 ? '' : ` Also taken as ${aliases.join(', ')}.`;
}

/** Times in the months that a record may live in. */
function createdAtSchema(lastMonth: string): JsonObject {
  const [first, last] = [yearOf(FIRST_MONTH), yearOf(lastMonth)];
  const years = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const days = (year: number) => daysOfYear(year, year === last ? Number(lastMonth.slice(5, 7)) : undefined);
  const dates = [...Map.groupBy(years, days)].map(([inYear, group]) => `(?:${group.join('|')})-${inYear}`);
  const pattern = `^(?:\\s*(?:${dates.join('|')})${TIME}\\s*|${ZERO_TIME})$`;
  return { type: ['string', 'null'], format: 'date-time', pattern };
}

function yearOf(month: string): number {
  return Number(month.slice(0, 4));
}

function boundsOf(field: Column): JsonObject {
  if (field.identifier === true) return { maxLength: MAX_IDENTIFIER_LENGTH };
  return field.range === undefined ? {} : { minimum: field.range[0], maximum: field.range[1] };
}

/** One object, or a list of them. */
function membersSchema(members: NonNullable<Column['members']>): JsonObject {
  const properties = Object.fromEntries(
    Object.entries(members).map(([name, type]) => [name, columnType(type).posted.schema]),
  );
  const item: JsonObject = { type: 'object', properties };
  return { oneOf: [item, { type: 'array', items: item }, { type: 'null' }] };
}
