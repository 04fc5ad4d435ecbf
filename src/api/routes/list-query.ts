import type { Filter, ListOrder, Position, RecordQuery } from '../../database/reading/record-reader.ts';
import { LIST_ORDERS } from '../../database/reading/record-reader.ts';
import { formatInterval, parseDuration } from '../../domain/duration.ts';
import { parseInstant } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH, MAX_PAGE_SIZE } from '../../domain/limits.ts';
import { named } from '../../domain/named-schema.ts';
import { DURATION, INSTANT, LONGEST_DURATION_TEXT, RFC_3339 } from '../../domain/record-schema.ts';
import type { Column, ColumnType, RecordDefinition } from '../../domain/records/definition.ts';
import { invalidParameter } from '../http/problems.ts';
import type { QueryDescription } from '../http/route.ts';

export const DEFAULT_PAGE_SIZE = 100;
export const INCLUDE_ARCHIVE = 'include_archive';
const PREFIX = '_prefix';
const INSTANT_ALLOWED = 'an RFC 3339 time such as 2026-11-21T10:48:00Z';
/** Whole numbers of 64 bits, but for those of 19 digits that begin with 9. */
export const BIGINT_TEXT = '-?(?:[0-9]{1,18}|[1-8][0-9]{18})';
/** Whole numbers of 32 bits, but for those of 10 digits that begin with 2. */
const INTEGER_TEXT = '-?(?:[0-9]{1,9}|1[0-9]{9})';
const NUMBER_TEXT = '-?[0-9]{1,40}(?:[.][0-9]{1,40})?';
const UUID_TEXT = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const UUID = new RegExp(`^${UUID_TEXT}$`, 'i');

export type Query = Readonly<Record<string, unknown>>;

/** Reads the parameters of a list. Throws the problem that names the first one at fault. */
export function readListQuery(definition: RecordDefinition, query: Query): RecordQuery {
  const columns = new Map(filterableColumns(definition).map((column) => [column.name, column]));
  const filters: Filter[] = [];
  for (const name of Object.keys(query)) {
    if (PAGE_PARAMETERS.has(name)) continue;
    const isPrefix = name.endsWith(PREFIX);
    const column = columns.get(isPrefix ? name.slice(0, -PREFIX.length) : name);
    if (column === undefined || (isPrefix && column.type !== 'text')) {
      throw invalidParameter(name, `is not a parameter of this list`);
    }
    filters.push(readFilter(column, name, singleText(query, name) ?? '', isPrefix));
  }
  return {
    filters,
    since: readInstant(query, 'since'),
    until: readInstant(query, 'until'),
    order: readOrder(query),
    limit: readLimit(query),
    after: readCursor(query),
  };
}

const PAGE_PARAMETERS = new Set(['since', 'until', 'order', 'limit', 'cursor', INCLUDE_ARCHIVE]);

/** What a list takes, for the description. */
export function describeListQuery(definition: RecordDefinition): readonly QueryDescription[] {
  return [
    { name: 'limit', meaning: 'Records per page', schema: limitSchema(MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE) },
    describeCursor(`${INSTANT}_${UUID_TEXT}`),
    {
      name: 'order',
      meaning: 'Which records come first',
      schema: { type: 'string', enum: [...LIST_ORDERS] },
    },
    { name: 'since', meaning: 'Records that live at or after this instant', schema: instantSchema },
    { name: 'until', meaning: 'Records that live before this instant', schema: instantSchema },
    describeIncludeArchive('Whether months that are in the archive are searched too', true),
    ...filterableColumns(definition).flatMap((column) => [
      {
        name: column.name,
        meaning: `Equal; empty for not known. ${column.meaning}`,
        schema: filterSchema(column),
      },
      ...(column.type === 'text'
        ? [
            {
              name: `${column.name}${PREFIX}`,
              meaning: `What \`${column.name}\` begins with`,
              schema: textSchema,
            },
          ]
        : []),
    ]),
  ];
}

/** What a filter takes; the empty text means not known. */
function filterSchema({ type }: Column): JsonObject {
  return FILTER_SCHEMAS[type] ?? textSchema;
}

/** Text that is empty or like the expression. */
function textLike(expression: string): JsonObject {
  return { type: 'string', pattern: `^(?:${expression})?$` };
}

const FILTER_SCHEMAS: Readonly<Partial<Record<ColumnType, JsonObject>>> = {
  timestamptz: named('InstantFilter', textLike(RFC_3339)),
  boolean: { type: 'string', enum: ['', 'true', 'false'] },
  numeric: textLike(NUMBER_TEXT),
  bigint: textLike(BIGINT_TEXT),
  integer: textLike(INTEGER_TEXT),
  interval: named('DurationFilter', {
    ...textLike(`${BIGINT_TEXT}|${DURATION}`),
    maxLength: LONGEST_DURATION_TEXT,
  }),
  uuid: textLike(UUID_TEXT),
};

export function describeIncludeArchive(meaning: string, byDefault: boolean): QueryDescription {
  return { name: INCLUDE_ARCHIVE, meaning, schema: { type: 'boolean', default: byDefault } };
}

/** Undefined when the caller does not say. */
export function readIncludeArchive(query: Query): boolean | undefined {
  const text = singleText(query, INCLUDE_ARCHIVE);
  if (text === undefined) return undefined;
  return text === 'true' || (text !== 'false' && refuseValue(INCLUDE_ARCHIVE, 'true or false'));
}

