import type { ListOrder, Position, RecordQuery } from '../../database/reading/record-reader.ts';
import { LIST_ORDERS } from '../../database/reading/record-reader.ts';
import { isUuid } from '../../domain/column-types.ts';
import type { CsvOptions } from '../../domain/csv.ts';
import { parseInstant } from '../../domain/instant.ts';
import { instantOrAgo, LENGTH_OF_TIME, SINCE_ALLOWED } from '../../domain/length-of-time.ts';
import { MAX_PAGE_SIZE } from '../../domain/limits.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import { INSTANT, UUID_TEXT } from '../../domain/value-patterns.ts';
import { invalidParameter } from '../http/problems.ts';
import type { Query, QueryDescription } from '../http/route.ts';
import { checkedText, describeFilters, readFilters, refuseValue } from './list-filters.ts';

export const DEFAULT_PAGE_SIZE = 100;
/**
 * Name of the parameter that says whether the archive is searched. Each route has a default of its own; see
 * docs/api.md.
 */
export const INCLUDE_ARCHIVE = 'include_archive';
const RAW = 'raw';

/**
 * Reads the parameters of a list: which records, in which order, and which page. Throws the problem that
 * names the first one at fault; a parameter that the list does not have is one, because a misspelled filter
 * would answer with too much.
 */
export function readListQuery(definition: RecordDefinition, query: Query): RecordQuery {
  const filters = Object.fromEntries(Object.entries(query).filter(([name]) => !PAGE_PARAMETERS.has(name)));
  return {
    filters: readFilters(definition, filters),
    since: readInstant(query, 'since'),
    until: readInstant(query, 'until'),
    order: readOrder(query),
    limit: readLimit(query),
    after: readCursor(query),
  };
}

const PAGE_PARAMETERS = new Set(['since', 'until', 'order', 'limit', 'cursor', INCLUDE_ARCHIVE, RAW]);

/** What a list takes, for the description; the counterpart of `readListQuery`. */
export function describeListQuery(definition: RecordDefinition): readonly QueryDescription[] {
  return [
    { name: 'limit', meaning: 'Records per page', schema: limitSchema(MAX_PAGE_SIZE, DEFAULT_PAGE_SIZE) },
    describeCursor(`${INSTANT}_${UUID_TEXT}`),
    {
      name: 'order',
      meaning: 'Which records come first',
      schema: { type: 'string', enum: [...LIST_ORDERS] },
    },
    {
      name: 'since',
      meaning: 'Records that live at or after this instant, or so long ago: `7d`',
      schema: sinceSchema,
    },
    {
      name: 'until',
      meaning: 'Records that live before this instant, or so long ago: `1h`',
      schema: sinceSchema,
    },
    describeIncludeArchive('Whether months that are in the archive are searched too', true),
    describeRaw,
    ...describeFilters(definition),
  ];
}

export function describeIncludeArchive(meaning: string, byDefault: boolean): QueryDescription {
  return { name: INCLUDE_ARCHIVE, meaning, schema: { type: 'boolean', default: byDefault } };
}

/** Undefined when the caller does not say. */
export function readIncludeArchive(query: Query): boolean | undefined {
  return readBoolean(query, INCLUDE_ARCHIVE);
}

export const describeRaw: QueryDescription = {
  name: RAW,
  meaning:
    "Whether CSV has text as it is stored. Otherwise text that a spreadsheet would take for a formula begins with `'`",
  schema: { type: 'boolean', default: false },
};

/** How CSV is written; other media types are always as it is stored. */
export function readCsvOptions(query: Query): CsvOptions {
  return { raw: readBoolean(query, RAW) ?? false };
}

function readBoolean(query: Query, name: string): boolean | undefined {
  const text = singleText(query, name);
  if (text === undefined) return undefined;
  return text === 'true' || (text !== 'false' && refuseValue(name, 'true or false'));
}

/** `position` is an expression of what stands in it. */
export function describeCursor(position: string): QueryDescription {
  const schema = { type: 'string', pattern: `^(?:${position})?$` };
  return { name: 'cursor', meaning: '`next_cursor` of the page before', schema };
}

export const instantSchema = { type: 'string', format: 'date-time' };
const sinceSchema = { type: 'string', pattern: `^(?:${INSTANT}|${LENGTH_OF_TIME})$`, examples: ['7d'] };

export function limitSchema(maximum: number, byDefault: number) {
  return { type: 'integer', minimum: 1, maximum, default: byDefault };
}

/**
 * Position of the last record of a page as plain text. It stays good while months move to the archive and
 * back.
 */
export function writeCursor(position: Position): string {
  return `${position.createdAt}_${position.id}`;
}

/** `limit`, or its default. Throws when it is no whole number from 1 to `most`. */
export function readLimit(query: Query, most = MAX_PAGE_SIZE, byDefault = DEFAULT_PAGE_SIZE): number {
  if (query['limit'] === undefined) return byDefault;
  const text = query['limit'];
  const limit = typeof text === 'string' && /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > most) throw invalidParameter('limit', `must be a whole number from 1 to ${most}`);
  return limit;
}

/** The empty cursor is that of the first page. */
function readCursor(query: Query): Position | undefined {
  const cursor = query['cursor'];
  if (cursor === undefined || cursor === '') return undefined;
  const [time = '', id = ''] = typeof cursor === 'string' ? cursor.split('_') : [];
  const createdAt = parseInstant(time);
  if (createdAt === undefined || !isUuid(id))
    throw invalidParameter('cursor', 'was not issued by this service');
  return { createdAt, id };
}

/** Text of one parameter; undefined when it was not given. Throws when it was given twice, or when `checkedText` does. */
export function singleText(query: Query, name: string): string | undefined {
  const value = query[name];
  if (value === undefined) return undefined;
  return typeof value === 'string' ? checkedText(name, value) : refuseTwice(name);
}

function refuseTwice(name: string): never {
  throw invalidParameter(name, 'must be given once');
}

function readInstant(query: Query, name: string): string | undefined {
  const text = singleText(query, name);
  if (text === undefined) return undefined;
  return instantOrAgo(text, Date.now()) ?? refuseValue(name, SINCE_ALLOWED);
}

function readOrder(query: Query): ListOrder {
  const text = singleText(query, 'order');
  if (text === undefined) return 'newest';
  return LIST_ORDERS.find((order) => order === text) ?? refuseValue('order', LIST_ORDERS.join(' or '));
}
