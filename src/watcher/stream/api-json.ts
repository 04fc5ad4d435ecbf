import type { JsonValue } from '../../domain/json.ts';
import { BACKSLASH, parseJson, QUOTE } from '../../domain/json.ts';
import { FIELD_MANAGER } from '../strict/finalizer.ts';

/** As API servers write it: without white space, and never as the first member of `metadata`. */
const MANAGED_FIELDS = ',"managedFields":[';
/** Nearly all text of an entry, and what follows it in one of a custom resource: API servers sort its members. */
const FIELDS = 'fieldsV1';
const [AFTER_FIELDS, MANAGER] = [Buffer.from('},"'), Buffer.from('manager":"')];
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT, COLON] = [0x5b, 0x5d, 0x7b, 0x7d, 0x3a];
const CODES = 256;
/** By code, how much deeper it leads. Of all codes, so that each byte is one look. */
const STEP_OF_ARRAY = stepsOf(OPEN_ARRAY, CLOSE_ARRAY);
const STEP_OF_OBJECT = stepsOf(OPEN_OBJECT, CLOSE_OBJECT);

function stepsOf(open: number, close: number): Int8Array {
  const steps = new Int8Array(CODES);
  steps[open] = 1;
  steps[close] = -1;
  return steps;
}

const stepAt = (steps: Int8Array, code: number): number => steps[code] ?? 0;

/**
 * Parses what an API server said. Of the `managedFields` of its objects only the manager of the newest write is left. Throws
 * SyntaxError on bad JSON.
 */
export function parseApiJson(bytes: Buffer): JsonValue {
  return parseJson(withNewestManager(bytes));
}

/**
 * Leaves in `managedFields` who wrote last, and nothing else. Who set which field is nothing that is audited, and often more
 * text than all the rest: parsed for nothing, it would take most of the time and of the memory of a list. It does not even become
 * text: its bytes are outside of the heap, where nothing is copied to collect garbage.
 */
function withNewestManager(bytes: Buffer): string {
  let text = '';
  let taken = 0;
  for (let found = bytes.indexOf(MANAGED_FIELDS); found >= 0; found = bytes.indexOf(MANAGED_FIELDS, taken)) {
    const start = found + MANAGED_FIELDS.length;
    const { end, manager } = readManagers(bytes, start);
    text += bytes.toString('utf8', taken, start);
    if (manager !== undefined) text += `{"manager":${manager}}`;
    taken = end;
  }
  return text + bytes.toString('utf8', taken);
}

/** Of one entry the members that are read, as JSON text. */
interface ManagerEntry {
  manager?: string;
  time?: string;
  subresource?: string;
}

type Member = keyof ManagerEntry;
const MEMBERS: ReadonlySet<string> = new Set<Member>(['manager', 'time', 'subresource']);
/** A name of another length is none of these. */
const LENGTHS_OF_NAMES: ReadonlySet<number> = new Set([...MEMBERS, FIELDS].map((name) => name.length));
const STATUS = '"status"';
/** Its finalizer says nothing of the resource. */
const OURS = JSON.stringify(FIELD_MANAGER);

/**
 * The newest entry of the array whose items begin at `start`, and the index of the bracket that closes it; of what was cut off
 * before, its end.
 */
function readManagers(bytes: Buffer, start: number): { end: number; manager: string | undefined } {
  let [arrays, objects] = [1, 0];
  let newest: ManagerEntry = {};
  let entry: ManagerEntry = {};
  let member: string | undefined;
  for (let index = start; index < bytes.length; index += 1) {
    const code = bytes[index] ?? 0;
    const isInEntry = arrays === 1 && objects === 1;
    if (code === QUOTE) {
      const start = index;
      index = endOfString(bytes, start);
      if (!isInEntry) continue;
      member = takeString(entry, member, { bytes, start, end: index });
      if (member === FIELDS) index = endOfFields(bytes, index, entry);
      continue;
    }
    arrays += stepAt(STEP_OF_ARRAY, code);
    objects += stepAt(STEP_OF_OBJECT, code);
    if (isInEntry && objects === 0) [newest, entry] = [newerOf(newest, entry), {}];
    if (arrays === 0) return { end: index, manager: newest.manager };
  }
  return { end: bytes.length, manager: newest.manager };
}

interface TextRange {
  readonly bytes: Buffer;
  /** Of the quotes. */
  readonly start: number;
  readonly end: number;
}

/** A string of an entry: the name of a member, which is remembered for its value, or that value. */
function takeString(
  entry: ManagerEntry,
  member: string | undefined,
  { bytes, start, end }: TextRange,
): string | undefined {
  if (bytes[end + 1] === COLON)
    return LENGTHS_OF_NAMES.has(end - start - 1) ? bytes.toString('latin1', start + 1, end) : undefined;
  if (member !== undefined && MEMBERS.has(member))
    entry[member as Member] = bytes.toString('utf8', start, end + 1);
  return undefined;
}

/**
 * Where the object after the name `fieldsV1` that ends at `nameEnd` closes, if it can be found without reading it; else `nameEnd`.
 * A quote before a letter begins a string, so what is looked for stands in none; and no member of that object has text as its
 * value, so the first `manager` behind it is its neighbour, or that of the next entry where this one has none.
 */
function endOfFields(bytes: Buffer, nameEnd: number, { manager }: ManagerEntry): number {
  // In the order of other resources it comes before.
  if (manager !== undefined) return nameEnd;
  const end = bytes.indexOf(MANAGER, nameEnd) - AFTER_FIELDS.length;
  if (end < nameEnd || bytes[nameEnd + 2] !== OPEN_OBJECT) return nameEnd;
  if (bytes.compare(AFTER_FIELDS, 0, AFTER_FIELDS.length, end, end + AFTER_FIELDS.length) !== 0)
    return nameEnd;
  // An array within could be mistaken for the one that the entry stands in, and behind its end another object may have a manager.
  const between = bytes.subarray(nameEnd, end);
  return between.includes(OPEN_ARRAY) || between.includes(CLOSE_ARRAY) ? nameEnd : end;
}

/** Whoever wrote the status counts before whoever wrote the rest; of two of the same second, the one that is listed later. */
function newerOf(one: ManagerEntry, other: ManagerEntry): ManagerEntry {
  if (other.manager === undefined || other.manager === OURS) return one;
  if (one.manager === undefined) return other;
  const [isStatus, wasStatus] = [other.subresource === STATUS, one.subresource === STATUS];
  if (isStatus !== wasStatus) return isStatus ? other : one;
  return (other.time ?? '') >= (one.time ?? '') ? other : one;
}

/** Index of the quote that ends the string beginning at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
}
