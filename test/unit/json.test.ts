import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { canonicalJson, isJsonObject, isRawNumber, numberLexeme, parseJson } from '../../src/domain/json.ts';

const digits = (least: number, most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789')), minLength: least, maxLength: most });

/** Any number that JSON's grammar allows, with digits and exponents far beyond a double. */
const lexeme = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.oneof(
      fc.constant('0'),
      fc.tuple(fc.constantFrom(...Array.from('123456789')), digits(0, 30)).map((parts) => parts.join('')),
    ),
    fc.oneof(
      fc.constant(''),
      digits(1, 30).map((text) => `.${text}`),
    ),
    fc.oneof(
      fc.constant(''),
      fc
        .tuple(fc.constantFrom('e', 'E'), fc.constantFrom('', '+', '-'), digits(1, 3))
        .map((parts) => parts.join('')),
    ),
  )
  .map((parts) => parts.join(''));

interface Member {
  key: string;
  text: string;
}

/** JSON text, together with itself in canonical form. */
const { document } = fc.letrec<{ document: { text: string; canonical: string } }>((tie) => ({
  document: fc.oneof(
    { maxDepth: 4 },
    lexeme.map((text) => ({ text, canonical: text })),
    fc.constantFrom('null', 'true', 'false').map((text) => ({ text, canonical: text })),
    fc.string({ unit: 'binary' }).map((text) => {
      const json = JSON.stringify(text);
      return { text: json, canonical: json };
    }),
    fc.array(tie('document'), { maxLength: 4 }).map((items) => ({
      text: `[ ${items.map((item) => item.text).join(' , ')}\n]`,
      canonical: `[${items.map((item) => item.canonical).join(',')}]`,
    })),
    fc
      .uniqueArray(
        fc.tuple(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('__proto__')), tie('document')),
        {
          selector: ([key]) => key,
          maxLength: 4,
        },
      )
      .map((members) => ({
        text: `{\t${members.map(([key, { text }]) => `${JSON.stringify(key)}: ${text}`).join(',')} }`,
        canonical: `{${members
          .map(([key, { canonical }]): Member => ({ key, text: `${JSON.stringify(key)}:${canonical}` }))
          .sort((left, right) => (left.key < right.key ? -1 : 1))
          .map((member) => member.text)
          .join(',')}}`,
      })),
  ),
}));

test('every number of any JSON text survives parsing and writing digit for digit', () => {
  fc.assert(
    fc.property(document, ({ text, canonical }) => {
      expect(canonicalJson(parseJson(text))).toBe(canonical);
    }),
    { numRuns: 2_000 },
  );
});

test('a canonical text is its own canonical text', () => {
  fc.assert(
    fc.property(document, ({ canonical }) => {
      expect(canonicalJson(parseJson(canonical))).toBe(canonical);
    }),
  );
});

test.each([
  '9007199254740993',
  '-9223372036854775808',
  '1.10',
  '1.0',
  '0.0',
  '-0',
  '-0.0',
  '1e2',
  '1E+2',
  '0.0000001',
  '0.00000010',
  '123456789012345.6',
  '1234567890123456',
  '0.1234567890123456789',
  '1e400',
  '1e-400',
  '100000000000000000000000',
])('the number %s is written as it was read', (text) => {
  expect(canonicalJson(parseJson(text))).toBe(text);
  expect(canonicalJson(parseJson(`{"a":[${text},${text}]}`))).toBe(`{"a":[${text},${text}]}`);
});

test('numbers that a double holds as written stay ordinary numbers', () => {
  expect(parseJson('[1, -2.5, 0]')).toEqual([1, -2.5, 0]);
  expect(isRawNumber(parseJson('12.75'))).toBe(false);
  expect(isRawNumber(parseJson('1e3'))).toBe(true);
});

test('keys are sorted by UTF-16 code units, whatever their first order', () => {
  expect(canonicalJson(parseJson('{"b":1,"a":2,"B":3,"10":4,"9":5,"é":6,"":7}'))).toBe(
    '{"":7,"10":4,"9":5,"B":3,"a":2,"b":1,"é":6}',
  );
  // U+1F600 is written as two units that begin with D83D, and so stands before U+FB33.
  expect(canonicalJson({ '\ufb33': 1, '\u{1f600}': 2 })).toBe('{"\u{1f600}":2,"\ufb33":1}');
});

