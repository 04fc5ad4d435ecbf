import { createHash } from 'node:crypto';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { naturalKey } from '../../src/domain/observation.ts';
import { recordId } from '../../src/identity/identities.ts';

/** RFC 9562 §5.5, written without looking at ours: version and variant are set in the number, not in bytes. */
function uuidV5(namespace: string, name: string): string {
  const digest = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name, 'utf8')
    .digest('hex');
  const number =
    (BigInt(`0x${digest.slice(0, 32)}`) & ~(0xf000n << 64n) & ~(0xc000n << 48n)) |
    (0x5000n << 64n) |
    (0x8000n << 48n);
  return number
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const NAMESPACE = '6f1c0bd2-a6c9-4c0e-9d54-b1b2b6f8f7a1';

test("the test's own UUIDv5 gives the vector of RFC 9562", () => {
  expect(uuidV5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')).toBe(
    '2ed6657d-e927-568b-95e1-2665a8aea6a2',
  );
});

test('an id is the UUIDv5 of table, cluster and natural key', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('a_audit', 'b_audit'),
      fc.string(),
      fc.string({ unit: 'grapheme' }),
      (table, cluster, key) => {
        expect(recordId(table, cluster, key)).toBe(
          uuidV5(NAMESPACE, `${table}/${encodeURIComponent(cluster)}/${key}`),
        );
      },
    ),
  );
});

test('an id stays what it is: stored records are found by it', () => {
  const key = naturalKey('0b8e8e5c-7a3f-4f0e-9f43-4f6f2f3b7a10', 'we-rr-b157a3a9e42f-1c2b5576');
  expect(recordId('workflow_execution_audit', 'default', key)).toBe('8193ee44-5b6b-57db-9eb7-9bec071f48bd');
});

test('natural keys of different parts are different texts', () => {
  const parts = fc.array(fc.string({ unit: fc.constantFrom('a', '/', '%', '2', 'F') }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(parts, parts, (left, right) => {
      expect(naturalKey(...left) === naturalKey(...right)).toBe(
        JSON.stringify(left) === JSON.stringify(right),
      );
    }),
    { numRuns: 2_000 },
  );
});

test('a cluster with a slash in its name cannot pass for another cluster and key', () => {
  expect(recordId('t', 'a/b', 'c')).not.toBe(recordId('t', 'a', 'b/c'));
});
