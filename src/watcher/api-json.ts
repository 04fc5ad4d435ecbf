import type { JsonValue } from '../domain/json.ts';
import { parseJson } from '../domain/json.ts';
import { BACKSLASH, QUOTE } from '../domain/json-text.ts';

/** As API servers write it: without white space, and never as the first member of `metadata`. */
const MANAGED_FIELDS = ',"managedFields":[';
const [OPEN_ARRAY, CLOSE_ARRAY] = [0x5b, 0x5d];

/** Parses what an API server said, without the `managedFields` of its objects. Throws SyntaxError on bad JSON. */
export function parseApiJson(bytes: Buffer): JsonValue {
  return parseJson(withoutManagedFields(bytes));
}

/**
 * Empties `managedFields`. Who set which field is nothing that is audited, and often more text than all the rest: parsed
 * for nothing, it would take most of the time and of the memory of a list. It does not even become text: its bytes are
 * outside of the heap, where nothing is copied to collect garbage.
 */
function withoutManagedFields(bytes: Buffer): string {
  let kept = '';
  let taken = 0;
  for (let found = bytes.indexOf(MANAGED_FIELDS); found >= 0; found = bytes.indexOf(MANAGED_FIELDS, taken)) {
    const start = found + MANAGED_FIELDS.length;
    kept += bytes.toString('utf8', taken, start);
    taken = endOfArray(bytes, start);
  }
  return kept + bytes.toString('utf8', taken);
}

/** Index of the bracket that closes the array whose items begin at `start`; the end of what was cut off before. */
function endOfArray(bytes: Buffer, start: number): number {
  let depth = 1;
  for (let index = start; index < bytes.length; index += 1) {
    const code = bytes[index];
    if (code === QUOTE) index = endOfString(bytes, index);
    else if (code === OPEN_ARRAY) depth += 1;
    else if (code === CLOSE_ARRAY) depth -= 1;
    if (depth === 0) return index;
  }
  return bytes.length;
}

/** Index of the quote that ends the string beginning at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
}
