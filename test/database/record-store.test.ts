import { randomUUID } from 'node:crypto';

import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { StoredRecord } from '../../src/database/recording/prepared-observation.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());

/** Stores observations that must all be storable. */
async function record(...observations: readonly Observation[]): Promise<StoredRecord[]> {
  const outcomes = await store.record(observations);
  return outcomes.map((outcome) => {
    if (outcome.status !== 'stored') throw new Error(`refused: ${outcome.reason}`);
    return outcome;
  });
}

type Row = Record<string, unknown>;

async function rowsOf(observation: Observation, columns = '*'): Promise<Row[]> {
  const { rows } = await database.owner.query<Row>(
    `select ${columns} from workflow_execution_audit where remediation_uid = $1::text`,
    [observation.columns['remediation_uid']],
  );
  return rows;
}

async function entriesOf(id: string): Promise<Row[]> {
  const { rows } = await database.owner.query<Row>(
    'select * from audit_ledger where record_id = $1::uuid order by source_version',
    [id],
  );
  return rows;
}

describe('one observation', () => {
  test('becomes one row and one ledger entry whose hashes can be recomputed', async () => {
    const observation = executionObservation({
      columns: {
        ...executionObservation().columns,
        parameters: '{"REPLICAS":"3","big":9007199254740993,"rate":1.10}',
        total_duration: '00:02:03.5',
        total_steps: '4',
        effectiveness_score: '0.999',
        started_at: '2026-11-21T10:00:00.123456Z',
      },
    });
    const [stored] = await record(observation);

    expect(stored).toMatchObject({ createdAt: observation.createdAt, revision: 1 });
    const [row] = await rowsOf(observation, '*, parameters::text as parameters_text');
    expect(row).toMatchObject({
      id: stored?.id,
      phase: 'Running',
      total_duration: '00:02:03.5',
      total_steps: 4,
      effectiveness_score: '0.999',
      started_at: '2026-11-21 10:00:00.123456+00',
      cluster: 'test',
      created_at_source: 'resource',
      source_version: '1',
      revision: 1,
    });
    expect(row?.['parameters_text']).toBe('{"big": 9007199254740993, "rate": 1.10, "REPLICAS": "3"}');
    const [entry, ...others] = await entriesOf(stored?.id ?? '');
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      phase: 'execution',
      actor: 'watcher',
      table_name: 'workflow_execution_audit',
    });
    expect(entry?.['canonical']).toContain(
      '"parameters":{"REPLICAS":"3","big":9007199254740993,"rate":1.10}',
    );
    const recomputed = await database.owner.query<Row>(
      `select content_hash = sha256(convert_to(canonical, 'UTF8')) as content,
         payload_hash = sha256(salt || convert_to(canonical, 'UTF8')) as payload
       from audit_ledger where record_id = $1::uuid`,
      [stored?.id],
    );
    expect(recomputed.rows).toEqual([{ content: true, payload: true }]);
  });

  test('stored twice leaves one row, one entry and the same answer', async () => {
    const observation = executionObservation();
    const first = await record(observation);
    const second = await record({ ...observation, observedAt: '2026-11-21T11:00:00.000000Z' });

    // What became of its phase is said of the first alone: nothing of the second was new.
    expect(first).toEqual(
      second.map((stored) => ({ ...stored, phases: { from: undefined, to: 'Running' } })),
    );
    expect(await rowsOf(observation)).toHaveLength(1);
    expect(await entriesOf(first[0]?.id ?? '')).toHaveLength(1);
  });

  test('for a month that does not exist creates the month and is stored', async () => {
    const observation = executionObservation({ createdAt: '2019-02-28T23:59:59.999999Z' });
    await record(observation);

    expect(await rowsOf(observation, 'tableoid::regclass::text as part')).toEqual([
      { part: 'workflow_execution_audit_2019_02' },
    ]);
  });
});

describe('a newer observation', () => {
  test('adds what it knows and erases nothing', async () => {
    const first = executionObservation();
    const identity = { remediation_id: 'rr-1', remediation_uid: first.columns['remediation_uid'] ?? '' };
    await record(first);
    const [answer] = await record({
      ...first,
      sourceVersion: '5',
      columns: { ...identity, phase: 'Completed', outcome: 'Success' },
    });
    await record({ ...first, sourceVersion: '6', columns: { ...identity, workflow_id: 'restart-api' } });

    expect(answer?.revision).toBe(2);
    expect(await rowsOf(first, 'phase, outcome, workflow_id, source_version, revision')).toEqual([
      {
        phase: 'Completed',
        outcome: 'Success',
        workflow_id: 'restart-api',
        source_version: '6',
        revision: 3,
      },
    ]);
  });

  test('keeps the home that the first one decided', async () => {
    const first = executionObservation({ createdAt: '2026-11-02T00:00:00.000000Z' });
    await record(first);
    const [answer] = await record({ ...first, sourceVersion: '2', createdAt: '2026-12-24T00:00:00.000000Z' });

    expect(answer?.createdAt).toBe(first.createdAt);
    expect(await rowsOf(first, 'created_at')).toEqual([{ created_at: '2026-11-02 00:00:00+00' }]);
  });
});

