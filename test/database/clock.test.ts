import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** Otherwise a run under a shifted clock would shift only half of what it is about. */
test('the server and the tests have the same clock', async () => {
  const before = Date.now();
  const { rows } = await database.owner.query<{ now: string }>('select clock_timestamp() as now');
  const after = Date.now();
  const now = Date.parse(rows[0]?.now ?? '');
  expect(now).toBeGreaterThanOrEqual(before - 1);
  expect(now).toBeLessThanOrEqual(after + 1);
});
