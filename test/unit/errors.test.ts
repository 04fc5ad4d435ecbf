import { expect, test } from 'vitest';

import { reasonOf, rootReasonOf } from '../../src/domain/errors.ts';

test('the reason of an error is its message, or its name where it has none', () => {
  expect(reasonOf(new Error('disk full'))).toBe('disk full');
  expect(reasonOf(new RangeError())).toBe('RangeError');
  expect(reasonOf('thrown text')).toBe('thrown text');
});

test('a connection refused by every address names each of them', () => {
  const refused = [
    new Error('connect ECONNREFUSED ::1:5432'),
    new Error('connect ECONNREFUSED 127.0.0.1:5432'),
  ];
  expect(reasonOf(new AggregateError(refused))).toBe(
    'connect ECONNREFUSED ::1:5432: connect ECONNREFUSED 127.0.0.1:5432',
  );
  expect(reasonOf(new AggregateError(refused, 'no database'))).toMatch(/^no database: connect/);
});

test('the root reason is that of the first cause', () => {
  const first = new Error('certificate has expired');
  expect(rootReasonOf(new Error('fetch failed', { cause: new Error('TLS', { cause: first }) }))).toBe(
    'certificate has expired',
  );
});
