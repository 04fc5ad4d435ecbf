import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseApiJson } from '../../src/watcher/stream/api-request.ts';

type Json = string | number | Json[] | { [name: string]: Json };

/** Full of what an emptied array might be mistaken for, and of what might end it too early. */
const text = fc.oneof(
  fc.constantFrom(',"managedFields":[', '"managedFields":[', '\\', '\\"', ']', '[', '"', 'managedFields'),
  fc.string({ unit: 'binary', maxLength: 6 }),
);
const name = fc.oneof(
  { arbitrary: fc.constant('managedFields'), weight: 3 },
  { arbitrary: text, weight: 2 },
  { arbitrary: fc.constantFrom('metadata', 'a', 'f:spec', 'k:{"type":"]"}'), weight: 3 },
);
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5 },
    text,
    fc.nat(),
    fc.array(tie('json'), { maxLength: 3 }),
    fc
      .array(fc.tuple(name, tie('json')), { maxLength: 4 })
      .map((members) => Object.fromEntries(members) as Json),
  ),
}));

/** The same without the content of each `managedFields` that is not the first member of its object. */
function withoutManagedFields(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutManagedFields);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member], index) => [
      key,
      index > 0 && key === 'managedFields' && Array.isArray(member) ? [] : withoutManagedFields(member),
    ]),
  );
}

test('what an API server says is read as it is, but for managedFields', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(parseApiJson(Buffer.from(JSON.stringify(value)))).toEqual(withoutManagedFields(value));
    }),
    { numRuns: 2_000 },
  );
});

test('managedFields of every object of a list are left out, wherever they stand', () => {
  const object = (uid: string) => ({
    metadata: { name: 'a', managedFields: [{ fieldsV1: { 'k:{"uid":"x]"}': { '.': {} } } }], uid },
    status: { phase: 'Running' },
  });
  const list = { items: [object('1'), object('2')], metadata: { resourceVersion: '7' } };
  expect(parseApiJson(Buffer.from(JSON.stringify(list)))).toEqual({
    items: ['1', '2'].map((uid) => ({
      metadata: { name: 'a', managedFields: [], uid },
      status: { phase: 'Running' },
    })),
    metadata: { resourceVersion: '7' },
  });
});

test('text that was cut off anywhere is no JSON', () => {
  const whole = JSON.stringify({
    metadata: { name: 'a', managedFields: [{ time: 't]', of: [] }], uid: '1' },
    status: {},
  });
  for (let length = 0; length < whole.length; length += 1) {
    expect(() => parseApiJson(Buffer.from(whole.slice(0, length))), whole.slice(0, length)).toThrow(
      SyntaxError,
    );
  }
});
