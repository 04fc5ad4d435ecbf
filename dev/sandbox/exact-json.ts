/** What the runtime has beyond TypeScript's declarations: numbers that keep their digits. */
interface RawJson {
  rawJSON(text: string): object;
  isRawJSON(value: unknown): boolean;
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
  ): unknown;
}

const runtime = JSON as unknown as RawJson;

/** Sixteen digits are the fewest that a JavaScript number may fail to hold. */
const LONG_NUMBER = /\d{16}/;
const INTEGER = /^-?\d+$/;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** Parses as the API server does: integers of 64 bits keep every digit, all other numbers are doubles. */
export function parseExact(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return runtime.parse(text, (_, value, { source }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value) || !INTEGER.test(source ?? '')) return value;
    const integer = BigInt(source ?? '');
    return integer < MIN_INT64 || integer > MAX_INT64 ? value : runtime.rawJSON(integer.toString());
  });
}

/** True for a number that kept its digits; to everything but `JSON.stringify` it looks like an object. */
export const isExactNumber = (value: unknown): boolean => runtime.isRawJSON(value);
