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
  const review = reviewOf(text);
  const parsed = JSON.parse(text) as JsonValue;
  // A reviver would be given each number's text, and takes thirty times as long as the parser.
  return review === undefined ? parsed : restore(parseMarked(text));
}

/** What `parseJson` has to look at twice in a text, which takes it several times as long. */
export function reviewOf(text: string): 'keys' | 'numbers' | undefined {
  if (hasEscapedKey(text)) return 'keys';
  return MAY_NEED_LEXEMES.test(text) ? 'numbers' : undefined;
}

/** JSON in which marked texts stand for what the parser would change. */
interface Marked {
  readonly value: JsonValue;
  /** Of each marked key by its number. */
  readonly keys: readonly string[];
}

/** Before the text of a number, and before the number of a key. */
const MARK = '#';
/** Before a text that begins like one of the two, or with an escape, which may be one. */
const ESCAPE = '$';

/**
 * Keys with an escape are numbered because V8 reads such a key as another one that the process has met before, when that begins like
 * the written form: after `{"a":1,"\\":2}`, `{"a":1,"\"":2}` has a key `\` (nodejs/node#63785). One stranger's record would
 * change the next one's. Without an escape in a key there is nothing to mistake.
 */
function parseMarked(text: string): Marked {
  const keys: string[] = [];
  const parts: string[] = [];
  let copied = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code !== QUOTE && !isNumberStart(code)) continue;
    const end = code === QUOTE ? endOfString(text, index) + 1 : endOfNumber(text, index);
    const token = text.slice(index, end);
    const marked =
      code === QUOTE ? markString(token, isKey(text, end) ? keys : undefined) : markNumber(token);
    if (marked !== token) {
      parts.push(text.slice(copied, index), marked);
      copied = end;
    }
    index = end - 1;
  }
  return { value: JSON.parse(parts.join('') + text.slice(copied)) as JsonValue, keys };
}

function markString(token: string, keys: string[] | undefined): string {
  if (keys !== undefined && token.includes('\\')) {
    keys.push(JSON.parse(token) as string);
    return `"${MARK}${keys.length - 1}"`;
  }
  const first = token.charAt(1);
  return first === MARK || first === ESCAPE || first === '\\' ? `"${ESCAPE}${token.slice(1)}` : token;
}

function markNumber(token: string): string {
  return token === numberText(Number(token)) ? token : `"${MARK}${token}"`;
}

function isKey(text: string, end: number): boolean {
  AFTER_KEY.lastIndex = end;
  return AFTER_KEY.test(text);
}

function isNumberStart(code: number): boolean {
  return code === MINUS || (code >= ZERO && code <= NINE);
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  while (NUMBER_PARTS.has(text.charCodeAt(end))) end += 1;
  return end;
}

type Container = JsonValue[] | JsonObject;

/** What the marks stand for. Without recursion: an API server takes JSON of more levels than a stack of calls has. */
function restore({ value, keys }: Marked): JsonValue {
  const nameOf = (key: string): string =>
    key.startsWith(MARK) ? (keys[Number(key.slice(MARK.length))] ?? '') : unescape(key);
  const root = [value];
  const waiting: Container[] = [root];
  const restored = (marked: JsonValue): JsonValue => {
    if (typeof marked === 'string')
      return marked.startsWith(MARK) ? sourceText.rawJSON(marked.slice(MARK.length)) : unescape(marked);
    if (typeof marked !== 'object' || marked === null) return marked;
    const container = Array.isArray(marked) ? marked : withNames(marked as JsonObject, nameOf);
    waiting.push(container);
    return container;
  };
  for (let container = waiting.pop(); container !== undefined; container = waiting.pop()) {
    if (Array.isArray(container)) {
      for (let index = 0; index < container.length; index += 1)
        container[index] = restored(container[index] ?? null);
    } else {
      for (const key of Object.keys(container)) container[key] = restored(container[key] ?? null);
    }
  }
  return root[0] ?? null;
}

function withNames(marked: JsonObject, nameOf: (key: string) => string): JsonObject {
  const names = Object.keys(marked);
  if (names.every((key) => nameOf(key) === key)) return marked;
  return Object.fromEntries(names.map((key) => [nameOf(key), marked[key] ?? null]));
}

function unescape(text: string): string {
  return text.startsWith(ESCAPE) ? text.slice(ESCAPE.length) : text;
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

const [MINUS, ZERO, NINE] = [0x2d, 0x30, 0x39];
const NUMBER_PARTS: ReadonlySet<number> = new Set(
  Array.from('0123456789.eE+-', (part) => part.charCodeAt(0)),
);
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
