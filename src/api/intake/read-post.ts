import { findTooDeep, findUnstorableNumber } from '../../domain/bounds.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { canonicalJson, isJsonObject, pointerTo } from '../../domain/json.ts';
import { MAX_JSON_DEPTH, MAX_NUMBER_DIGITS } from '../../domain/limits.ts';
import type { Column, Columns, RecordDefinition } from '../../domain/records/definition.ts';
import { mayBeBroken, repairMembers } from '../../domain/repair.ts';
import type { FieldError } from './field.ts';
import { kindOf, readField } from './field.ts';
import type { PostFieldName } from './post-fields.ts';
import { POST_FIELDS, postedColumns } from './post-fields.ts';

/** A posted record as it was understood, before anything is redacted. */
export interface PostedRecord {
  /** What the post says of the record, unknown fields under `extra`. */
  readonly columns: Columns;
  /** What the post says about itself, where it does; see POST_FIELDS. */
  readonly about: Readonly<Partial<Record<PostFieldName, string>>>;
  /** Fields without a column, kept in `extra`. */
  readonly unknownFields: readonly string[];
  /** Fields with a word that their vocabulary does not have. */
  readonly unrecognisedFields: readonly string[];
  /** Fields in which broken characters were replaced. */
  readonly repairedFields: readonly string[];
}

export interface RefusedRecord {
  /** All that is wrong, in the order of the table's columns. */
  readonly errors: readonly FieldError[];
}

export function isRefused(result: object): result is RefusedRecord {
  return 'errors' in result;
}

/**
 * Reads the JSON of one record, as the sources' structs marshal it, by the definition of its table. Answers
 * the record, or everything that is wrong with it.
 *
 * It stops early only where the rest could not be read: at what is no object, and at what is nested too deep.
 */
export function readPost(definition: RecordDefinition, body: JsonValue): PostedRecord | RefusedRecord {
  if (!isJsonObject(body))
    return { errors: [{ pointer: '', detail: `must be an object, not ${kindOf(body)}` }] };
  const tooDeep = findTooDeep(body, MAX_JSON_DEPTH);
  if (tooDeep !== undefined) {
    return { errors: [{ pointer: tooDeep, detail: `is nested deeper than ${MAX_JSON_DEPTH} levels` }] };
  }
  const { value: fields, repairedFields } = mayBeBroken(JSON.stringify(body))
    ? repairMembers(body)
    : { value: body, repairedFields: [] };
  const errors = numberErrors(fields);
  const about = readAbout(fields, errors);
  const { columns, unrecognised } = readColumns(definition, fields, errors);
  const { extra, unknownFields } = readExtra(definition, fields, errors);
  if (errors.length > 0) return { errors };
  if (about.id !== undefined) extra.set('client_id', about.id);
  for (const [name, word] of unrecognised) extra.set(`unrecognised/${name}`, word);
  if (extra.size > 0) columns.set('extra', canonicalJson(Object.fromEntries(extra)));
  return {
    ...{ columns: Object.fromEntries(columns), about, unknownFields, repairedFields },
    unrecognisedFields: [...unrecognised.keys()],
  };
}

function numberErrors(fields: JsonObject): FieldError[] {
  const pointer = findUnstorableNumber(fields);
  const detail = `must be a number of at most ${MAX_NUMBER_DIGITS} digits and so small an exponent`;
  return pointer === undefined ? [] : [{ pointer, detail }];
}

/** The fields of POST_FIELDS. Errors are added to the list that the caller hands in. */
function readAbout(fields: JsonObject, errors: FieldError[]): Partial<Record<PostFieldName, string>> {
  const about: Partial<Record<PostFieldName, string>> = {};
  for (const field of POST_FIELDS) {
    const reading = readField(field, ownMember(fields, field.name), `/${field.name}`);
    for (const error of reading.errors ?? []) errors.push(error);
    if (typeof reading.value === 'string') about[field.name] = reading.value;
  }
  return about;
}

interface ReadColumns {
  readonly columns: Map<string, string | boolean>;
  /** By column, the words that its vocabulary does not have. */
  readonly unrecognised: ReadonlyMap<string, string>;
}

