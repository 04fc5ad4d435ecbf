import { allowedIn } from './intake/field.ts';
import { POST_FIELDS } from './intake/post-fields.ts';
import { plainSpellings } from './intake/vocabulary.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { MAX_IDENTIFIER_LENGTH } from './limits.ts';
import type { Column, ColumnType, RecordDefinition } from './records/definition.ts';
import { observedColumns } from './records/definition.ts';

/**
 * JSON Schema (draft 2020-12) of a posted record. It says what the intake takes, as far as a schema can: the calendar
 * (30 February), exact decimals and the agreement of two fields remain with the intake.
 */
export function postSchema(definition: RecordDefinition): JsonObject {
  const columns = observedColumns(definition).filter(({ type }) => type !== 'vector');
  const fields: readonly Column[] = [...columns, ...POST_FIELDS];
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: definition.kind,
    description: definition.meaning,
    type: 'object',
    properties: Object.fromEntries(
      fields.flatMap((field) =>
        namesOf(field).map((name): [string, JsonValue] => [name, propertySchema(field)]),
      ),
    ),
    ...requirement(columns.filter(({ required }) => required === true)),
    // Unknown fields are kept in `extra`: an audit drops nothing.
    additionalProperties: true,
  };
}

function namesOf(field: Column): readonly string[] {
  return [field.name, ...(field.aliases ?? [])];
}

/** A required field may come under an alias, so each is a choice of names. */
function requirement(required: readonly Column[]): JsonObject {
  if (required.length === 0) return {};
  return {
    allOf: required.map((field) => ({
      anyOf: namesOf(field).map((name) => ({
        required: [name],
        properties: { [name]: { not: { enum: [null, ''] } } },
      })),
    })),
  };
}

function propertySchema(field: Column): JsonObject {
  return {
    description: `${field.meaning}. Takes ${allowedIn(field)}.`,
    // null and the empty text mean absent, in every field.
    anyOf: [{ enum: [null, ''] }, ...(field.name === 'extra' ? [{ type: 'object' }] : valueSchemas(field))],
    ...(field.vocabulary === undefined ? {} : { examples: [...field.vocabulary] }),
  };
}

const UUID = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';
const RFC_3339 =
  '^\\s*(?!0000)\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01])[Tt ](?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:[.,]\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3])(?::?[0-5]\\d)?)\\s*$';
const GO_DURATION = '[+-]?(?:(?:\\d+\\.?\\d*|\\.\\d+)(?:ns|us|µs|μs|ms|s|m|h))+';
const ISO_DURATION =
  '[+-]?P(?!\\s*$)(?:\\d+W)?(?:\\d+D)?(?:T(?=\\d)(?:\\d+(?:\\.\\d+)?H)?(?:\\d+(?:\\.\\d+)?M)?(?:\\d+(?:\\.\\d+)?S)?)?';
const DURATION = `^\\s*(?:-?0+|${GO_DURATION}|${ISO_DURATION})\\s*$`;
const [INT32, INT64] = [2 ** 31, 2 ** 63];
const LONGEST_DURATION_TEXT = 64;

const SCHEMAS: Readonly<Record<ColumnType, readonly JsonObject[]>> = {
  text: [{ type: 'string' }],
  uuid: [{ type: 'string', pattern: UUID }],
  timestamptz: [{ type: 'string', pattern: RFC_3339 }],
  interval: [
    { type: 'integer', minimum: -INT64, maximum: INT64 },
    { type: 'string', maxLength: LONGEST_DURATION_TEXT, pattern: DURATION },
  ],
  numeric: [{ type: 'number' }],
  integer: [{ type: 'integer', minimum: -INT32, maximum: INT32 - 1 }],
  bigint: [{ type: 'integer', minimum: -INT64, maximum: INT64 }],
  boolean: [{ type: 'boolean' }],
  jsonb: [{}],
  vector: [],
};

function valueSchemas(field: Column): readonly JsonObject[] {
  if (field.vocabulary !== undefined) return [{ type: 'string', pattern: spellingPattern(field.vocabulary) }];
  if (field.members !== undefined) return membersSchemas(field.members);
  return SCHEMAS[field.type].map((schema) => ({ ...schema, ...boundsOf(field) }));
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
        { anyOf: [{ enum: [null, ''] }, ...SCHEMAS[type]] },
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