/** `position` is an expression of what stands in it. */
export function describeCursor(position: string): QueryDescription {
  const schema = { type: 'string', pattern: `^(?:${position})?$` };
  return { name: 'cursor', meaning: '`next_cursor` of the page before', schema };
}

/** Text of any kind; what PostgreSQL does not take is refused. */
export const textSchema = { type: 'string', maxLength: MAX_IDENTIFIER_LENGTH, pattern: '^[^\\u0000]*$' };

export const instantSchema = { type: 'string', format: 'date-time' };

export function limitSchema(maximum: number, byDefault: number) {
  return { type: 'integer', minimum: 1, maximum, default: byDefault };
}

export function writeCursor(position: Position): string {
  return `${position.createdAt}_${position.id}`;
}

export function readLimit(query: Query, most = MAX_PAGE_SIZE, byDefault = DEFAULT_PAGE_SIZE): number {
  if (query['limit'] === undefined) return byDefault;
  const text = query['limit'];
  const limit = typeof text === 'string' && /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > most) throw invalidParameter('limit', `must be a whole number from 1 to ${most}`);
  return limit;
}

function readCursor(query: Query): Position | undefined {
  const cursor = query['cursor'];
  if (cursor === undefined || cursor === '') return undefined;
  const [time = '', id = ''] = typeof cursor === 'string' ? cursor.split('_') : [];
  const createdAt = parseInstant(time);
  if (createdAt === undefined || !UUID.test(id))
    throw invalidParameter('cursor', 'was not issued by this service');
  return { createdAt, id };
}

/** Refuses parameters that an address does not have. */
export function allowOnly(query: Query, names: readonly string[]): void {
  const unknown = Object.keys(query).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const known = names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`;
  throw invalidParameter(unknown, `is not a parameter of this address; ${known}`);
}

/** Text of one parameter: given once, bounded, and nothing that PostgreSQL does not take. */
export function singleText(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw invalidParameter(name, 'must be given once');
  if (isTooLong(value) || value.includes('\0') || !value.isWellFormed()) {
    throw invalidParameter(name, `must be text of at most ${MAX_IDENTIFIER_LENGTH} characters`);
  }
  return value;
}

/** Characters, as a schema counts them, and not the halves that JavaScript does. */
function isTooLong(text: string): boolean {
  return text.length > MAX_IDENTIFIER_LENGTH && Array.from(text).length > MAX_IDENTIFIER_LENGTH;
}

function readInstant(query: Query, name: string): string | undefined {
  const text = singleText(query, name);
  if (text === undefined) return undefined;
  return parseInstant(text) ?? refuseValue(name, INSTANT_ALLOWED);
}

export function isUuid(text: string): boolean {
  return UUID.test(text);
}

function readOrder(query: Query): ListOrder {
  const text = singleText(query, 'order');
  if (text === undefined) return 'newest';
  return LIST_ORDERS.find((order) => order === text) ?? refuseValue('order', LIST_ORDERS.join(' or '));
}

/** Every column with a plain value. JSON and vectors are no filters. */
function filterableColumns(definition: RecordDefinition): readonly Column[] {
  return definition.columns.filter(({ type }) => type !== 'jsonb' && type !== 'vector');
}

function readFilter(column: Column, name: string, text: string, isPrefix: boolean): Filter {
  if (text === '') return { column, is: 'absent' };
  if (isPrefix) return { column, is: 'prefix', value: text };
  return { column, is: 'equal', value: readValue(column, name, text) };
}

const INTEGER_BITS = { integer: 31n, bigint: 63n } as const;
const NUMBER = new RegExp(`^${NUMBER_TEXT}$`);

/** The value as PostgreSQL reads it; undefined for what is none of its type. */
type ValueReader = (text: string) => string | undefined;

const VALUE_READERS: Readonly<Record<ColumnType, { readonly read: ValueReader; readonly allowed: string }>> =
  {
    text: { read: (text) => text, allowed: 'text' },
    uuid: { read: (text) => (UUID.test(text) ? text.toLowerCase() : undefined), allowed: 'a UUID' },
    timestamptz: { read: parseInstant, allowed: INSTANT_ALLOWED },
    interval: { read: readDuration, allowed: 'integer nanoseconds, or text such as 2m3s' },
    integer: {
      read: (text) => readInteger(text, INTEGER_BITS.integer),
      allowed: 'a whole number of 32 bits',
    },
    bigint: { read: (text) => readInteger(text, INTEGER_BITS.bigint), allowed: 'a whole number of 64 bits' },
    numeric: { read: (text) => (NUMBER.test(text) ? text : undefined), allowed: 'a number' },
    boolean: { read: (text) => ['true', 'false'].find((word) => word === text), allowed: 'true or false' },
    jsonb: { read: () => undefined, allowed: 'left out' },
    vector: { read: () => undefined, allowed: 'left out' },
  };

function readValue(column: Column, name: string, text: string): string {
  const { read, allowed } = VALUE_READERS[column.type];
  return read(text) ?? refuseValue(name, allowed);
}

function readDuration(text: string): string | undefined {
  const nanoseconds = text.length > LONGEST_DURATION_TEXT ? undefined : parseDuration(text);
  const isKnown = nanoseconds !== undefined && nanoseconds < 2n ** 63n && nanoseconds >= -(2n ** 63n);
  return isKnown ? formatInterval(nanoseconds) : undefined;
}

function readInteger(text: string, bits: bigint): string | undefined {
  if (!/^-?\d{1,19}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value >= -(2n ** bits) && value < 2n ** bits ? text : undefined;
}

function refuseValue(name: string, allowed: string): never {
  throw invalidParameter(name, `must be ${allowed}`);
}
