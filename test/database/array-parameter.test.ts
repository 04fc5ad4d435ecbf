import { afterAll, beforeAll, expect, test } from 'vitest';

import { arrayLiteral, bytesArray, textArray } from '../../src/database/recording/array-parameter.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const TEXTS = [
  '',
  'plain',
  'NULL',
  'null',
  'a,b',
  '{}',
  '"',
  '\\',
  '\\"',
  'a "b" \\c\n\t',
  'ü€😀',
  ' spaced ',
];

/** The elements as the server understood them. */
async function readBack(type: string, parameter: string | Buffer): Promise<unknown> {
  const { rows } = await database.writer.query<{ elements: unknown }>(`select $1::${type}[] as elements`, [
    parameter,
  ]);
  return rows[0]?.elements;
}

test('PostgreSQL reads every text as it was, and what is absent as null', async () => {
  const expected = [...TEXTS, null];
  expect(await readBack('text', arrayLiteral([...TEXTS, undefined]))).toEqual(expected);
  expect(await readBack('text', textArray([...TEXTS, undefined]))).toEqual(expected);
});

test('booleans and bytes arrive as they were', async () => {
  expect(await readBack('boolean', arrayLiteral([true, undefined, false]))).toEqual([true, null, false]);
  const bytes = [Buffer.alloc(0), Buffer.from([0, 255, 92, 34]), Buffer.alloc(300, 7)];
  expect(await readBack('bytea', bytesArray(bytes))).toEqual(bytes);
});

test('an array may be empty', async () => {
  expect(await readBack('text', arrayLiteral([]))).toEqual([]);
  expect(await readBack('text', textArray([]))).toEqual([]);
});
