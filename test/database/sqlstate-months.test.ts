import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';

import { ARCHIVED_TABLES } from '../../src/archive/parquet/archive-schema.ts';
import { createBatcher } from '../../src/database/recording/batcher.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { classifyError } from '../../src/database/sqlstate.ts';
import { addMonths } from '../../src/domain/instant.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';
import { until } from '../support/until.ts';

/** 23514 check_violation without a constraint's name: "no partition of relation found for row". */
const NO_PARTITION = '23514';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());
afterEach(async () => {
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
});

const observedIn = (month: string): Observation =>
  executionObservation({ createdAt: `${month}-15T12:00:00.000000Z` });

/** All of them are stored, each once. */
async function expectStored(observations: readonly Observation[]): Promise<void> {
  const outcomes = await store.record(observations);
  expect(outcomes.map(({ status }) => status)).toEqual(observations.map(() => 'stored'));
  const { entries } = await inspectRecords(database.owner);
  expect(entries).toEqual(expect.arrayContaining(observations.map(entryKeyOf)));
}

/** As a caller does who is told that others were in the way for too long, which on a slow machine they may be. */
async function recordInTheEnd(observations: readonly Observation[]): ReturnType<RecordStore['record']> {
  for (;;)
    try {
      return await store.record(observations);
    } catch (error: unknown) {
      if (classifyError(error) !== 'contention') throw error;
    }
}

/** Neither stored nor refused: it is for the caller to bring them again. */
async function expectThrown(observations: readonly Observation[], code: string): Promise<void> {
  await expect(store.record(observations)).rejects.toMatchObject({ code });
  const { entries } = await inspectRecords(database.owner);
  const keys = new Set(observations.map(entryKeyOf));
  expect(entries.filter((entry) => keys.has(entry))).toEqual([]);
}

async function partitionsOf(month: string): Promise<string[]> {
  const { rows } = await database.owner.query<{ name: string }>(
    'select inhrelid::regclass::text as name from pg_inherits where inhrelid::regclass::text like $1 order by 1',
    [`%\\_${month.replace('-', '\\_')}`],
  );
  return rows.map(({ name }) => name);
}

async function eachPartition(
  month: string,
  statement: (parent: string, child: string) => string,
): Promise<void> {
  const { rows } = await database.owner.query<{ name: string }>(
    'select partrelid::regclass::text as name from pg_partitioned_table order by 1',
  );
  for (const { name } of rows) {
    await database.owner.query(statement(name, `${name}_${month.replace('-', '_')}`));
  }
}

async function withOwner(work: (client: pg.PoolClient) => Promise<void>): Promise<void> {
  const client = await database.owner.connect();
  try {
    await work(client);
  } finally {
    client.release(true);
  }
}

test('writers that miss the same twelve months at once make each once', async () => {
  const months = Array.from({ length: 12 }, (_, index) => `2021-${String(index + 1).padStart(2, '0')}`);
  const batches = Array.from({ length: 8 }, (_, writer) =>
    (writer % 2 === 0 ? months : [...months].reverse()).map(observedIn),
  );
  const outcomes = await Promise.all(batches.map(recordInTheEnd));
  expect(outcomes.flat().filter(({ status }) => status === 'stored')).toHaveLength(8 * 12);
  const { entries } = await inspectRecords(database.owner);
  expect(entries).toEqual(expect.arrayContaining(batches.flat().map(entryKeyOf)));
  expect(await partitionsOf('2021-07')).toHaveLength(ARCHIVED_TABLES.length);
});

test('a record whose home lies in a month that is gone finds it made again, and not the month it says now', async () => {
  const first = observedIn('2020-03');
  await expectStored([first]);
  await eachPartition('2020-03', (_parent, child) => `drop table ${child}`);
  const later = { ...first, sourceVersion: '2', createdAt: '2020-04-15T12:00:00.000000Z' };
  const [outcome] = await store.record([later, executionObservation()]);
  expect(outcome).toMatchObject({ status: 'stored', createdAt: first.createdAt, revision: 1 });
  expect(await partitionsOf('2020-03')).toHaveLength(ARCHIVED_TABLES.length);
  expect(await partitionsOf('2020-04')).toEqual([]);
});