function readColumns(definition: RecordDefinition, fields: JsonObject, errors: FieldError[]): ReadColumns {
  const columns = new Map<string, string | boolean>();
  const unrecognised = new Map<string, string>();
  for (const posted of postedFields(definition).columns) {
    const { column } = posted;
    const read = readColumn(posted, fields, errors);
    if (read !== undefined) columns.set(column.name, read.value);
    else if (column.required === true) errors.push(...missing(column, errors));
    if (read?.isUnrecognised === true) unrecognised.set(column.name, String(read.value));
  }
  return { columns, unrecognised };
}

interface ReadColumn {
  /** Under which it was posted. */
  readonly name: string;
  readonly value: string | boolean;
  readonly isUnrecognised: boolean;
}

/** By whichever of its names it was posted. Most columns are not in a post: nothing is made for them. */
function readColumn(
  { column, names }: PostedColumn,
  fields: JsonObject,
  errors: FieldError[],
): ReadColumn | undefined {
  let read: ReadColumn | undefined;
  for (const name of names) {
    const member = ownMember(fields, name);
    if (member === undefined) continue;
    const { value, isUnrecognised = false, errors: found } = readField(column, member, `/${name}`);
    for (const error of found ?? []) errors.push(error);
    if (value === undefined) continue;
    if (read !== undefined && value !== read.value) errors.push(contradiction(read.name, name));
    read ??= { name, value, isUnrecognised };
  }
  return read;
}

/** Two names of one column with two values: neither can be preferred. */
function contradiction(first: string, second: string): FieldError {
  return { pointer: pointerTo('', second), detail: `must say the same as ${first}, or be left out` };
}

/** Nothing more about a field that was given and is wrong. */
function missing(column: Column, errors: readonly FieldError[]): FieldError[] {
  const pointer = pointerTo('', column.name);
  if (errors.some((error) => error.pointer === pointer)) return [];
  return [{ pointer, detail: `is required and absent; empty text means absent (${column.meaning})` }];
}

/** What is stored in the column `extra`, and which fields of the post stand there by themselves. */
interface Extra {
  readonly extra: Map<string, JsonValue>;
  readonly unknownFields: readonly string[];
}

/** What is posted as `extra`, and every field without a column: an audit drops nothing. */
function readExtra(definition: RecordDefinition, fields: JsonObject, errors: FieldError[]): Extra {
  const { known } = postedFields(definition);
  const given = fields['extra'] ?? {};
  const isEmpty = given === '';
  if (!isJsonObject(given) && !isEmpty)
    errors.push({ pointer: '/extra', detail: `must be an object, not ${kindOf(given)}` });
  const extra = new Map(isJsonObject(given) ? Object.entries(given) : []);
  const unknownFields: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (known.has(name)) continue;
    unknownFields.push(name);
    if (extra.has(name)) errors.push(contradiction(`extra/${name}`, name));
    else if (value !== null) extra.set(name, value);
  }
  return { extra, unknownFields };
}

/** A column with the names under which it may be posted; its own comes first. */
interface PostedColumn {
  readonly column: Column;
  readonly names: readonly string[];
}

interface PostedFields {
  readonly columns: readonly PostedColumn[];
  /** Every name that a post may use and that means something. */
  readonly known: ReadonlySet<string>;
}

/** Worked out once for each definition. */
const fieldsByDefinition = new WeakMap<RecordDefinition, PostedFields>();

function postedFields(definition: RecordDefinition): PostedFields {
  const known = fieldsByDefinition.get(definition);
  if (known !== undefined) return known;
  const columns = postedColumns(definition)
    .filter(({ name }) => name !== 'extra')
    .map((column) => ({ column, names: [column.name, ...(column.aliases ?? [])] }));
  const names = columns.flatMap((field) => field.names);
  const fields = { columns, known: new Set(['extra', ...POST_FIELDS.map(({ name }) => name), ...names]) };
  fieldsByDefinition.set(definition, fields);
  return fields;
}

/** The member itself and nothing inherited: a record may have no field called `constructor` and must not seem to. */
function ownMember(fields: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
