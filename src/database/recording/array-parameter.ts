import pg from 'pg';

// Array parameters, made here rather than by the driver: escaping every element of every column, the longest text most
// of all, was a third of what a flush cost this process.

const { BYTEA, TEXT } = pg.types.builtins;

const NEEDS_ESCAPE = /["\\]/g;

/** PostgreSQL's text of an array: for short values that hardly ever need an escape. */
export function arrayLiteral(values: readonly Element[]): string {
  return `{${values.map(elementOf).join(',')}}`;
}

type Element = string | boolean | null | undefined;

function elementOf(value: Element): string {
  if (typeof value !== 'string') return String(value ?? 'NULL');
  if (value.includes('"') || value.includes('\\')) return `"${value.replace(NEEDS_ESCAPE, '\\$&')}"`;
  return `"${value}"`;
}

/** text[] in PostgreSQL's binary form: for JSON, of which every sixth character would need an escape. */
export function textArray(values: readonly (string | undefined)[]): Buffer {
  const lengths = values.map((value) => (value === undefined ? NULL_LENGTH : Buffer.byteLength(value)));
  return binaryArray(TEXT, lengths, (array, offset, index) => array.write(values[index] ?? '', offset));
}

/** bytea[] in PostgreSQL's binary form. */
export function bytesArray(values: readonly Buffer[]): Buffer {
  const lengths = values.map((value) => value.length);
  return binaryArray(BYTEA, lengths, (array, offset, index) => values[index]?.copy(array, offset));
}

const NULL_LENGTH = -1;
const INT_BYTES = 4;
const HEADER_INTS = 5;

/** Dimensions, whether there are nulls, type, then length and lower bound of the one dimension; then the elements. */
function binaryArray(
  elementType: number,
  lengths: readonly number[],
  write: (array: Buffer, offset: number, index: number) => void,
): Buffer {
  const content = lengths.reduce((sum, length) => sum + INT_BYTES + Math.max(0, length), 0);
  const array = Buffer.allocUnsafe(HEADER_INTS * INT_BYTES + content);
  const hasNulls = lengths.includes(NULL_LENGTH) ? 1 : 0;
  let offset = 0;
  for (const integer of [1, hasNulls, elementType, lengths.length, 1])
    offset = array.writeInt32BE(integer, offset);
  lengths.forEach((length, index) => {
    offset = array.writeInt32BE(length, offset);
    if (length > 0) write(array, offset, index);
    offset += Math.max(0, length);
  });
  return array;
}
