import type { JsonObject, JsonValue } from './json.ts';
import { canonicalJson, isJsonObject, parseJson } from './json.ts';
import type { Columns, RecordDefinition } from './records/definition.ts';

/**
 * PostgreSQL takes neither NUL in text nor a lone surrogate in JSON. One such character must not keep a record from
 * being stored, so it becomes U+FFFD, and the field is reported.
 */
const REPLACEMENT = '\ufffd';

interface Repaired<T> {
  readonly value: T;
  /** Names of the fields that were changed. */
  readonly repairedFields: readonly string[];
}

export function repairText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed();
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', REPLACEMENT) : wellFormed;
}

/** Repairs every string in a JSON value, keys too. The very same value when there is nothing to repair. */
export function repairJson(value: JsonValue): JsonValue {
  if (typeof value === 'string') return repairText(value);
  if (Array.isArray(value)) {
    const items = value.map(repairJson);
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  return isJsonObject(value) ? repairMembers(value).value : value;
}

/** Repairs a record as it was posted and names its fields that were changed. */
export function repairMembers(object: JsonObject): Repaired<JsonObject> {
  const taken = new Set<string>();
  const repairedFields: string[] = [];
  const members = Object.entries(object).map(([key, member]): [string, JsonValue] => {
    const repairedKey = untaken(repairText(key), key, object, taken);
    const repaired = repairJson(member);
    if (repairedKey !== key || repaired !== member) repairedFields.push(repairedKey);
    return [repairedKey, repaired];
  });
  // fromEntries defines members: one called __proto__ stays a member.
  return { value: repairedFields.length === 0 ? object : Object.fromEntries(members), repairedFields };
}

/** Two keys that differ in broken characters only must not become one: that would drop a value. */
function untaken(repaired: string, original: string, object: JsonObject, taken: Set<string>): string {
  let key = repaired;
  while (taken.has(key) || (key !== original && Object.hasOwn(object, key))) key += REPLACEMENT;
  taken.add(key);
  return key;
}

/** How both characters look in JSON text that was written here: escaped. The first may also be an escaped backslash before `u`. */
const BROKEN = /\\u(?:0000|d[89a-f])/i;

export function mayBeBroken(jsonText: string): boolean {
  return BROKEN.test(jsonText);
}

/** Repairs the columns of an observation. */
export function repairColumns(definition: RecordDefinition, columns: Columns): Repaired<Columns> {
  const types = new Map(definition.columns.map(({ name, type }) => [name, type]));
  const repairedFields: string[] = [];
  const members = Object.entries(columns).map(([name, value]): [string, string | boolean] => {
    if (typeof value === 'boolean') return [name, value];
    const repaired = types.get(name) === 'jsonb' ? repairJsonText(value) : repairText(value);
    if (repaired !== value) repairedFields.push(name);
    return [name, repaired];
  });
  return { value: repairedFields.length === 0 ? columns : Object.fromEntries(members), repairedFields };
}

function repairJsonText(text: string): string {
  if (text.isWellFormed() && !mayBeBroken(text)) return text;
  const value = parseJson(text);
  const repaired = repairJson(value);
  return repaired === value ? text : canonicalJson(repaired);
}
