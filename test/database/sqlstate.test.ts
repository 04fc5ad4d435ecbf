import { randomBytes } from 'node:crypto';

import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type {
  DelayedRecord,
  RecordOutcome,
  RefusedRecord,
} from '../../src/database/recording/prepared-observation.ts';
import { createQuarantine } from '../../src/database/recording/quarantine.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { classifyError } from '../../src/database/sqlstate.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';

let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());
afterEach(async () => {
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
});

function observed(columns: Observation['columns'], given: Partial<Observation> = {}): Observation {
  const usual = executionObservation();
  return { ...usual, ...given, columns: { ...usual.columns, ...columns } };
}

/** Puts an observation between good ones. The good ones must be stored, whatever becomes of it. */
async function recordAmongGood(odd: Observation): Promise<RecordOutcome | DelayedRecord> {
  const good = Array.from({ length: 6 }, () => executionObservation());
  const outcomes = await store.record([...good.slice(0, 3), odd, ...good.slice(3)]);
  const [outcome, ...others] = outcomes.splice(3, 1);
  expect(others).toEqual([]);
  expect(outcomes.map(({ status }) => status)).toEqual(good.map(() => 'stored'));
  const { entries } = await inspectRecords(database.owner);
  expect(entries).toEqual(expect.arrayContaining(good.map(entryKeyOf)));
  if (outcome === undefined) throw new Error('no answer');
  return outcome;
}

async function valuesOf(observation: Observation, columns: string): Promise<Record<string, unknown>[]> {
  const { rows } = await database.owner.query<Record<string, unknown>>(
    `select ${columns} from workflow_execution_audit where id in (select record_id from audit_ledger) and remediation_id = $1::text`,
    [observation.columns['remediation_id']],
  );
  return rows;
}

/** Letters that do not compress: an index entry must really be this long. */
const incompressible = (length: number): string => randomBytes(length).toString('base64').slice(0, length);

