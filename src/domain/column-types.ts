import type { ColumnTypeDescription } from './column-types/description.ts';
import { asItIs, quoted, textLike, textOf } from './column-types/description.ts';
import { bigint, integer, numeric } from './column-types/numbers.ts';
import { interval, timestamptz } from './column-types/times.ts';
import type { JsonValue } from './json.ts';
import { canonicalJson } from './json.ts';
import { MAX_IDENTIFIER_LENGTH } from './limits.ts';
import { UUID_IN_ANY_CASE, UUID_TEXT } from './value-patterns.ts';

/*
 * What a column type is, once: how a value of it is read from a resource, from a post and from a filter, how it travels, how it
 * is answered, and as what it is archived. column-types/description.ts lists the parts; no other table is keyed by type.
 *
 * To add a type: describe it here or in the folder and put it into COLUMN_TYPES; its name is PostgreSQL's, because statements cast
 * parameters to it. The compiler asks for every part, and for the type's form in test/unit/kubernaut/never-throws.test.ts. The
 * schema test asks for its name in the catalogue where that is another one (SQL_TYPE in test/database/schema.test.ts). A part that
 * is new for all types is a member of the description: the compiler then asks for it type by type.
 */

/** Text of any kind; what PostgreSQL does not take is refused. */
export const TEXT_FILTER_SCHEMA = {
  type: 'string',
  maxLength: MAX_IDENTIFIER_LENGTH,
  pattern: '^[^\\u0000]*$',
};
const UUID = new RegExp(`^${UUID_TEXT}$`, 'i');
/** Go's zero value of a UUID. */
const NIL_UUID = '00000000-0000-0000-0000-000000000000';

const text: ColumnTypeDescription = {
  travelsAs: 'text',
  observed: textOf,
  posted: { read: textOf, allowed: 'text', schema: { type: ['string', 'null'] }, typescript: 'string' },
  filter: { read: asItIs, allowed: 'text', schema: TEXT_FILTER_SCHEMA },
  answer: { type: 'string', json: quoted, csv: asItIs },
  archived: { as: 'VARCHAR', compare: 'native' },
};

const uuid: ColumnTypeDescription = {
  travelsAs: 'text',
  observed: textOf,
  posted: {
    read: (value) => (value === NIL_UUID ? null : readUuid(textOf(value))),
    allowed: 'a UUID',
    schema: { type: ['string', 'null'], format: 'uuid', pattern: UUID_IN_ANY_CASE },
    typescript: 'string',
  },
  filter: { read: readUuid, allowed: 'a UUID', schema: textLike(UUID_TEXT) },
  answer: { type: 'string', format: 'uuid', json: quoted, csv: asItIs },
  archived: { as: 'UUID', compare: 'native' },
};

export function isUuid(value: string): boolean {
  return UUID.test(value);
}

function readUuid(value: string | undefined): string | undefined {
  return value !== undefined && isUuid(value) ? value.toLowerCase() : undefined;
}

const boolean: ColumnTypeDescription = {
  travelsAs: 'boolean',
  observed: booleanOf,
  posted: {
    read: booleanOf,
    allowed: 'true or false',
    schema: { type: ['boolean', 'null'] },
    typescript: 'boolean',
  },
  filter: {
    read: (value) => ['true', 'false'].find((word) => word === value),
    allowed: 'true or false',
    schema: { type: 'string', enum: ['', 'true', 'false'] },
  },
  answer: { type: 'boolean', json: asItIs, csv: asItIs },
  archived: { as: 'BOOLEAN', compare: 'native' },
};

function booleanOf(value: JsonValue): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

const jsonb: ColumnTypeDescription = {
  travelsAs: 'json',
  observed: canonicalJson,
  posted: { read: canonicalJson, allowed: 'JSON', schema: {}, typescript: 'unknown' },
  filter: undefined,
  answer: { type: undefined, json: asItIs, csv: asItIs },
  archived: { as: 'VARCHAR', compare: 'native' },
};

/** pgvector's type where the extension is, `real[]` where it is not. The service computes it. */
const vector: ColumnTypeDescription = {
  travelsAs: 'text',
  observed: () => undefined,
  posted: {
    read: () => undefined,
    allowed: 'nothing: it is computed by the service',
    schema: {},
    typescript: 'never',
  },
  filter: undefined,
  answer: { type: undefined, json: asItIs, csv: asItIs },
  archived: { as: 'VARCHAR', compare: 'native' },
};

const COLUMN_TYPES = {
  text,
  uuid,
  timestamptz,
  interval,
  numeric,
  bigint,
  integer,
  boolean,
  jsonb,
  vector,
} as const satisfies Readonly<Record<string, ColumnTypeDescription>>;

export type ColumnType = keyof typeof COLUMN_TYPES;

export function columnType(type: ColumnType): ColumnTypeDescription {
  return COLUMN_TYPES[type];
}

/** Whether the travelling text of a type is JSON as it stands. */
export function travelsAsJson(type: ColumnType): boolean {
  const { travelsAs } = columnType(type);
  return travelsAs === 'number' || travelsAs === 'json';
}
