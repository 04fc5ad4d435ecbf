import fc from 'fast-check';

import type { JsonObject, JsonValue } from '../../src/domain/json.ts';

/** JSON that makes the service work: shapes of any size, and values put together of them. */

export const filled = (unit: string, size: number): string =>
  unit.repeat(Math.ceil(size / unit.length)).slice(0, size);
export const listOf = <T>(size: number, each: number, item: (index: number) => T): T[] =>
  Array.from({ length: Math.floor(size / each) }, (_, index) => item(index));
export const mapOf = (size: number, key: (index: number) => string, member: JsonValue = 1): JsonObject =>
  Object.fromEntries(listOf(size, key(0).length + 6, (index) => key(index)).map((name) => [name, member]));
export const awsKey = (index: number): string => `AKIA${index.toString(36).toUpperCase().padStart(16, '0')}`;
const nested = (size: number, quoted: string): string => {
  let text = quoted;
  while (text.length < size / 2) text = JSON.stringify([text]);
  return text;
};
const deep = (levels: number, wrap: (inner: JsonValue) => JsonValue): JsonValue => {
  let value: JsonValue = 'x';
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
};

/** Shapes that make redaction work, of any size. */
export const SHAPES: Readonly<Record<string, (size: number) => JsonValue>> = {
  'keys that redact alike': (size) => mapOf(size, awsKey),
  'keys that nobody has seen': (size) => mapOf(size, (index) => `k${index.toString(36).padStart(5, '0')}`),
  'long keys': (size) => mapOf(size, (index) => `abcdefghijklmnopq${index.toString(36).padStart(5, '0')}`),
  'names of secrets': (size) => mapOf(size, (index) => `token${index.toString(36).padStart(5, '0')}`, 'x'),
  'short values of a Secret': (size) => ({
    kind: 'Secret',
    data: mapOf(size, (index) => String(index), 'x'),
  }),
  'numbers under the name of a password': (size) => listOf(size, 10, () => ({ pwd: 1 })),
  'pairs of a name and a number': (size) => listOf(size, 26, () => ({ name: 'PWD', value: 1 })),
  'small objects': (size) => listOf(size, 8, () => ({ a: 1 })),
  'empty objects': (size) => listOf(size, 3, () => ({})),
  'short texts': (size) => listOf(size, 9, () => 'abcdef'),
  'very short texts': (size) => listOf(size, 4, () => 'a'),
  'line breaks': (size) => `Secret data:${'\n'.repeat(size)}`,
  'line breaks in a Secret': (size) => `kind: Secret\ndata:\n${'\n'.repeat(size)}`,
  'lines of a Secret': (size) => `kind: Secret\ndata:\n${filled(' a: b\n', size)}`,
  'documents of Secrets': (size) => filled('kind: Secret\ndata:\n', size),
  'Secrets in JSON': (size) => filled('{"kind":"Secret","data":{"a":"', size),
  'Secrets in JSON that end nowhere': (size) => `"kind":"Secret"${filled('"data":{"a":\\\\"', size)}`,
  'JSON in JSON in JSON': (size) => nested(size, 'password=x'),
  'numbers that need their text': (size) => `[${filled('1.0,', size)}1]`,
  'names with escapes': (size) =>
    `{${listOf(size, 11, (index) => `"\\n${index.toString(36).padStart(5, '0')}":1`).join(',')}}`,
  'web tokens': (size) => filled('eyJhIjoxfQ.eyJhIjoxfQ.x ', size),
  'long headers of web tokens': (size) =>
    filled(`${Buffer.from(`{"a":"${'b'.repeat(2_900)}"}`).toString('base64url')}.eyA.`, size),
  'base64 in base64': (size) => {
    let text = 'password=hunter2';
    while (text.length < size / 2) text = Buffer.from(text).toString('base64');
    return text;
  },
  'passwords in commas': (size) => filled('token=a,,,,', size),
  'URLs with passwords': (size) => filled('https://user:pass@host/ ', size),
  'quotes of every depth': (size) => filled('token=\\"\\\\"', size),
  'arrays in arrays': (size) => deep(Math.min(size / 2, 700), (inner) => [inner]),
  'objects in objects': (size) => deep(Math.min(size / 6, 700), (inner) => ({ a: inner })),
};

/** Texts that rules begin at. */
export const hostileText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    ...['AKIA', 'ghp_', 'xoxb-', 'sk-', 'eyJ', '.eyJ', 'password=', '"token":"', '://a:', '@', 'curl -u '],
    ...[
      '-----BEGIN A-----',
      'kind: Secret\n',
      'data:\n',
      '\n',
      '\\"',
      "'",
      '[',
      '{"a":',
      'Bearer ',
      'basic YTpi',
    ],
    ...['authorization: ', 'Cookie: a=', 'aB1+', '?sig=', 'Secret'],
  ),
);
/** Values of a few megabytes at most; how large they are is for the caller to judge. */
export const hostileJson: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(
      fc
        .tuple(fc.array(hostileText, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 3_000 }))
        .map(([units, times]) => units.join('').repeat(times)),
      fc
        .tuple(fc.constantFrom(...Object.values(SHAPES)), fc.integer({ min: 10, max: 60_000 }))
        .map(([make, size]) => make(size)),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(hostileText, tie('value'), { maxKeys: 4 }),
    tie('value').map((value) => JSON.stringify(value)),
  ),
})).value;