test('a member called __proto__ is a member like any other', () => {
  const parsed = parseJson('{"__proto__":{"polluted":1.10},"a":{"__proto__":null}}');
  expect(canonicalJson(parsed)).toBe('{"__proto__":{"polluted":1.10},"a":{"__proto__":null}}');
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

test('lone surrogates become U+FFFD in values and keys, and keys are sorted as they are written', () => {
  expect(canonicalJson(parseJson('"\\ud800"'))).toBe('"\ufffd"');
  // As a lone surrogate the key would stand before U+E000, as U+FFFD it stands behind.
  expect(canonicalJson(parseJson('{"\\ud800":1,"\\ue000":2}'))).toBe('{"\ue000":2,"\ufffd":1}');
});

test('keys that become equal once they are well-formed are written once', () => {
  const written = canonicalJson(parseJson('{"\\ud800":1,"\\udbff":2}'));
  expect(written).toBe('{"\ufffd":2}');
  expect(canonicalJson(parseJson(written))).toBe(written);
});

test('text that is no JSON is a SyntaxError, also where numbers need their own text', () => {
  for (const text of ['', '{', '{"a":01}', '[1e]', "{'a':1}", '[1.10,]', 'NaN']) {
    expect(() => parseJson(text), text).toThrow(SyntaxError);
  }
});

test('a number gives its decimal text however it is held, and nothing else does', () => {
  expect(numberLexeme(parseJson('1.50'))).toBe('1.50');
  expect(numberLexeme(1.5)).toBe('1.5');
  expect(numberLexeme(-0)).toBe('-0');
  const others: (JsonValue | undefined)[] = ['1.5', null, true, [1], { rawJSON: '1' }, undefined];
  for (const value of others) expect(numberLexeme(value)).toBeUndefined();
});

test('a number that kept its text is no object, an object with a member rawJSON is', () => {
  expect(isJsonObject(parseJson('1.10'))).toBe(false);
  expect(isJsonObject(parseJson('{"rawJSON":"1"}'))).toBe(true);
  expect(isJsonObject([])).toBe(false);
  expect(isJsonObject(null)).toBe(false);
});

/** After such a key V8's own parser takes keys that are written with an escape for it. */
const POISON = ['{"a":1,"\\\\":2}', '{"a":1,"C:\\\\":2}', '{"a":1,"b\\\\n":2}', '{"a":1,"\\\\":2,"x":3}'];

test('keys that are written with an escape are not taken for others that were read before', () => {
  for (const text of POISON) parseJson(text);
  for (const key of ['"', '\n', 'C:"', 'C:\t', 'b\n1', 'b\\n']) {
    const text = JSON.stringify({ a: 1, [key]: 2 });
    expect(Object.keys(parseJson(text) as object), text).toEqual(['a', key]);
  }
});

test('any keys in any order are read as they are written', () => {
  const key = fc.oneof(
    fc.constantFrom('"', '\\', '\n', '', 'a', '1', '#0', '__proto__', 'a":', '\\"', ','),
    fc.string({ unit: 'binary', maxLength: 3 }),
  );
  const member = fc.oneof(key, fc.integer(), fc.constant({ 'a"': [{ '\\': 1 }, '\\":'] }));
  fc.assert(
    fc.property(fc.array(fc.tuple(key, member)), (members) => {
      const text = `{ ${members.map(([name, value]) => `${JSON.stringify(name)} :${JSON.stringify(value)}`).join(', ')} }`;
      const read = parseJson(text) as object;
      expect(Object.entries(read)).toEqual(Object.entries(Object.fromEntries(members)));
      expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    }),
    { numRuns: 2_000 },
  );
});

test('numbers keep their text beside keys with escapes', () => {
  const text = '{"a\\"b":[1.10,{"\\\\":9007199254740993}],"c":-0}';
  expect(canonicalJson(parseJson(text))).toBe(text);
});

test('text that is no JSON has its own place in the error, also with escapes in keys', () => {
  expect(() => parseJson('{"a\\n":1,"b":tru}')).toThrow(/"a\\n":1,"b"/);
  for (const text of ['{"a\\n"', '{"a\\', '"a\\n":', '\\":{"a":1}', '{"\\x":1}']) {
    expect(() => parseJson(text), text).toThrow(SyntaxError);
  }
});

test('a text that begins like what the parser marks is read as it is, beside numbers and keys that need marks', () => {
  const texts = ['#0', '#1.10', '$', '$$#', '\\', '\u0023', '#', ''];
  const written = `{"n":1.10,"\\u0061":[${texts.map((text) => JSON.stringify(text)).join(',')},"\\u0023\\u0031","\\u0024"],"#0":1,"$":2,"#":3}`;
  const expected = Object.fromEntries<JsonValue>([
    ['a', [...texts, '#1', '$']],
    ['#0', 1],
    ['$', 2],
    ['#', 3],
  ]);
  const { n, ...others } = parseJson(written) as JsonObject;
  expect(numberLexeme(n)).toBe('1.10');
  expect(others).toEqual(expected);
});

test('a key named __proto__ is a key like any other, also beside marks', () => {
  const read = parseJson('{"__proto__":{"a":1.0},"\\u005f\\u005fproto\\u005f\\u005f":2}') as JsonObject;
  expect(Object.keys(read)).toEqual(['__proto__']);
  expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
});

/** What an API server takes; a stack of calls has fewer. */
const MOST_LEVELS = 10_000;

test.each([
  ['lists', '[', ']'],
  ['objects', '{"a":', '}'],
  ['objects with an escape in their keys', '{"a\\n":', '}'],
])('%s of ten thousand levels keep the text of a number beside them', (_, open, close) => {
  const text = `{"deep":${open.repeat(MOST_LEVELS)}1${close.repeat(MOST_LEVELS)},"number":1.10}`;
  expect(numberLexeme((parseJson(text) as JsonObject)['number'])).toBe('1.10');
});
