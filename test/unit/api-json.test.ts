import fc from 'fast-check';
import { expect, test } from 'vitest';

import { parseApiJson } from '../../src/watcher/stream/api-json.ts';

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
  { arbitrary: fc.constantFrom('manager', 'time', 'subresource'), weight: 3 },
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

/** The same with the newest manager alone in each `managedFields` that is not the first member of its object. */
function withNewestManagers(value: Json): Json {
  if (Array.isArray(value)) return value.map(withNewestManagers);
  if (typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member], index) => [
      key,
      index > 0 && key === 'managedFields' && Array.isArray(member)
        ? newestOf(member)
        : withNewestManagers(member),
    ]),
  );
}

function newestOf(entries: readonly Json[]): Json {
  const managers = entries.flatMap((entry) => {
    if (typeof entry !== 'object' || Array.isArray(entry)) return [];
    const { manager, time, subresource } = entry;
    if (typeof manager !== 'string' || manager === 'remediation-audit') return [];
    const age = typeof time === 'string' ? JSON.stringify(time) : '';
    return [{ manager, rank: `${subresource === 'status' ? 1 : 0}${age}` }];
  });
  const [first, ...others] = managers;
  if (first === undefined) return [];
  const { manager } = others.reduce((one, other) => (other.rank >= one.rank ? other : one), first);
  return [{ manager }];
}

test('what an API server says is read as it is, but for managedFields', () => {
  fc.assert(
    fc.property(json, (value) => {
      expect(parseApiJson(Buffer.from(JSON.stringify(value)))).toEqual(withNewestManagers(value));
    }),
    { numRuns: 2_000 },
  );
});

/** As API servers write it: all values are objects. */
const fieldName = fc.oneof(
  fc.constantFrom('.', 'f:manager', 'manager', 'v:},"manager":"x"', 'v:"},{"', 'k:{"name":"]"}', 'v:["a"]'),
  fc.string({ maxLength: 4 }).map((named) => `f:${named}`),
);
const { fields } = fc.letrec<{ fields: { [name: string]: Json } }>((tie) => ({
  fields: fc.oneof(
    { maxDepth: 3 },
    fc.constant({}),
    fc
      .array(fc.tuple(fieldName, tie('fields')), { maxLength: 3 })
      .map((members) => Object.fromEntries(members)),
  ),
}));
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
const entryMembers = fc.record({
  apiVersion: fc.constant('kubernaut.ai/v1alpha1'),
  fieldsType: fc.constant('FieldsV1'),
  fieldsV1: optional(fields),
  manager: optional(
    fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom('remediation-audit', '},{"', 'a]')),
  ),
  operation: fc.constantFrom('Apply', 'Update'),
  subresource: optional(fc.constantFrom('status', 'scale')),
  time: optional(fc.constantFrom('2026-11-01T10:00:00Z', '2026-11-01T10:00:01Z', '2026-11-01T10:00:02Z')),
});
const ORDERS = {
  ofCustomResources: ['apiVersion', 'fieldsType', 'fieldsV1', 'manager', 'operation', 'subresource', 'time'],
  ofOthers: ['manager', 'operation', 'apiVersion', 'time', 'fieldsType', 'fieldsV1', 'subresource'],
};
/** Members that an API server leaves out, left out, and the others in one of its orders. */
const writtenEntries = fc
  .tuple(fc.array(entryMembers, { maxLength: 4 }), fc.constantFrom(...Object.values(ORDERS)))
  .map(([entries, order]) =>
    entries.map((members) =>
      Object.fromEntries(
        order.flatMap((name) => {
          const value: Json | undefined = members[name as keyof typeof members];
          return value === undefined ? [] : [[name, value] as const];
        }),
      ),
    ),
  );

test('of the entries that an API server writes the newest manager is left', () => {
  const metadata = fc.record({
    labels: fields,
    managedFields: writtenEntries,
    name: text,
  });
  const list = fc.record({ items: fc.array(fc.record({ metadata, status: json }), { maxLength: 3 }) });
  fc.assert(
    fc.property(list, (value) => {
      expect(parseApiJson(Buffer.from(JSON.stringify(value)))).toEqual(withNewestManagers(value as Json));
    }),
    { numRuns: 2_000 },
  );
});

const entry = (manager: string, time: string, subresource?: string) => ({
  ...{ manager, operation: 'Update', apiVersion: 'v1', time, fieldsType: 'FieldsV1' },
  fieldsV1: { 'f:status': { manager: 'f:manager', 'k:{"type":"]}"}': { '.': {} } } },
  ...(subresource === undefined ? {} : { subresource }),
});

test.each([
  [
    'the newest of those who wrote the status',
    'late',
    [
      entry('early', '2026-11-01T10:00:00Z', 'status'),
      entry('late', '2026-11-01T10:00:09Z', 'status'),
      entry('middle', '2026-11-01T10:00:05Z', 'status'),
    ],
  ],
  [
    'who wrote the status, though the rest is newer',
    'controller',
    [entry('controller', '2026-11-01T10:00:00Z', 'status'), entry('kubectl-label', '2026-11-01T11:00:00Z')],
  ],
  [
    'the newest of all, where nobody wrote a status',
    'gateway',
    [entry('old', '2026-10-01T10:00:00Z'), entry('gateway', '2026-11-01T10:00:00Z')],
  ],
  [
    'nobody, where there is our own finalizer alone',
    undefined,
    [entry('remediation-audit', '2026-11-01T10:00:00Z')],
  ],
  ['a name with a quote in it', 'a"b\\', [entry('a"b\\', '2026-11-01T10:00:00Z', 'status')]],
])('of managedFields is left %s', (_, manager, managedFields) => {
  const text = JSON.stringify({ metadata: { name: 'a', managedFields, uid: '1' } });
  expect(parseApiJson(Buffer.from(text))).toEqual({
    metadata: { name: 'a', managedFields: manager === undefined ? [] : [{ manager }], uid: '1' },
  });
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

test('an entry without a manager is not given one of the status behind it', () => {
  const fieldsV1 = { 'f:status': { '.': {} } };
  const managedFields = [{ apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1, operation: 'Update' }];
  const status = { conditions: { ready: {} }, manager: 'somebody', phase: 'Running' };
  const object = { metadata: { name: 'a', managedFields, uid: '1' }, status };
  expect(parseApiJson(Buffer.from(JSON.stringify(object)))).toEqual({
    metadata: { name: 'a', managedFields: [], uid: '1' },
    status,
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
