import type { JsonValue } from '../domain/json.ts';
import { parseJson } from '../domain/json.ts';
import { endOfString } from '../domain/json-text.ts';

/** As API servers write it: without white space, and never as the first member of `metadata`. */
const MANAGED_FIELDS = ',"managedFields":[';
const QUOTE = 0x22;
const [OPEN_ARRAY, CLOSE_ARRAY] = [0x5b, 0x5d];

/** Parses what an API server said, without the `managedFields` of its objects. Throws SyntaxError on bad JSON. */
export function parseApiJson(text: string): JsonValue {
  return parseJson(withoutManagedFields(text));
}

/**
 * Empties `managedFields`. Who set which field is nothing that is audited, and often more text than all the rest: parsed
 * for nothing, it would take most of the time and of the memory of a list.
 */
export function withoutManagedFields(text: string): string {
  let kept = '';
  let taken = 0;
  for (let found = text.indexOf(MANAGED_FIELDS); found >= 0; found = text.indexOf(MANAGED_FIELDS, taken)) {
    const start = found + MANAGED_FIELDS.length;
    kept += text.slice(taken, start);
    taken = endOfArray(text, start);
  }
  return taken === 0 ? text : kept + text.slice(taken);
}

/** Index of the bracket that closes the array whose items begin at `start`; the end of a text that was cut off before. */
function endOfArray(text: string, start: number): number {
  let depth = 1;
  for (let index = start; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) index = endOfString(text, index);
    else if (code === OPEN_ARRAY) depth += 1;
    else if (code === CLOSE_ARRAY) depth -= 1;
    if (depth === 0) return index;
  }
  return text.length;
}
