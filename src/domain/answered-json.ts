import { parseInterval } from './duration.ts';
import type { JsonValue } from './json.ts';
import { canonicalJson, isJsonObject, parseJson } from './json.ts';
import type { Column } from './records/definition.ts';

/**
 * A stored JSON column as the sources' structs read it: its durations as integer nanoseconds. Text in, text out, digit
 * for digit; a column without durations comes back as it is.
 */
export function jsonForAnswer(column: Pick<Column, 'members'>, json: string): string {
  const durations = Object.entries(column.members ?? {}).filter(([, type]) => type === 'interval');
  if (durations.length === 0) return json;
  const names = new Set(durations.map(([name]) => name));
  const value = parseJson(json);
  const answered = Array.isArray(value)
    ? value.map((item) => withNanoseconds(item, names))
    : withNanoseconds(value, names);
  return canonicalJson(answered);
}

/** Durations by name, in one object. What is no interval is left as it was stored. */
function withNanoseconds(value: JsonValue, names: ReadonlySet<string>): JsonValue {
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([name, member]): [string, JsonValue] => {
    const nanoseconds = names.has(name) && typeof member === 'string' ? parseInterval(member) : undefined;
    return [name, nanoseconds === undefined ? member : parseJson(String(nanoseconds))];
  });
  return Object.fromEntries(entries);
}
