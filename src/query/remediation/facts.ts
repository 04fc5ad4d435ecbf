import type { RecordRow } from '../../database/reading/record-query.ts';
import { columnType } from '../../domain/column-types.ts';
import { millisecondsOf, parseInstant } from '../../domain/instant.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject, parseJson } from '../../domain/json.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';

/** What a record says, by column; JSON columns as JSON, times in the form of the API. Unknown columns are absent. */
export type Facts = JsonObject;

/** Of a row, as a query gives it: every value is text. */
export function factsOf(definition: RecordDefinition, row: RecordRow): Facts {
  const facts: JsonObject = {};
  for (const { name, type } of definition.columns) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    const text = String(value);
    facts[name] = parseJson(type === 'jsonb' ? text : columnType(type).answer.json(text));
  }
  return facts;
}

/** The member at a path of names; names of members may contain any character. */
export function factAt(facts: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let found = facts;
  for (const name of path) {
    if (!isJsonObject(found) || !Object.hasOwn(found, name)) return undefined;
    found = found[name];
  }
  return found ?? undefined;
}

/** Longest text of an answer that somebody wrote; what is longer is cut with a mark. */
const MAX_TEXT = 2_000;

/** Text at a path; null when there is none, as answers have it. */
export function textIn(facts: JsonValue | undefined, ...path: readonly string[]): string | null {
  const found = factAt(facts, ...path);
  return typeof found === 'string' && found !== '' ? cutText(found, MAX_TEXT) : null;
}

export function cutText(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}…`;
}

/** An instant at a path, in the form of the API; null when there is none that can be read. */
export function timeIn(facts: JsonValue | undefined, ...path: readonly string[]): string | null {
  const found = factAt(facts, ...path);
  if (typeof found !== 'string') return null;
  return parseInstant(found) ?? null;
}

/** The members of a map such as `notifications`, each with its name. */
export function entriesIn(
  facts: JsonValue | undefined,
  ...path: readonly string[]
): readonly (readonly [string, JsonObject])[] {
  const found = factAt(facts, ...path);
  if (!isJsonObject(found)) return [];
  return Object.entries(found).flatMap(([name, member]) => (isJsonObject(member) ? [[name, member]] : []));
}

/** From one instant to another, in seconds; null unless both are known and in order. */
export function secondsBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null || to < from) return null;
  return (millisecondsOf(to) - millisecondsOf(from)) / 1_000;
}
