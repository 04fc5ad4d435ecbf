import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';

/*
 * Reading what the service answered. A member that is not what it should be counts as not known: another version of the
 * service may say more or less, and what it says shows.
 */

export function objectsIn(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export function objectAt(value: JsonObject, name: string): JsonObject {
  const found = value[name];
  return isJsonObject(found) ? found : {};
}

/** Null where it is not known. */
export function textAt(value: JsonObject, name: string): string | null {
  const found = value[name];
  return typeof found === 'string' && found !== '' ? found : null;
}

/** Any value as a person reads it; null where it is not known. */
export function shownAt(value: JsonObject, name: string): string | null {
  const found = value[name];
  if (found === null || found === undefined) return null;
  return typeof found === 'string' ? found : JSON.stringify(found);
}

/** The months that an answer says were not searched. */
export function unsearchedMonths({ unsearched }: JsonObject): string {
  const months = isJsonObject(unsearched) ? unsearched['months'] : undefined;
  return Array.isArray(months) ? months.filter((month) => typeof month === 'string').join(', ') : '';
}

/** What an answer does not hold because months were not searched, as a sentence. */
export function unsearchedRemarks(answer: JsonObject): string[] {
  const { unsearched } = answer;
  if (!isJsonObject(unsearched)) return [];
  return [
    `not searched: ${unsearchedMonths(answer)}: ${textAt(unsearched, 'reason') ?? 'no reason is given'}`,
  ];
}
