import { utf8Length } from './bounds.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { canonicalJson, isJsonObject, parseJson } from './json.ts';
import type { Column, Columns, RecordDefinition } from './records/definition.ts';
import { columnsByName } from './records/definition.ts';

/*
 * Cutting: what is larger than its room loses its end, and says how much. The room of a record is shared by its columns, that of an
 * object by its members: the small ones stay whole, the large ones get equal parts of what is left. A list keeps its first items.
 * JSON stays JSON. The same value in the same room gives the same, so that a repetition stays one.
 */

/** SHA-256, in hex, of a text. Passed in: what reads resources stays free of Node. */
export type HashText = (text: string) => string;

interface FittedColumns {
  readonly columns: Columns;
  /** Columns that lost their end. */
  readonly cutFields: readonly string[];
}

/** Most bytes of one unit of UTF-16 in JSON: `\u0001`. */
const MOST_BYTES_PER_UNIT = 6;
/** For what a cut leaves in the place of what it took, its hash included. */
const MARK_BYTES = 160;
/** Less is not worth a mark: then a part is left out as a whole. */
const LEAST_ROOM = 512;

/**
 * Columns that have no more than so many bytes together. Only texts and JSON are cut: a number, an instant and an identifier are
 * short by their type, and a cut one would be wrong. With `hash` a cut says the hash of the whole, by which that can be proved.
 */
export function fitColumns(
  definition: RecordDefinition,
  columns: Columns,
  maxBytes: number,
  hash?: HashText,
): FittedColumns {
  const mostBytes = Object.values(columns).reduce(
    (sum, value) => sum + String(value).length * MOST_BYTES_PER_UNIT,
    0,
  );
  // Nearly all records are small: that is enough to know.
  return mostBytes <= maxBytes
    ? { columns, cutFields: [] }
    : new ColumnsCut(definition, columns, hash).fit(maxBytes);
}

interface SizedColumn {
  readonly name: string;
  readonly value: string | boolean;
  readonly column: Column | undefined;
  readonly bytes: number;
}

/** `fitColumns` for several sizes of the same columns: what is read, measured and hashed of them is kept. */
export class ColumnsCut {
  readonly #columns: Columns;
  readonly #sized: readonly SizedColumn[];
  readonly #json = new Map<string, JsonCut>();
  readonly #hash: HashText | undefined;

