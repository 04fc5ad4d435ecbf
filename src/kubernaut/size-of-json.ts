import { utf8Length } from '../domain/bounds.ts';
import type { JsonValue } from '../domain/json.ts';
import { canonicalJson } from '../domain/json.ts';

/** Bytes of a value as canonical JSON: the same for the same content, however it was written. */
export function sizeOfJson(value: JsonValue): number {
  return utf8Length(canonicalJson(value));
}
