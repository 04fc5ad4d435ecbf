import { readFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { describeSchema, readCatalogue } from '../../src/database/describe-schema.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** How the catalogue spells the types of the definitions. */
const SQL_TYPE: Readonly<Record<string, string>> = { timestamptz: 'timestamp with time zone' };

test('test/schema.sql is what the migrations make; `npm run schema:dump` writes it', async () => {
  const reviewed = readFileSync(new URL('../schema.sql', import.meta.url), 'utf8');
  expect(await describeSchema(database.owner)).toBe(reviewed);
});

describe('the migrated catalogue and the record definitions agree, column by column:', () => {
  test.each(RECORD_DEFINITIONS.map((definition) => [definition.table, definition] as const))(
    '%s',
    async (table, definition) => {
      const catalogue = (await readCatalogue(database.owner)).get(table) ?? [];
      const defined = definition.columns.map(({ name, type, ...rest }) => ({
        name,
        type: SQL_TYPE[type] ?? type,
        notNull: 'notNull' in rest,
      }));
      expect(catalogue).toEqual(defined);
    },
  );
});
