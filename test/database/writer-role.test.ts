import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { compareMonth } from '../../src/database/comparison/compare-month.ts';
import type { Difference } from '../../src/database/comparison/compared-month.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { SQLSTATE } from '../../src/database/sqlstate.ts';
import { recordId } from '../../src/identity/identities.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';

const TABLE = 'workflow_execution_audit';
const MONTH = '2026-11-01';
let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());

/** A record of two observations. */
async function recorded(): Promise<string> {
  const first = executionObservation();
  await store.record([first]);
  await store.record([
    { ...first, sourceVersion: '2', columns: { ...first.columns, phase: 'Completed', outcome: 'Success' } },
  ]);
  return recordId(TABLE, first.cluster, first.key);
}

async function compare(month: string): Promise<Difference[]> {
  const client = await database.owner.connect();
  const found: Difference[] = [];
  try {
    await compareMonth(client, month, (difference) => found.push(difference));
    return found;
  } finally {
    client.release();
  }
}

/** SQL that the writer may not run at all. */
const REFUSED: readonly string[] = [
  `update ${TABLE} set phase = 'Completed'`,
  `insert into ${TABLE} (id, created_at, created_at_source, cluster, source_version, revision) values (gen_random_uuid(), now(), 'resource', 'test', 1, 1)`,
  `delete from ${TABLE}`,
  `truncate ${TABLE}`,
  `truncate audit_ledger`,
  `insert into audit_ledger select * from audit_ledger`,
  `update audit_ledger set actor = 'nobody'`,
  `delete from audit_ledger`,
  `select nextval('audit_ledger_seq')`,
  `select setval('audit_ledger_seq', 1)`,
  `insert into record_home values (gen_random_uuid(), '${TABLE}', now(), true)`,
  `update record_home set created_at = '2015-01-01'`,
  `insert into record_move select id, table_name, created_at, created_at, 0 from record_home`,
  `insert into record_alias values ('${TABLE}', 'resource', gen_random_uuid(), gen_random_uuid())`,
  `update record_alias set record_id = gen_random_uuid()`,
  `delete from record_alias`,
  `update observed_resource set deleted_at = now()`,
  `update watched_cluster set identity = 'another'`,
  `insert into audit_cluster (cluster, epoch) values ('test', 9)`,
  `update audit_partition set approved_by = 'the CISO', approved_at = '2020-01-01'`,
  `update audit_partition set state = 'dropped'`,
  `insert into audit_hold (reason, placed_by, cluster, placed_at) values ('', 'the CISO', 'test', '2020-01-01')`,
  `insert into audit_restore_request (month, days, requested_by) values ('2020-01-01', 1, 'the CISO')`,
  `update audit_hold set released_by = 'the CISO', released_at = '2020-01-01'`,
  `update audit_quarantine set resolved_at = now(), resolved_by = 'the CISO'`,
  `insert into audit_access (caller, route, created_at) values ('alice', '/', '2020-01-01')`,
  `select from audit_access`,
  `update ai_investigation_embeddings set investigation_text = ''`,
  `alter table audit_ledger disable trigger all`,
  `drop table audit_ledger`,
  `create table mine ()`,
  `create function mine() returns void language sql as ''`,
  `set role audit_owner`,
  `set session_replication_role = replica`,
];

test.each(REFUSED)('the writer may not run: %s', async (statement) => {
  await expect(database.writer.query(statement)).rejects.toMatchObject({
    code: SQLSTATE.insufficient_privilege,
  });
});

test('the writer may change no table, no month of one and no sequence', async () => {
  const { rows } = await database.owner.query<{ name: string }>(`
    select class.relname as name
    from pg_class as class
    where class.relnamespace = 'public'::regnamespace and class.relkind in ('r', 'p', 'v', 'S')
      and case when class.relkind = 'S' then has_sequence_privilege('audit_writer', class.oid, 'usage, update')
        else has_table_privilege('audit_writer', class.oid, 'insert, update, delete, truncate, references, trigger')
          or has_any_column_privilege('audit_writer', class.oid, 'insert, update, references') end`);
  expect(rows).toEqual([]);
});

/** What its functions take from it all the same, and where the comparison names it. */
const LIES: readonly (readonly [what: string, sql: string, columns: readonly string[]])[] = [
  [
    'a row that is not the fold of its entries',
    `select audit_refold_${TABLE}(array[$1::uuid], array(select created_at from record_home where id = $1::uuid), array['{"phase":"Failed"}'])`,
    ['remediation_id', 'remediation_uid', 'phase', 'outcome'],
  ],
  [
    'the location of nothing',
    `select audit_locate_records(array[gen_random_uuid()], array['${TABLE}'], array['2026-11-05'::timestamptz], array[$1::uuid is null])`,
    ['record_home.id'],
  ],
  [
    'an entry with hashes of its own',
    `select audit_merge_${TABLE}(array[$1::uuid], created_at, array[9], array['\\x00'::bytea], created_at, array['test'], array[null], array['execution'],
       array['watcher'], array['{"phase":"Failed"}'], array['\\x00'::bytea], array['\\x00'::bytea], array['\\x00'::bytea],
       array[$1::uuid], created_at, array['resource'], array['test'], array[9], array[null])
     from (select array[created_at] as created_at from record_home where id = $1::uuid) as home`,
    ['audit_ledger.content_hash', 'audit_ledger.payload_hash', 'audit_ledger.leaf_hash'],
  ],
  [
    'a second row of a record, elsewhere',
    `select audit_insert_${TABLE}(array[$1::uuid], array['2026-11-06'::timestamptz], array[9], array[sha256('{}')], array[now()], array['test'], array[null],
       array['execution'], array['watcher'], array['{}'], array['\\x00'::bytea], array[sha256('\\x00'::bytea || '{}')], array['\\x00'::bytea], array['resource'])`,
    ['audit_ledger.leaf_hash', 'record_home.created_at'],
  ],
];

describe('the writer tells its functions', () => {
  test.each(LIES)('%s: the comparison names it', async (_what, sql, columns) => {
    const id = await recorded();
    const before = new Set((await compare(MONTH)).map((difference) => JSON.stringify(difference)));
    await database.writer.query(sql, [id]);
    const found = (await compare(MONTH)).filter((difference) => !before.has(JSON.stringify(difference)));
    expect(new Set(found.map(({ column }) => column))).toEqual(new Set(columns));
  });

  test('neither when a record was written nor in which order', async () => {
    const since = (await database.owner.query<{ now: string }>('select clock_timestamp() as now')).rows[0]
      ?.now;
    const id = await recorded();
    const { rows } = await database.owner.query<{ ordered: boolean }>(
      `select bool_and(recorded_at >= $2::timestamptz) and max(seq) = (select max(seq) from audit_ledger) as ordered
       from audit_ledger where record_id = $1::uuid`,
      [id, since],
    );
    expect(rows).toEqual([{ ordered: true }]);
  });
});
