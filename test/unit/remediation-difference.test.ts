import { expect, test } from 'vitest';

import { canonicalJson, type JsonValue, parseJson } from '../../src/domain/json.ts';
import { differencesOf } from '../../src/query/remediation/difference.ts';

/* The difference between two observations: of their members, each by its path. */

const between = (before: string, after: string) => differencesOf(parseJson(before), parseJson(after));

test.each([
  ['{"a":1}', '{"a":1}', []],
  ['{"a":1}', '{"a":2}', [{ path: '/a', before: 1, after: 2 }]],
  ['{"a":{"b":[1,2]}}', '{"a":{"b":[1,3]}}', [{ path: '/a/b/1', before: 2, after: 3 }]],
  [
    '{"b":1,"a":1}',
    '{}',
    [
      { path: '/a', before: 1 },
      { path: '/b', before: 1 },
    ],
  ],
  ['{"a":[1]}', '{"a":{"0":1}}', [{ path: '/a', before: [1], after: { 0: 1 } }]],
  ['{"x/y~":1}', '{"x/y~":2}', [{ path: '/x~1y~0', before: 1, after: 2 }]],
])('from %s to %s', (before, after, items) => {
  expect(between(before, after)).toEqual({ items, is_complete: true });
});

test('null is said, and what is absent is not', () => {
  const { items } = between('{"a":null}', '{"b":null}');
  expect(items).toEqual([
    { path: '/a', before: null },
    { path: '/b', after: null },
  ]);
});

test('a member with the name of one that every object has is a member', () => {
  expect(between('{}', '{"constructor":1}').items).toEqual([{ path: '/constructor', after: 1 }]);
});

test('numbers that a double cannot hold differ in their last digit', () => {
  const { items } = between('{"a":9007199254740993}', '{"a":9007199254740992}');
  expect(
    items.map(({ before, after }) => [before, after].map((side) => canonicalJson(side ?? null))),
  ).toEqual([['9007199254740993', '9007199254740992']]);
});

test('is bounded in differences and in the length of each', () => {
  const many: JsonValue = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`m${index}`, 1]));
  const { items, is_complete: isComplete } = differencesOf(many, {});
  expect([items.length, isComplete]).toEqual([200, false]);
  const [long] = differencesOf({ a: 'x'.repeat(100_000) }, { a: '' }).items;
  expect(canonicalJson(long?.before ?? null).length).toBeLessThan(310);
});