describe('an older observation that arrives late', () => {
  test('fills what is unknown and overwrites nothing', async () => {
    const first = executionObservation();
    const identity = { remediation_id: 'rr-1', remediation_uid: first.columns['remediation_uid'] ?? '' };
    await record({ ...first, sourceVersion: '9', columns: { ...identity, phase: 'Completed' } });
    await record({
      ...first,
      sourceVersion: '3',
      columns: { ...identity, phase: 'Running', workflow_id: 'restart-api' },
    });

    expect(await rowsOf(first, 'phase, workflow_id, source_version, revision')).toEqual([
      { phase: 'Completed', workflow_id: 'restart-api', source_version: '9', revision: 2 },
    ]);
  });

  test('does not win over a confirmation that changed nothing visible', async () => {
    const first = executionObservation();
    const identity = { remediation_id: 'rr-1', remediation_uid: first.columns['remediation_uid'] ?? '' };
    const says = (sourceVersion: string, phase: string): Observation => ({
      ...first,
      sourceVersion,
      columns: { ...identity, phase },
    });
    for (const observation of [says('5', 'Pending'), says('10', 'Pending'), says('7', 'Running')]) {
      await record(observation);
    }
    expect(await rowsOf(first, 'phase')).toEqual([{ phase: 'Pending' }]);
  });
});

test('one flush may hold several observations of one record, in any order, repetitions included', async () => {
  const first = executionObservation();
  const identity = { remediation_id: 'rr-1', remediation_uid: first.columns['remediation_uid'] ?? '' };
  await record({ ...first, sourceVersion: '4', columns: { ...identity, phase: 'Running' } });
  const answers = await record(
    { ...first, sourceVersion: '8', columns: { ...identity, phase: 'Completed' } },
    { ...first, sourceVersion: '4', columns: { ...identity, phase: 'Running' } },
    { ...first, sourceVersion: '2', columns: { ...identity, phase: 'Pending', workflow_id: 'restart-api' } },
  );

  expect(answers.map(({ revision }) => revision)).toEqual([3, 3, 3]);
  expect(await rowsOf(first, 'phase, workflow_id, revision')).toEqual([
    { phase: 'Completed', workflow_id: 'restart-api', revision: 3 },
  ]);
});

test('two first observations at once make one row in one home', async () => {
  const first = executionObservation();
  const rivals = Array.from({ length: 20 }, (_, index) => ({
    ...first,
    sourceVersion: String(index + 1),
    createdAt: `2026-11-${String(index + 1).padStart(2, '0')}T00:00:00.000000Z`,
  }));
  const answers = await Promise.all(rivals.map((rival) => record(rival)));

  expect(new Set(answers.map(([answer]) => answer?.createdAt)).size).toBe(1);
  expect(await rowsOf(first, 'revision, source_version')).toEqual([{ revision: 20, source_version: '20' }]);
});

test('writers that bring the same records in opposite orders do not deadlock', async () => {
  const records = Array.from({ length: 30 }, () => executionObservation());
  const version = (sourceVersion: number): Observation[] =>
    records.map((observation) => ({ ...observation, sourceVersion: String(sourceVersion) }));
  const batches = Array.from({ length: 16 }, (_, index) =>
    index % 2 === 0 ? version(index + 1) : version(index + 1).reverse(),
  );
  await Promise.all(batches.map((batch) => store.record(batch)));

  const { rows } = await database.owner.query<{ revision: number; records: string }>(
    'select revision, count(*) as records from workflow_execution_audit where remediation_uid = any($1::text[]) group by revision',
    [records.map(({ columns }) => columns['remediation_uid'])],
  );
  expect(rows).toEqual([{ revision: 16, records: '30' }]);
});

describe('the writer role', () => {
  const refused: [string, string][] = [
    ['update the ledger', `update audit_ledger set canonical = '{}'`],
    ['delete from the ledger', 'delete from audit_ledger'],
    ['truncate the ledger', 'truncate audit_ledger'],
    ['move a home', 'update record_home set created_at = now()'],
    ['delete a record', 'delete from workflow_execution_audit'],
    ['touch a partition directly', 'insert into audit_ledger_2026_11 select * from audit_ledger'],
  ];
  test.each(refused)('may not %s', async (_what, statement) => {
    await expect(database.writer.query(statement)).rejects.toMatchObject({ code: '42501' });
  });

  test('cannot make the owner change the ledger either: its trigger refuses', async () => {
    await record(executionObservation());
    await expect(database.owner.query('delete from audit_ledger')).rejects.toThrow('append-only');
  });

  test('creates only months that make sense', async () => {
    const create = (month: string): Promise<pg.QueryResult> =>
      database.writer.query('select audit_create_month($1::date)', [month]);
    await expect(create('1970-01-01')).rejects.toThrow('outside 2015-01');
    await expect(create('2099-01-01')).rejects.toThrow('outside 2015-01');
    await expect(create('2026-11-30')).resolves.toMatchObject({ rowCount: 1 });
  });
});

test('a record of an unknown table is refused by name', async () => {
  const stray = executionObservation({ table: `no_such_${randomUUID().slice(0, 4)}` });
  await expect(record(stray)).rejects.toThrow(`no record table ${stray.table}`);
});
