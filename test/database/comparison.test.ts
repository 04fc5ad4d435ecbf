import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { compareMonth } from '../../src/database/comparison/compare-month.ts';
import type { Difference } from '../../src/database/comparison/compared-month.ts';
import { detachMonth } from '../../src/database/months/month-detach.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { recordId } from '../../src/identity/identities.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';

const TABLE = 'workflow_execution_audit';
let database: TestDatabase;
let store: RecordStore;
let months = 0;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());

/** Two observations of one record and one of another, in a month of their own. */
async function recordedMonth(): Promise<{ month: string; id: string; others: string }> {
  months += 1;
  const month = `${2000 + 16 + Math.floor(months / 12)}-${String((months % 12) + 1).padStart(2, '0')}-01`;
  const createdAt = `${month.slice(0, 8)}21T10:00:00.000000Z`;
  const first = executionObservation({ createdAt });
  const other = executionObservation({ createdAt, actor: 'system:serviceaccount:"quoted":\u2028' });
  const extra = { extra: '{"attempts": 1.50}', total_duration: '1 day 00:00:01', started_at: createdAt };
  await store.record([first, { ...other, columns: { ...other.columns, ...extra } }]);
  await store.record([
    { ...first, sourceVersion: '2', columns: { ...first.columns, phase: 'Completed', outcome: 'Success' } },
  ]);
  return {
    month,
    id: recordId(TABLE, first.cluster, first.key),
    others: recordId(TABLE, other.cluster, other.key),
  };
}

async function compare(month: string): Promise<{ records: number; entries: number; found: Difference[] }> {
  const client = await database.owner.connect();
  const found: Difference[] = [];
  try {
    const { records, entries } = await compareMonth(client, month, (difference) => found.push(difference));
    return { records, entries, found };
  } finally {
    client.release();
  }
}