describe('a value that PostgreSQL never takes is refused alone', () => {
  const refused: [sqlstate: string, what: string, Observation][] = [
    ['22003', 'an integer out of range', observed({ total_steps: '99999999999' })],
    ['22003', 'a version out of range', observed({}, { sourceVersion: '9223372036854775808' })],
    ['22P02', 'a word for an integer', observed({ total_steps: 'three' })],
    ['22P02', 'a word for a version', observed({}, { sourceVersion: 'v1' })],
    ['22P02', 'broken JSON', observed({ parameters: '{"a":' })],
    ['22P02', 'a word for a boolean of another table', observedExecution({ success: 'perhaps' })],
    ['22007', 'a word for a time', observed({ completed_at: 'soon' })],
    ['22007', 'a word for a duration', observed({ total_duration: 'a while' })],
    ['22007', 'a word for its home', observed({}, { createdAt: 'soon' })],
    ['22008', 'a day that does not exist', observed({ completed_at: '2026-02-30T00:00:00.000000Z' })],
    ['22008', 'a month before our time', observed({}, { createdAt: '2014-12-31T23:59:59.999999Z' })],
    ['22008', 'a month far ahead', observed({}, { createdAt: '2999-01-01T00:00:00.000000Z' })],
    ['22009', 'an offset that does not exist', observed({ completed_at: '2026-02-03T00:00:00+99:00' })],
    ['22015', 'a duration out of range', observed({ total_duration: '99999999999999 hours' })],
    ['22023', 'a zone that does not exist', observed({ completed_at: '2026-02-03 00:00:00 Mars/Olympus' })],
    ['23502', 'an observer that is missing', observed({}, { actor: null as never })],
    ['23514', 'a score outside its range', observed({ effectiveness_score: '1.5' })],
    ['54000', 'an identifier too long for its index', observed({ workflow_id: incompressible(8_000) })],
    ['54000', 'one far too long for its index', observed({ workflow_id: incompressible(60_000) })],
    ['54001', 'JSON nested too deep', observed({ parameters: '['.repeat(4_000) + ']'.repeat(4_000) })],
  ];

  test.each(refused)('%s: %s', async (sqlstate, _what, odd) => {
    const outcome = await recordAmongGood(odd);
    expect(outcome).toMatchObject({ status: 'refused', sqlstate });
    // Nothing of it stays: neither its home, which a right observation must be able to decide, nor an entry.
    const { rows } = await database.owner.query('select from record_home where id = $1::uuid', [outcome.id]);
    expect(rows).toEqual([]);
    expect(await recordAmongGood(odd)).toEqual(outcome);
  });

  test('22001: text too long for a column that somebody narrowed', async () => {
    await database.owner.query('alter table signal_processing_audit alter column priority type varchar(3)');
    const odd = observed({ priority: 'urgent' }, { table: 'signal_processing_audit' });
    expect(await recordAmongGood(odd)).toMatchObject({ status: 'refused', sqlstate: '22001' });
    await database.owner.query('alter table signal_processing_audit alter column priority type text');
    expect(await recordAmongGood(odd)).toMatchObject({ status: 'stored', revision: 1 });
  });

  test('several in one batch, the rest is stored', async () => {
    const batch = refused.slice(0, 12).flatMap(([, , odd]) => [odd, executionObservation()]);
    const outcomes = await store.record(batch);
    expect(outcomes.map(({ status }) => status)).toEqual(
      batch.map((_, index) => (index % 2 === 0 ? 'refused' : 'stored')),
    );
  });

  test('a refusal leaves what is known of the record as it was', async () => {
    const first = executionObservation();
    await store.record([first]);
    const odd = { ...first, sourceVersion: '2', columns: { ...first.columns, total_steps: 'three' } };
    expect(await recordAmongGood(odd)).toMatchObject({ status: 'refused', sqlstate: '22P02' });
    expect(await store.record([first])).toMatchObject([{ status: 'stored', revision: 1 }]);
  });

  test('a month out of range does not keep the record from a home within it', async () => {
    const wrong = observed({}, { createdAt: '2999-01-01T00:00:00.000000Z' });
    expect(await recordAmongGood(wrong)).toMatchObject({ status: 'refused' });
    const right = { ...wrong, createdAt: '2026-11-21T10:00:00.000000Z' };
    expect(await recordAmongGood(right)).toMatchObject({ status: 'stored', createdAt: right.createdAt });
  });

  test.each(['0x10', '007', '1_000', ' 4', '+4'])(
    'the number %j, which PostgreSQL would take and no reader of the ledger could parse',
    async (total_steps) => {
      const odd = observed({ total_steps });
      expect(await recordAmongGood(odd)).toMatchObject({ status: 'refused', sqlstate: '22P02' });
    },
  );

  test.each(['NaN', '.5', '1e', 'Infinity'])('the decimal %j', async (effectiveness_score) => {
    expect(await recordAmongGood(observed({ effectiveness_score }))).toMatchObject({ status: 'refused' });
  });
});

function observedExecution(columns: Observation['columns']): Observation {
  return observed({ phase: 'Running', ...columns }, { table: 'kubernetes_execution_audit', phase: 'action' });
}

describe('a character that PostgreSQL does not take is repaired and the record kept', () => {
  const repaired: [what: string, Observation['columns'], Record<string, unknown>][] = [
    ['NUL in text', { failure_message: 'a\0b' }, { failure_message: 'a\ufffdb' }],
    ['NUL in JSON', { parameters: '{"a":"b\\u0000"}' }, { parameters: '{"a": "b\ufffd"}' }],
    ['NUL in a key of JSON', { parameters: '{"a\\u0000":1}' }, { parameters: '{"a\ufffd": 1}' }],
    ['a lone surrogate in JSON', { parameters: '{"a":"b\\ud800"}' }, { parameters: '{"a": "b\ufffd"}' }],
    ['a lone surrogate in text', { failure_message: 'a\udc00b' }, { failure_message: 'a\ufffdb' }],
    [
      'NUL in one of two keys that would become one',
      { parameters: '{"a\\u0000":1,"a\ufffd":2}' },
      { parameters: '{"a\ufffd": 2, "a\ufffd\ufffd": 1}' },
    ],
    [
      'all of it at once',
      { status: '\0', parameters: '["\\udfff","\\u0000"]' },
      { status: '\ufffd', parameters: '["\ufffd", "\ufffd"]' },
    ],
  ];
  test.each(repaired)('%s', async (what, columns, expected) => {
    const odd = observed({ ...columns, remediation_id: what });
    const stored = await recordAmongGood(odd);
    expect(stored).toMatchObject({ status: 'stored', revision: 1 });
    expect('repaired' in stored && [...stored.repaired].sort()).toEqual(Object.keys(expected).sort());
    const found = Object.keys(expected).map((name) => `${name}::text as ${name}`);
    expect(await valuesOf(odd, found.join(', '))).toEqual([expected]);
    // Brought again it is repaired again, to the same content.
    expect(await recordAmongGood(odd)).toMatchObject({ status: 'stored', revision: 1 });
  });

  test('NUL in the name of who observed it', async () => {
    const odd = observed({}, { actor: 'system:\0' });
    expect(await recordAmongGood(odd)).toMatchObject({ status: 'stored', revision: 1 });
    const { rows } = await database.owner.query('select from audit_ledger where actor = $1', [
      'system:\ufffd',
    ]);
    expect(rows).toHaveLength(1);
  });

  test('a record that is hopeless besides is refused for what is hopeless', async () => {
    const odd = observed({ failure_message: 'a\0b', total_steps: '99999999999' });
    expect(await recordAmongGood(odd)).toMatchObject({ status: 'refused', sqlstate: '22003' });
  });
});

