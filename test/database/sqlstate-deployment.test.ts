import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { classifyError } from '../../src/database/sqlstate.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
afterEach(async () => {
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
});

const someObservations = (given: Partial<Observation> = {}): Observation[] =>
  Array.from({ length: 4 }, () => executionObservation(given));

async function countEntriesOf(observations: readonly Observation[]): Promise<number> {
  const keys = new Set(observations.map(entryKeyOf));
  return (await inspectRecords(database.owner)).entries.filter((entry) => keys.has(entry)).length;
}

async function expectStored(observations: readonly Observation[]): Promise<void> {
  const outcomes = await createRecordStore(database.writer).record(observations);
  expect(outcomes).toMatchObject(observations.map(() => ({ status: 'stored', revision: 1 })));
  expect(await countEntriesOf(observations)).toBe(observations.length);
}

/** Thrown, so that the caller comes again: the records are good, whatever is wrong here. */
async function expectThrown(
  observations: readonly Observation[],
  code: string,
  pool = database.writer,
): Promise<void> {
  const error: unknown = await createRecordStore(pool)
    .record(observations)
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code });
  expect(classifyError(error)).toBe('deployment');
}

test.each([
  ['28P01', 'a wrong password', (url: URL) => (url.password = 'wrong')],
  ['3D000', 'a database that does not exist', (url: URL) => (url.pathname = '/no_such_database')],
])('%s, %s, keeps the records waiting', async (code, _what, change) => {
  const address = new URL(database.url('audit_writer'));
  change(address);
  const pool = createPool({
    connectionString: address.href,
    applicationName: 'wrongly deployed',
    statementTimeoutMs: 30_000,
    logger: createLogger('silent', 'test'),
  });
  const observations = someObservations();
  await expectThrown(observations, code, pool);
  await pool.end();
  await expectStored(observations);
});

describe('a schema that is not the one we know keeps the records waiting', () => {
  const changes: [code: string, what: string, change: string, undo: string][] = [
    [
      '42501',
      'a right that is missing',
      'revoke execute on function audit_find_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[], uuid[], text[], timestamptz[], boolean[]) from audit_writer',
      'grant execute on function audit_find_records(text[], uuid[], uuid[], uuid[], uuid[], timestamptz[], boolean[], boolean[], uuid[], text[], timestamptz[], boolean[]) to audit_writer',
    ],
    [
      '42703',
      'a column that is missing',
      'alter table workflow_execution_audit rename column remediation_id to something_else',
      'alter table workflow_execution_audit rename column something_else to remediation_id',
    ],
    [
      '42P01',
      'a table that is missing',
      'alter table workflow_execution_audit rename to something_else',
      'alter table something_else rename to workflow_execution_audit',
    ],
    [
      '42883',
      'the function that makes months is missing',
      'alter function audit_create_month(date, text, boolean, integer) rename to something_else',
      'alter function something_else(date, text, boolean, integer) rename to audit_create_month',
    ],
  ];
  test.each(changes)('%s: %s', async (code, _what, change, undo) => {
    // A month that is missing, where it is about making months.
    const month = code === '42883' ? '2018-05' : '2026-11';
    const observations = someObservations({ createdAt: `${month}-21T00:00:00.000000Z` });
    await database.owner.query(change);
    try {
      await expectThrown(observations, code);
    } finally {
      await database.owner.query(undo);
    }
    expect(await countEntriesOf(observations)).toBe(0);
    await expectStored(observations);
  });
});