  constructor(definition: RecordDefinition, columns: Columns, hash?: HashText) {
    const known = columnsByName(definition);
    this.#columns = columns;
    this.#hash = hash === undefined ? undefined : remembering(hash);
    this.#sized = Object.entries(columns).map(([name, value]) => {
      const column = known.get(name);
      const bytes = utf8Length(column?.type === 'jsonb' ? String(value) : JSON.stringify(value));
      return { name, value, column, bytes };
    });
  }

  fit(maxBytes: number): FittedColumns {
    const room = roomOfEach(
      this.#sized.map(({ bytes }) => bytes),
      maxBytes,
    );
    const cut = this.#sized.filter(({ column, bytes }) => bytes > room && isCuttable(column));
    if (cut.length === 0) return { columns: this.#columns, cutFields: [] };
    const fitted = cut.map((one): [string, string] => [one.name, this.#fitColumn(one, room)]);
    // In their order: what is cut keeps its place.
    return {
      columns: { ...this.#columns, ...Object.fromEntries(fitted) },
      cutFields: cut.map(({ name }) => name),
    };
  }

  #fitColumn({ name, column, value }: SizedColumn, room: number): string {
    const text = String(value);
    if (column?.type !== 'jsonb') return fitText(text, room, this.#hash);
    const json = this.#json.get(name) ?? new JsonCut(parseJson(text), this.#hash);
    this.#json.set(name, json);
    return canonicalJson(json.fitWhole(room));
  }
}

/** A hash function that computes each text once. */
function remembering(hash: HashText): HashText {
  const known = new Map<string, string>();
  return (text) => {
    const hashed = known.get(text) ?? hash(text);
    known.set(text, hashed);
    return hashed;
  };
}

function isCuttable(column: Column | undefined): boolean {
  return column?.type === 'jsonb' || (column?.type === 'text' && column.identifier !== true);
}

/** The size that the largest are cut to, so that together they have that many bytes; infinite where nothing is too large. */
function roomOfEach(sizes: readonly number[], maxBytes: number): number {
  let left = maxBytes;
  for (const [index, bytes] of [...sizes].sort((one, other) => one - other).entries()) {
    const share = Math.floor(left / (sizes.length - index));
    if (bytes > share) return share;
    left -= bytes;
  }
  return Infinity;
}

/** How far back a text is searched for the end of a word. What is longer without an end is no word. */
const LONGEST_WORD = 4_096;

/**
 * A text, or its beginning with what is missing. It ends where a word ends: half of a password would be redacted as no
 * password, and half of a character would be no text any more.
 */
export function fitText(text: string, bytes: number, hash?: HashText): string {
  if (jsonBytes(text) <= bytes) return text;
  const kept = wholeWords(text.slice(0, lengthWithin(text, bytes - MARK_BYTES))).replace(
    /[\ud800-\udbff]$/,
    '',
  );
  return `${kept}… [cut: ${text.length - kept.length} of ${text.length} characters left out${hashOf(text, hash)}]`;
}

/** Without the word that the cut went through. */
function wholeWords(text: string): string {
  const searched = Math.min(LONGEST_WORD, text.length >> 1);
  for (let index = text.length - 1; index >= text.length - searched; index -= 1)
    if (WORD_ENDS.has(text.charAt(index))) return text.slice(0, index + 1);
  return text;
}

const WORD_ENDS: ReadonlySet<string> = new Set(' \n\r\t,;"\'&');

/** How many units of a text, from the first, take no more bytes than that in JSON. */
function lengthWithin(text: string, bytes: number): number {
  let left = bytes;
  for (let index = 0; index < text.length; index += 1) {
    left -= bytesOfUnit(text.charCodeAt(index));
    if (left < 0) return index;
  }
  return text.length;
}

const SPACE = 0x20;
/** What JSON escapes with one letter, or with a backslash alone. */
const SHORTLY_ESCAPED: ReadonlySet<number> = new Set(
  Array.from('\b\t\n\f\r"\\', (unit) => unit.charCodeAt(0)),
);

function bytesOfUnit(code: number): number {
  if (SHORTLY_ESCAPED.has(code)) return 2;
  if (code < SPACE) return MOST_BYTES_PER_UNIT;
  if (code < 0x80) return 1;
  // Two units of UTF-16 that make one character are four bytes: two for each.
  return code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
}

function jsonBytes(scalar: JsonValue): number {
  return utf8Length(typeof scalar === 'string' ? JSON.stringify(scalar) : canonicalJson(scalar));
}

/** A million small lists are measured again sooner than they are looked up. */
const REMEMBERED_FROM_BYTES = 64;

/** Sizes are measured once, from the leaves up; then the room is given from the root down. */
class JsonCut {
  readonly #value: JsonValue;
  readonly #sizes = new Map<JsonValue, number>();
  /** What is said of the hash of a list or an object, of which a part is left out. */
  readonly #hashes = new Map<JsonValue, string>();
  readonly #hash: HashText | undefined;

  constructor(value: JsonValue, hash: HashText | undefined) {
    this.#value = value;
    this.#hash = hash;
    this.#measure(value);
  }

  fitWhole(bytes: number): JsonValue {
    return this.fit(this.#value, bytes) ?? { _cut: `all left out${this.#hashOf(this.#value)}` };
  }

  #hashOf(container: JsonValue): string {
    const known = this.#hashes.get(container) ?? hashOf(container, this.#hash);
    this.#hashes.set(container, known);
    return known;
  }

  /** With commas and brackets. */
  #measure(value: JsonValue): number {
    if (!Array.isArray(value) && !isJsonObject(value)) return jsonBytes(value);
    let bytes = 2;
    if (Array.isArray(value)) for (const item of value) bytes += this.#measure(item) + 1;
    else
      for (const key of Object.keys(value)) bytes += jsonBytes(key) + 2 + this.#measure(value[key] ?? null);
    if (bytes > REMEMBERED_FROM_BYTES) this.#sizes.set(value, bytes);
    return bytes;
  }

  #sizeOf(value: JsonValue): number {
    return this.#sizes.get(value) ?? this.#measure(value);
  }

  /** Undefined where nothing of it has so little room. */
  fit(value: JsonValue, bytes: number): JsonValue | undefined {
    if (this.#sizeOf(value) <= bytes) return value;
    if (bytes < LEAST_ROOM) return undefined;
    if (typeof value === 'string') return fitText(value, bytes, this.#hash);
    if (Array.isArray(value)) return this.#fitList(value, bytes);
    return isJsonObject(value) ? this.#fitObject(value, bytes) : undefined;
  }

  /** What a list loses it loses at its end, where a member says so. */
  #fitList(list: JsonValue[], bytes: number): JsonValue {
    const kept: JsonValue[] = [];
    let left = bytes - MARK_BYTES;
    for (const item of list) {
      const fitted = this.fit(item, left - 1);
      if (fitted === undefined) break;
      kept.push(fitted);
      if (fitted !== item) break;
      left -= this.#sizeOf(item) + 1;
    }
    const missing = list.length - kept.length;
    return missing === 0 ? kept : [...kept, { _cut: `${missing} items left out${this.#hashOf(list)}` }];
  }

  /** An object keeps its smallest members: the keys of a map that is large as a whole matter more than one of its values. */
  #fitObject(object: JsonObject, bytes: number): JsonValue {
    const members = Object.entries(object)
      .map(([key, value]) => ({ key, value, keyBytes: jsonBytes(key) + 2 }))
      .map((member) => ({ ...member, bytes: member.keyBytes + this.#sizeOf(member.value) }))
      // Equal sizes are ordered by their keys: the same value must always be cut alike.
      .sort((one, other) => one.bytes - other.bytes || (one.key < other.key ? -1 : 1));
    const kept: [string, JsonValue][] = [];
    let left = bytes - MARK_BYTES;
    for (const [index, { key, value, keyBytes, bytes: size }] of members.entries()) {
      const share = Math.floor(left / (members.length - index));
      // Where there is too little to share, what comes first has it whole.
      const fitted = size <= left && share < LEAST_ROOM ? value : this.fit(value, share - keyBytes);
      if (fitted === undefined) continue;
      kept.push([key, fitted]);
      left -= fitted === value ? size : share;
    }
    const missing = members.length - kept.length;
    const mark = `${missing} members left out${this.#hashOf(object)}`;
    return Object.fromEntries(missing === 0 ? kept : [...kept, ['_cut', mark]]);
  }
}

function hashOf(whole: JsonValue, hash: HashText | undefined): string {
  if (hash === undefined) return '';
  return `, sha256 of the whole ${hash(typeof whole === 'string' ? whole : canonicalJson(whole))}`;
}