test('a record of a detached month brings the month back with every row it had', async () => {
  const first = observedIn('2020-05');
  await expectStored([first]);
  await eachPartition('2020-05', (parent, child) => `alter table ${parent} detach partition ${child}`);
  await database.owner.query("update audit_partition set state = 'detached' where month = '2020-05-01'");
  await expectStored([observedIn('2020-05'), executionObservation()]);
  const { entries } = await inspectRecords(database.owner);
  expect(entries).toContain(entryKeyOf(first));
  const { rows } = await database.owner.query("select state from audit_partition where month = '2020-05-01'");
  expect(rows).toEqual([{ state: 'live' }]);
});

const attach = (parent: string, child: string, month: string): string =>
  `alter table ${parent} attach partition ${child}
   for values from ('${month} 00:00:00+00') to ('${addMonths(month, 1)} 00:00:00+00')`;

test('a month whose detach is pending does not make the store try for ever', async () => {
  const month = '2020-07';
  await expectStored([observedIn(month)]);
  const partition = 'workflow_execution_audit_2020_07';
  await withOwner(async (reader) => {
    await reader.query('begin');
    await reader.query('select count(*) from workflow_execution_audit');
    await withOwner(async (dba) => {
      await dba.query("set statement_timeout = '300ms'");
      const detach = `alter table workflow_execution_audit detach partition ${partition} concurrently`;
      await expect(dba.query(detach)).rejects.toMatchObject({ code: '57014' });
    });
    await reader.query('rollback');
  });
  const late = [observedIn(month), executionObservation()];
  expect(await store.record(late)).toMatchObject([
    { status: 'later', sqlstate: NO_PARTITION },
    { status: 'stored', revision: 1 },
  ]);
  await expectThrown([observedIn(month)], NO_PARTITION);
  const batcher = createBatcher({ store });
  const answers = await Promise.allSettled(late.map((one) => batcher.record(one)));
  expect(answers).toMatchObject([
    { status: 'rejected', reason: { name: 'RecordDelayedError', sqlstate: NO_PARTITION } },
    { status: 'fulfilled', value: { status: 'stored', revision: 1 } },
  ]);
  await database.owner.query(`alter table workflow_execution_audit detach partition ${partition} finalize`);
  await database.owner.query(attach('workflow_execution_audit', partition, '2020-07-01'));
  await expectStored(late);
});

test('a month whose name is taken by another table delays its own records only', async () => {
  await database.owner.query('create table workflow_execution_audit_2020_08 (id uuid)');
  const late = [observedIn('2020-08'), executionObservation(), observedIn('2020-08')];
  const outcomes = await store.record(late);
  expect(outcomes.map(({ status }) => status)).toEqual(['later', 'stored', 'later']);
  await database.owner.query('drop table workflow_execution_audit_2020_08');
  await expectStored(late);
});

test('a table that this release does not know delays its own records only', async () => {
  const answers = await store.record([
    executionObservation({ table: 'later_audit' }),
    executionObservation(),
  ]);
  expect(answers).toMatchObject([
    { status: 'later', reason: expect.stringContaining('no record table later_audit') as string },
    { status: 'stored' },
  ]);
});

test('a month that cannot be made while somebody works on the table is made in a later attempt', async () => {
  const late = [observedIn('2020-09'), executionObservation()];
  await withOwner(async (dba) => {
    await dba.query('begin');
    await dba.query('lock table audit_ledger in share update exclusive mode');
    const storing = store.record(late);
    const refused = "select from pg_locks where not granted and mode = 'ShareUpdateExclusiveLock'";
    await until(async () => (await database.owner.query(refused)).rowCount === 1, 'the month waits');
    await until(async () => (await database.owner.query(refused)).rowCount === 0, 'it gives up');
    await dba.query('rollback');
    expect((await storing).map(({ status }) => status)).toEqual(['stored', 'stored']);
  });
});

test('a month that cannot be made for longer is thrown to whoever can wait, and nothing is stored', async () => {
  const late = [observedIn('2020-10'), executionObservation()];
  await withOwner(async (dba) => {
    await dba.query('begin');
    await dba.query('lock table audit_ledger in share update exclusive mode');
    await expectThrown(late, '55P03');
    await dba.query('rollback');
  });
  await expectStored(late);
});
