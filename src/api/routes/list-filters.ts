import type { Filter } from '../../database/reading/record-reader.ts';
import { columnType, TEXT_FILTER_SCHEMA } from '../../domain/column-types.ts';
import type { JsonObject } from '../../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH } from '../../domain/limits.ts';
import { nearestOf } from '../../domain/nearest-word.ts';
import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { spellingOf } from '../../domain/spelling.ts';
import { invalidParameter } from '../http/problems.ts';
import type { Query, QueryDescription } from '../http/route.ts';

/*
 * Every plain column of a list is a filter: `phase=Failed`, `workflow_id_prefix=restart-`. A parameter that is given several
 * times matches any of its values, and so does a list with commas where the column has words of its own. What cannot match
 * is refused, because an empty answer would read as "there was none".
 */

const PREFIX = '_prefix';
/** Nobody types more, and each is a condition of the query. */
const MAX_VALUES = 20;

/** Throws the problem that names the first parameter at fault; a misspelled one would answer with too much. */
export function readFilters(definition: RecordDefinition, parameters: Query): Filter[] {
  const columns = new Map(filterableColumns(definition).map((column) => [column.name, column]));
  return Object.entries(parameters).map(([name, value]) => {
    const isPrefix = name.endsWith(PREFIX);
    const column = columns.get(isPrefix ? name.slice(0, -PREFIX.length) : name);
    if (column === undefined || (isPrefix && column.type !== 'text'))
      throw invalidParameter(name, unknownParameter(name, [...columns.keys()]));
    return anyOf(
      column,
      valuesOf(column, name, value).map((text) => readFilter(column, name, text)),
    );
  });
}

function unknownParameter(name: string, known: readonly string[]): string {
  const nearest = nearestOf(name, known);
  return nearest === undefined
    ? 'is not a parameter of this list'
    : `is not a parameter of this list; did you mean ${nearest}?`;
}

/** The values of one parameter, each checked. Words have no commas, so a comma may separate them. */
function valuesOf(column: Column, name: string, value: unknown): readonly string[] {
  const texts = (Array.isArray(value) ? value : [value]).map((text) => checkedText(name, String(text)));
  const values = isOfWords(column, name) ? texts.flatMap((text) => text.split(',')) : texts;
  if (values.length > MAX_VALUES) throw invalidParameter(name, `must have at most ${MAX_VALUES} values`);
  return values;
}

function anyOf(column: Column, filters: readonly Filter[]): Filter {
  const [only, ...others] = filters;
  return only !== undefined && others.length === 0 ? only : { column, is: 'any', of: filters };
}

/** Empty text matches records in which the column is not known. */
function readFilter(column: Column, name: string, text: string): Filter {
  if (text === '') return { column, is: 'absent' };
  if (name.endsWith(PREFIX)) return { column, is: 'prefix', value: text };
  return {
    column,
    is: 'equal',
    value: isOfWords(column, name) ? readWord(column, text) : readValue(column, name, text),
  };
}

function readWord(column: Column, text: string): string {
  const { name, vocabulary = [] } = column;
  const word = spellingOf(text, vocabulary);
  if (word !== undefined) return word;
  const problem = `must be one of ${vocabulary.join(', ')}, not ${JSON.stringify(text)}`;
  throw invalidParameter(name, `${problem}; ${name}${PREFIX} takes any text`);
}

function isOfWords(column: Column, name: string): boolean {
  return column.vocabulary !== undefined && name === column.name;
}

function readValue(column: Column, name: string, text: string): string {
  const filter = columnType(column.type).filter;
  return filter?.read(text) ?? refuseValue(name, filter?.allowed ?? 'left out');
}

/** What a list takes, for the description; the counterpart of `readFilters`. */
export function describeFilters(definition: RecordDefinition): readonly QueryDescription[] {
  return filterableColumns(definition).flatMap((column) => [
    {
      name: column.name,
      meaning: `Equal; empty for not known; several for any of them. ${column.meaning}`,
      schema: severalOf(filterSchema(column)),
    },
    ...(column.type === 'text'
      ? [
          {
            name: `${column.name}${PREFIX}`,
            meaning: `What \`${column.name}\` begins with`,
            schema: severalOf(TEXT_FILTER_SCHEMA),
          },
        ]
      : []),
  ]);
}

function severalOf(schema: JsonObject): JsonObject {
  return { type: 'array', items: schema, minItems: 1, maxItems: MAX_VALUES };
}

function filterSchema({ type, vocabulary }: Column): JsonObject {
  if (vocabulary !== undefined) return { type: 'string', enum: ['', ...vocabulary] };
  return columnType(type).filter?.schema ?? TEXT_FILTER_SCHEMA;
}

/** Every column with a plain value: JSON and vectors are not compared. */
function filterableColumns(definition: RecordDefinition): readonly Column[] {
  return definition.columns.filter(({ type }) => columnType(type).filter !== undefined);
}

/** Throws when a text is too long, or holds what PostgreSQL does not take. */
export function checkedText(name: string, value: string): string {
  if (isTooLong(value) || value.includes('\0') || !value.isWellFormed()) {
    throw invalidParameter(name, `must be text of at most ${MAX_IDENTIFIER_LENGTH} characters`);
  }
  return value;
}

/**
 * Whether a text has more characters than allowed, as a schema counts them, and not the halves that
 * JavaScript does.
 */
function isTooLong(text: string): boolean {
  return text.length > MAX_IDENTIFIER_LENGTH && Array.from(text).length > MAX_IDENTIFIER_LENGTH;
}

export function refuseValue(name: string, allowed: string): never {
  throw invalidParameter(name, `must be ${allowed}`);
}