describe('the quarantine', () => {
  async function keep(odd: Observation, refused?: Partial<RefusedRecord>): Promise<void> {
    const outcome = await recordAmongGood(odd);
    if (outcome.status !== 'refused') throw new Error('it was stored');
    await createQuarantine(database.writer).insert(odd, { ...outcome, ...refused });
  }

  test('keeps what was refused, with code and reason, and counts its repetition', async () => {
    const odd = observed({ workflow_id: incompressible(8_000), remediation_uid: 'quarantined-1' });
    await keep(odd);
    await keep(odd);
    const { rows } = await database.owner.query(
      `select table_name, sqlstate, payload, refusals, reason like '%index%' as names_index
       from audit_quarantine where remediation_uid = 'quarantined-1'`,
    );
    const payload = JSON.stringify(odd);
    expect(rows).toEqual([
      { table_name: odd.table, sqlstate: '54000', payload, refusals: 2, names_index: true },
    ]);
  });

  test('keeps the very characters for which a record was refused, wherever they stand', async () => {
    const odd = observed(
      { total_steps: 'three\0', remediation_uid: 'quarantined\0-2', failure_message: '\0\ud800' },
      { cluster: 'clu\0ster', actor: 'ac\0tor' },
    );
    await keep(odd, { reason: 'said \0' });
    const { rows } = await database.owner.query<{ payload: string }>(
      `select cluster, remediation_uid, reason, payload from audit_quarantine where remediation_uid like 'quarantined_-2'`,
    );
    expect(rows).toMatchObject([
      { cluster: 'clu\ufffdster', remediation_uid: 'quarantined\ufffd-2', reason: 'said \ufffd' },
    ]);
    expect(JSON.parse(rows[0]?.payload ?? '')).toEqual(odd);
  });
});

describe('what a mistake of ours provokes is not held against the record', () => {
  async function provoke(text: string, values: unknown[] = []): Promise<pg.DatabaseError> {
    const error: unknown = await database.owner.query(text, values).catch((caught: unknown) => caught);
    if (error instanceof pg.DatabaseError) return error;
    throw new Error(`it was no error: ${text}`);
  }

  test('21000: one key twice in one upsert', async () => {
    const error = await provoke(
      `insert into audit_cluster (cluster, epoch) values ('a', 0), ('a', 1)
       on conflict (cluster) do update set epoch = excluded.epoch`,
    );
    expect([error.code, classifyError(error)]).toEqual(['21000', 'deployment']);
  });

  test('0A000: leaving the partition in an upsert', async () => {
    await store.record([observed({}, { createdAt: '2026-11-21T10:00:00.000000Z' })]);
    const error = await provoke(
      `insert into workflow_execution_audit (id, created_at, created_at_source, cluster, source_version, revision)
       select id, created_at, created_at_source, cluster, source_version, revision from workflow_execution_audit limit 1
       on conflict (id, created_at) do update set created_at = excluded.created_at - interval '10 years'`,
    );
    expect([error.code, classifyError(error)]).toEqual(['0A000', 'deployment']);
  });

  test('22P03: bytes that are no integer', async () => {
    const error = await provoke('select $1::integer', [Buffer.alloc(5)]);
    expect([error.code, classifyError(error)]).toEqual(['22P03', 'poison']);
  });
});