/** As the owner, past the trigger of the ledger. */
async function tamper(
  statements: readonly string[],
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const filled = statements.map((statement) =>
    statement.replace(/:(\w+)/g, (_, name: string) => `'${values[name] ?? ''}'`),
  );
  const client = await database.owner.connect();
  try {
    await client.query(
      `begin; alter table audit_ledger disable trigger all; ${filled.join(';')}; alter table audit_ledger enable trigger all; commit`,
    );
  } catch (error: unknown) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

const columnsOf = (found: readonly Difference[], id: string): string[] =>
  found.filter((one) => one.id === id && one.table === TABLE).map(({ column }) => column);

test('a month in which nothing was changed has no difference, attached and detached', async () => {
  const { month } = await recordedMonth();
  const equal = { records: 2, entries: 3, found: [] };
  expect(await compare(month)).toEqual(equal);
  const client = await database.owner.connect();
  try {
    await detachMonth(client, month);
  } finally {
    client.release();
  }
  expect(await compare(month)).toEqual(equal);
  expect(await compare('2001-01-01')).toEqual({ records: 0, entries: 0, found: [] });
});

test('a record that its resource moved is equal where it is, and its old entries are those that moved', async () => {
  const [posted, resource] = ['2023-02-02T00:00:00.000000Z', '2023-04-04T00:00:00.000000Z'];
  const post = executionObservation({ createdAt: posted, createdAtSource: 'post', actor: 'poster' });
  await store.record([post]);
  await store.record([{ ...post, sourceVersion: '2', createdAt: resource, createdAtSource: 'resource' }]);
  expect(await compare('2023-02-01')).toEqual({ records: 1, entries: 1, found: [] });
  expect(await compare('2023-04-01')).toEqual({ records: 1, entries: 2, found: [] });
  await database.owner.query("update record_move set entries = 3 where from_created_at = '2023-02-02'");
  expect((await compare('2023-02-01')).found).toMatchObject([{ column: 'record_move.entries' }]);
});

/** What the owner does as one transaction, and the columns in which it shows. */
const CHANGES: readonly (readonly [
  what: string,
  statements: readonly string[],
  columns: readonly string[],
])[] = [
  ['a phase', [`update ${TABLE} set phase = 'Failed' where id = :id`], ['phase']],
  ['a value to nothing', [`update ${TABLE} set outcome = null where id = :id`], ['outcome']],
  [
    'a value where there was none',
    [`update ${TABLE} set failure_reason = 'OOM' where id = :id`],
    ['failure_reason'],
  ],
  ['the number of observations', [`update ${TABLE} set revision = 9 where id = :id`], ['revision']],
  ['the version', [`update ${TABLE} set source_version = 999 where id = :id`], ['source_version']],
  ['the cluster', [`update ${TABLE} set cluster = 'other' where id = :id`], ['cluster']],
  [
    'several columns',
    [`update ${TABLE} set phase = 'x', extra = '{"a": 1}' where id = :id`],
    ['phase', 'extra'],
  ],
  ['a row to none', [`delete from ${TABLE} where id = :id`], ['id', 'record_home.id']],
  ['the ledger to none', ['delete from audit_ledger where record_id = :id'], ['id']],
  [
    'a record to none',
    ['delete from audit_ledger where record_id = :id', `delete from ${TABLE} where id = :id`],
    ['record_home.id'],
  ],
  [
    'an entry to none',
    ['delete from audit_ledger where record_id = :id and source_version = 2'],
    ['source_version', 'revision', 'phase', 'outcome'],
  ],
  [
    'the location',
    ["update record_home set created_at = '2015-01-01' where id = :id"],
    ['record_home.created_at'],
  ],
  [
    'the table of the location',
    ["update record_home set table_name = 'ai_analysis_audit' where id = :id"],
    ['record_home.table_name'],
  ],
  ['the location to none', ['delete from record_home where id = :id'], ['record_home.id']],
  [
    'who said it',
    [`update audit_ledger set actor = 'nobody' where record_id = :id and source_version = 2`],
    ['audit_ledger.leaf_hash'],
  ],
  [
    'when it was seen',
    [`update audit_ledger set observed_at = now() where record_id = :id and source_version = 2`],
    ['audit_ledger.leaf_hash'],
  ],
  [
    'its phase of the audit',
    [`update audit_ledger set phase = 'skip' where record_id = :id and source_version = 2`],
    ['audit_ledger.leaf_hash'],
  ],
  [
    'a hash',
    [`update audit_ledger set payload_hash = '\\x00' where record_id = :id and source_version = 2`],
    ['audit_ledger.payload_hash'],
  ],
  [
    'entry and row alike',
    [
      `update audit_ledger set canonical = replace(canonical, 'Success', 'Failure') where record_id = :id`,
      `update ${TABLE} set outcome = 'Failure' where id = :id`,
    ],
    ['audit_ledger.content_hash', 'audit_ledger.payload_hash', 'audit_ledger.leaf_hash'],
  ],
  [
    'an entry and the hash of its content',
    [
      `update audit_ledger set canonical = '{"phase":"Lie"}', content_hash = sha256('{"phase":"Lie"}') where record_id = :id and source_version = 2`,
    ],
    [
      'audit_ledger.payload_hash',
      'audit_ledger.leaf_hash',
      'audit_ledger.remediation_uid',
      'phase',
      'outcome',
    ],
  ],
  [
    'an entry to what cannot be read',
    [`update audit_ledger set canonical = 'nonsense' where record_id = :id and source_version = 2`],
    [
      'audit_ledger.content_hash',
      'audit_ledger.payload_hash',
      'audit_ledger.leaf_hash',
      'audit_ledger.canonical',
      'phase',
      'outcome',
    ],
  ],
  [
    'an entry to what no row can hold',
    [
      `update audit_ledger set canonical = replace(canonical, '{', '{"total_steps":"many",') where record_id = :id and source_version = 2`,
    ],
    [
      'audit_ledger.content_hash',
      'audit_ledger.payload_hash',
      'audit_ledger.leaf_hash',
      'audit_ledger.canonical',
    ],
  ],
  [
    'entries to those of another table',
    [`update audit_ledger set table_name = 'nothing_audit' where record_id = :id`],
    ['id'],
  ],
];

describe('the owner changes', () => {
  test.each(CHANGES)('%s: it is named, and nothing else', async (_what, statements, columns) => {
    const { month, id, others } = await recordedMonth();
    await tamper(statements, { id });
    const { found } = await compare(month);
    expect(columnsOf(found, others)).toEqual([]);
    expect(new Set(columnsOf(found, id))).toEqual(new Set(columns));
  });

  test('all of a ledger to none with TRUNCATE, past its trigger: every row is named', async () => {
    const { month, id, others } = await recordedMonth();
    const ledger = `audit_ledger_${month.slice(0, 7).replace('-', '_')}`;
    await expect(database.owner.query(`truncate ${ledger}`)).rejects.toThrow('append-only');
    await database.owner.query(`alter table ${ledger} disable trigger user; truncate ${ledger}`);
    const { found } = await compare(month);
    expect(found.map(({ id: named, column }) => [named, column]).sort()).toEqual(
      [id, others].sort().map((one) => [one, 'id']),
    );
  });

  test('entries of its own to the ledger: the row is not what they amount to', async () => {
    const { month, id } = await recordedMonth();
    await database.owner.query(
      `insert into audit_ledger (record_id, created_at, source_version, content_hash, observed_at, table_name, cluster,
         remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
       select record_id, created_at, 9000, sha256('{"phase":"Lie"}'), observed_at, table_name, cluster, null, phase, 'watcher',
         '{"phase":"Lie"}', salt, sha256(salt || '{"phase":"Lie"}'), leaf_hash
       from audit_ledger where record_id = $1::uuid and source_version = 2`,
      [id],
    );
    expect(new Set(columnsOf((await compare(month)).found, id))).toEqual(
      new Set(['audit_ledger.leaf_hash', 'phase', 'source_version', 'revision']),
    );
  });
});

test('more records than one batch holds are all compared', async () => {
  const createdAt = '2022-05-05T05:05:05.000005Z';
  const many = Array.from({ length: 1_203 }, () => executionObservation({ createdAt }));
  await store.record(many);
  const { rows } = await database.owner.query<{ id: string }>(
    `update ${TABLE} set phase = 'Lie' where id in (
       select id from ${TABLE} where created_at = $1::timestamptz order by id limit 601) returning id`,
    [createdAt],
  );
  const { records, entries, found } = await compare('2022-05-01');
  expect({ records, entries }).toEqual({ records: 1_203, entries: 1_203 });
  expect(found.map(({ id }) => id).sort()).toEqual(rows.map(({ id }) => id).sort());
});
