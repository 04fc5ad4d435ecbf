/**
 * JSON that loses nothing: a number that a double cannot hold as written (9007199254740993, 1.10, 1e2) stays the text
 * it was. Such a number is a raw JSON value in memory; everything else is what `JSON.parse` gives.
 */
export type JsonValue = null | boolean | number | string | RawNumber | JsonValue[] | JsonObject;
export interface JsonObject {
  [key: string]: JsonValue;
}
/** A number kept as its own text. `JSON.stringify` writes it verbatim. */
interface RawNumber {
  readonly rawJSON: string;
}

/** Part of the language since ES2026, not yet of TypeScript's library. */
interface SourceTextJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
}
const sourceText = JSON as unknown as SourceTextJson;

/**
 * Texts that may hold a number whose lexeme differs from what JavaScript would print for it: sixteen or more digits, a
 * trailing zero after the point, an exponent, a leading run of zeros after the point, or minus zero. It looks only where
 * a number can begin and end, because uids, digests (`sha256:4e1f…`) and tags of images (`:1.10.2`) are full of what
 * looks like the beginning of one. It may match inside a string, which only costs time; it never misses one, which would
 * cost a digit.
 */
const MAY_NEED_LEXEMES =
  /(?:^|[:,[])\s*(?:-?(?:[\d.]{16}|\d+\.\d*0(?!\d)|\d[\d.]*[eE]|0\.0{6})|-0(?![\d.]))[\d.eE+-]*\s*(?:[,}\]]|$)/;

/** Parses JSON text and keeps the text of every number that a double would change. Throws SyntaxError on bad JSON. */
export function parseJson(text: string): JsonValue {
  if (hasEscapedKey(text)) return parseEscapedKeys(text);
  if (!MAY_NEED_LEXEMES.test(text)) return JSON.parse(text) as JsonValue;
  return sourceText.parse(text, (_key, value, { source }) => keepLexeme(value, source)) as JsonValue;
}

/** What `parseJson` has to look at twice in a text, which takes it many times as long. */
export function reviewOf(text: string): 'keys' | 'numbers' | undefined {
  if (hasEscapedKey(text)) return 'keys';
  return MAY_NEED_LEXEMES.test(text) ? 'numbers' : undefined;
}

/**
 * V8 reads a key that is written with an escape as another one that the process has met before, when that begins like
 * the written form: after `{"a":1,"\\":2}`, `{"a":1,"\"":2}` has a key `\` (nodejs/node#63785). One stranger's record
 * would change the next one's. Without an escape in a key there is nothing to mistake.
 */
function parseEscapedKeys(text: string): JsonValue {
  // Only for its SyntaxError, which is to name a place in the text as it came.
  JSON.parse(text);
  const { text: numbered, keys } = numberKeys(text);
  return sourceText.parse(numbered, (_key, value, { source }) =>
    isJsonObject(value as JsonValue) ? withNames(value as JsonObject, keys) : keepLexeme(value, source),
  ) as JsonValue;
}

function withNames(numbered: JsonObject, keys: readonly string[]): JsonObject {
  return Object.fromEntries(
    Object.entries(numbered).map(([number, member]) => [keys[Number(number.slice(1))] ?? '', member]),
  );
}

function keepLexeme(value: unknown, source: string | undefined): unknown {
  return typeof value === 'number' && source !== undefined && source !== numberText(value)
    ? sourceText.rawJSON(source)
    : value;
}

/** JSON text with sorted keys (RFC 8785 order), no white space, numbers as their own lexemes, well-formed strings. */
export function canonicalJson(value: JsonValue): string {
  if (typeof value === 'string') return JSON.stringify(value.toWellFormed());
  if (typeof value === 'number') return numberText(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (isRawNumber(value)) return value.rawJSON;
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  return canonicalObject(Object.entries(value).map(([key, member]) => [key, canonicalJson(member)]));
}

/**
 * Assembles an object from members whose values are canonical JSON text already. Keys are made well-formed before they
 * are sorted and made distinct: otherwise the text would not be its own canonical text.
 */
function canonicalObject(members: readonly (readonly [key: string, json: string])[]): string {
  const ready = members.every(([key]) => key.isWellFormed())
    ? members
    : [...new Map(members.map(([key, json]) => [key.toWellFormed(), json]))];
  const sorted = [...ready].sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${sorted.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}

export function isRawNumber(value: unknown): value is RawNumber {
  return sourceText.isRawJSON(value);
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

/** The decimal text of a number, however it is held; undefined for anything else. */
export function numberLexeme(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return numberText(value);
  return isRawNumber(value) ? value.rawJSON : undefined;
}

function numberText(value: number): string {
  // JSON.stringify(-0) is "0" and would lose the sign that the source wrote; it is a value like any other.
  return Object.is(value, -0) ? '-0' : JSON.stringify(value);
}

/** A JSON Pointer (RFC 6901) one step further. The pointer to the whole document is the empty text. */
export function pointerTo(parent: string, step: string | number): string {
  return `${parent}/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;

/** Index of the quote that ends the string beginning at `start` in JSON text. */
export function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length && text.charCodeAt(index) !== QUOTE) {
    index += text.charCodeAt(index) === BACKSLASH ? 2 : 1;
  }
  return index;
}

/** A string and, when it is a key, the colon after it. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gs;
const AFTER_KEY = /\s*:/y;

/** Whether a key of JSON text is written with an escape. Passes over what has no backslash. */
function hasEscapedKey(text: string): boolean {
  let backslash = text.indexOf('\\');
  while (backslash >= 0) {
    const end = endOfString(text, backslash - 1);
    AFTER_KEY.lastIndex = end + 1;
    if (AFTER_KEY.test(text)) return true;
    backslash = text.indexOf('\\', end + 1);
  }
  return false;
}

/** JSON text whose keys are their own indexes, each after a `#` that keeps them in order, and the keys they stand for. */
interface NumberedKeys {
  readonly text: string;
  readonly keys: readonly string[];
}

function numberKeys(text: string): NumberedKeys {
  const keys: string[] = [];
  const numbered = text.replaceAll(STRING, (string, colon: string | undefined) => {
    if (colon === undefined) return string;
    keys.push(JSON.parse(string.slice(0, -colon.length)) as string);
    return `"#${keys.length - 1}":`;
  });
  return { text: numbered, keys };
}
