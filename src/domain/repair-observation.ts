import type { JsonValue } from './json.ts';
import { canonicalJson, isJsonObject, isRawNumber, parseJson } from './json.ts';
import type { Observation } from './observation.ts';
import { definitionOf } from './records/index.ts';

const REPLACEMENT = '\uFFFD';

/** An observation without the characters that PostgreSQL refuses: NUL and lone surrogates become U+FFFD. */
export function repairObservation(observation: Observation): Observation {
  const isJson = new Set(
    definitionOf(observation.table)
      .columns.filter(({ type }) => type === 'jsonb')
      .map(({ name }) => name),
  );
  const columns: Record<string, string | boolean> = {};
  for (const [name, value] of Object.entries(observation.columns)) {
    if (typeof value !== 'string') columns[name] = value;
    else columns[name] = isJson.has(name) ? canonicalJson(repairJson(parseJson(value))) : repairText(value);
  }
  return { ...observation, columns };
}

export function repairText(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', REPLACEMENT);
}

export function repairJson(value: JsonValue): JsonValue {
  if (typeof value === 'string') return repairText(value);
  if (Array.isArray(value)) return value.map(repairJson);
  if (!isJsonObject(value) || isRawNumber(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [repairText(key), repairJson(member)]),
  );
}
