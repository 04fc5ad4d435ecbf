import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Columns } from '../../src/domain/records/definition.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { inspectRecords } from '../support/record-checks.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

test('a row whose home was lost is merged with what comes for it', async () => {
  const store = createRecordStore(database.writer);
  const first = executionObservation();
  const [stored] = await store.record([first]);
  await database.owner.query('delete from record_home where id = $1', [stored?.id]);

  const later = {
    ...first,
    sourceVersion: `${first.sourceVersion}0`,
    columns: { ...first.columns, phase: 'Failed' },
  };
  expect(await store.record([later])).toMatchObject([{ status: 'stored', id: stored?.id, revision: 2 }]);
  const { rows } = await database.owner.query(
    'select phase, revision from workflow_execution_audit where id = $1',
    [stored?.id],
  );
  expect(rows).toEqual([{ phase: 'Failed', revision: 2 }]);
});

test('records that carry ever other columns are stored, by one prepared statement', async () => {
  const pool = createPool({
    connectionString: database.url('audit_writer'),
    applicationName: 'shapes',
    statementTimeoutMs: 30_000,
    max: 1,
    pipeline: true,
    logger: createLogger('silent', 'test'),
  });
  const store = createRecordStore(pool);
  const optional = [
    'workflow_id',
    'workflow_version',
    'container_image',
    'target_resource',
    'outcome',
    'skip_reason',
  ];
  for (let set = 0; set < 2 ** optional.length; set += 1) {
    const carried = optional.filter((_, bit) => (set & (2 ** bit)) !== 0);
    const columns: Columns = Object.fromEntries(carried.map((name) => [name, `${name} ${set}`]));
    const bare = executionObservation();
    const { remediation_uid } = bare.columns;
    const observation = {
      ...bare,
      columns: { ...columns, ...(remediation_uid === undefined ? {} : { remediation_uid }) },
    };
    expect(await store.record([observation])).toMatchObject([{ status: 'stored', revision: 1 }]);
  }
  const { rows } = await pool.query<{ count: string }>(
    `select count(*) from pg_prepared_statements where name like 'insert-%'`,
  );
  expect(Number(rows[0]?.count)).toBe(1);
  await pool.end();
  expect((await inspectRecords(database.owner)).contradictions).toEqual([]);
});

test('one that PostgreSQL refuses costs only itself, and the connection is as good as before', async () => {
  const store = createRecordStore(database.writer);
  const bad = executionObservation();
  const poisoned = { ...bad, columns: { ...bad.columns, effectiveness_score: '7' } };
  const good = Array.from({ length: 5 }, () => executionObservation());
  const outcomes = await store.record([...good.slice(0, 2), poisoned, ...good.slice(2)]);
  expect(outcomes.map(({ status }) => status)).toEqual([
    'stored',
    'stored',
    'refused',
    'stored',
    'stored',
    'stored',
  ]);
  const { rows } = await database.writer.query('select pg_current_xact_id_if_assigned() as open');
  expect(rows).toEqual([{ open: null }]);
});

test('everything that new records leave is written by one transaction, on a connection that sends ahead too', async () => {
  for (const pipeline of [false, true]) {
    const pool = createPool({
      connectionString: database.url('audit_writer'),
      applicationName: 'one transaction',
      statementTimeoutMs: 30_000,
      max: 1,
      pipeline,
      logger: createLogger('silent', 'test'),
    });
    const observed = executionObservation();
    const uid = randomUUID();
    const resource = {
      uid,
      kind: 'WorkflowExecution',
      namespace: 'ns',
      name: 'we-rr-1',
      projectionHash: 'ab',
    };
    const outcomes = await createRecordStore(pool).record([
      { ...observed, resource },
      {
        ...executionObservation(),
        table: 'signal_processing_audit',
        columns: { remediation_uid: randomUUID(), severity: 'critical' },
      },
    ]);
    expect(outcomes).toMatchObject([{ status: 'stored' }, { status: 'stored' }]);
    await pool.end();

    const ids = outcomes.map(({ id }) => id);
    const { rows } = await database.owner.query<{ what: string; xmin: string }>(
      `select 'home' as what, xmin::text from record_home where id = any($1::uuid[])
      union all select 'ledger', xmin::text from audit_ledger where record_id = any($1::uuid[])
      union all select 'execution', xmin::text from workflow_execution_audit where id = any($1::uuid[])
      union all select 'signal', xmin::text from signal_processing_audit where id = any($1::uuid[])
      union all select 'resource', xmin::text from observed_resource where source_uid = $2::text`,
      [ids, uid],
    );
    expect(rows.map(({ what }) => what).sort()).toEqual([
      'execution',
      'home',
      'home',
      'ledger',
      'ledger',
      'resource',
      'signal',
    ]);
    expect(new Set(rows.map(({ xmin }) => xmin)).size, JSON.stringify(rows)).toBe(1);
  }
});
