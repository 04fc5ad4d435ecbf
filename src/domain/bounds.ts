import type { JsonValue } from './json.ts';
import { endOfString, isJsonObject, numberLexeme, parseJson, pointerTo, QUOTE } from './json.ts';
import { MAX_BODY_DEPTH, MAX_NUMBER_DIGITS } from './limits.ts';

export class JsonTooDeepError extends Error {
  readonly limit: number;

  constructor(limit: number) {
    super(`JSON is nested deeper than ${limit} levels; flatten it`);
    this.name = 'JsonTooDeepError';
    this.limit = limit;
  }
}

/** `parseJson` for text of strangers: too deep a nesting is an error with a name and not an exhausted stack. */
export function parseBoundedJson(text: string): JsonValue {
  if (isNestedBeyond(text, MAX_BODY_DEPTH)) throw new JsonTooDeepError(MAX_BODY_DEPTH);
  return parseJson(text);
}

const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT, COMMA] = [0x5b, 0x5d, 0x7b, 0x7d, 0x2c];

/** Whether JSON text has more than `limit` levels; a scalar has none. One pass, no recursion, any text. */
export function isNestedBeyond(text: string, limit: number): boolean {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === QUOTE) index = endOfString(text, index);
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) depth += 1;
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth -= 1;
    if (depth > limit) return true;
  }
  return false;
}

/**
 * The texts of an array's items, also where one of them is nested too deep to be parsed. One pass, no recursion. Undefined
 * for what is no array as a whole; whether an item is JSON is for its parser to say.
 */
export function itemTextsOf(text: string): readonly string[] | undefined {
  const array = text.trim();
  if (!array.startsWith('[')) return undefined;
  const items: string[] = [];
  let [depth, begin] = [0, 1];
  for (let index = 0; index < array.length; index += 1) {
    const code = array.charCodeAt(index);
    if (code === QUOTE) index = endOfString(array, index);
    depth += LEVELS.get(code) ?? 0;
    const isEnd = depth === 0;
    if (isEnd || (code === COMMA && depth === 1)) {
      items.push(array.slice(begin, index));
      begin = index + 1;
    }
    if (isEnd) return begin === array.length ? items : undefined;
  }
  return undefined;
}

const LEVELS: ReadonlyMap<number, number> = new Map([
  [OPEN_ARRAY, 1],
  [OPEN_OBJECT, 1],
  [CLOSE_ARRAY, -1],
  [CLOSE_OBJECT, -1],
]);

/** Pointer to the first value that lies deeper than `limit` levels; undefined when none does. */
export function findTooDeep(value: JsonValue, limit: number): string | undefined {
  return findIn(value, limit, (nested, left) => left < 0 && isContainer(nested));
}

/** Pointer to the first number that the database could not hold; undefined when there is none. */
export function findUnstorableNumber(value: JsonValue): string | undefined {
  return findIn(value, MAX_BODY_DEPTH, (nested) => {
    const lexeme = numberLexeme(nested);
    return lexeme !== undefined && !isStorableNumber(lexeme);
  });
}

/** Whether a number's text has no more digits, and no larger exponent, than MAX_NUMBER_DIGITS. */
export function isStorableNumber(lexeme: string): boolean {
  if (lexeme.length > MAX_NUMBER_DIGITS) return false;
  const [, exponent = '0'] = lexeme.split(/[eE]/);
  return Math.abs(Number(exponent)) <= MAX_NUMBER_DIGITS;
}

function isContainer(value: JsonValue): boolean {
  return Array.isArray(value) || isJsonObject(value);
}

type Test = (value: JsonValue, levelsLeft: number) => boolean;

/** The pointer is put together on the way back: nearly always there is nothing to point at. */
function findIn(value: JsonValue, levels: number, test: Test): string | undefined {
  const levelsLeft = levels - (isContainer(value) ? 1 : 0);
  if (test(value, levelsLeft)) return '';
  if (!isContainer(value) || levelsLeft < 0) return undefined;
  const members = value as Readonly<Record<string | number, JsonValue>>;
  // The keys of a list as texts would be a million texts for a list of a million.
  for (const step of Array.isArray(value) ? value.keys() : Object.keys(members)) {
    const found = findIn(members[step] ?? null, levelsLeft, test);
    if (found !== undefined) return pointerTo('', String(step)) + found;
  }
  return undefined;
}

/** Bytes of well-formed text in UTF-8. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    // Two units of UTF-16 that make one character are four bytes: two for each.
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 1 : 2;
  }
  return bytes;
}
