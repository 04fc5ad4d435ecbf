import { join } from 'node:path';

import { DuckDBInstance } from '@duckdb/node-api';
import { expect, test } from 'vitest';

import { placeHold, releaseHold } from '../../src/database/holds/holds.ts';
import { createMonth } from '../../src/database/months/partitions.ts';
import { useArchiveStage } from '../support/archive-stage.ts';
import { restoreSteps, rowsOfMonth, runRestore } from '../support/restore.ts';
import { recordExecutions } from '../support/retention.ts';

const stage = useArchiveStage({ after: '2018-12-01' });

/** As the function of the database writes it, in the month of the test. */
async function noteRead(caller: string): Promise<void> {
  await stage.database.owner.query({
    text: `insert into audit_access (created_at, caller, route, filter, rows_returned, times, noted_as)
      values ($1::date + interval '12 hours', $2, 'GET /api/v1/holds', '{"released": "true"}', 3, 1, 'audit_writer')`,
    values: [stage.month, caller],
  });
}

const reads = async () => (await rowsOfMonth(stage.database.owner, stage.month))['audit_access'];

test('who read is archived and dropped with the month, and is read from the archive without this product', async () => {
  await recordExecutions(stage.database, stage.month, 3);
  await noteRead('the-auditor');
  expect(await stage.run()).toEqual([`${stage.name}: dropped`]);
  expect(await reads()).toEqual([]);
  expect((await stage.newestManifest()).rows).toMatchObject({ audit_access: 1 });
  // As docs/retention.md says: any program that reads Parquet, without a restore.
  const files = join(stage.archive, `table=audit_access/month=${stage.name}/*.parquet`);
  const duckdb = await DuckDBInstance.create(':memory:');
  const session = await duckdb.connect();
  const answer = await session.runAndReadAll(
    `select caller, route, filter, rows_returned::integer as rows from read_parquet('${files}')`,
  );
  const found = answer.getRowObjects();
  session.closeSync();
  duckdb.closeSync();
  expect(found).toEqual([
    { caller: 'the-auditor', route: 'GET /api/v1/holds', filter: '{"released": "true"}', rows: 3 },
  ]);
});

test('a restored month has its reads again, also beside those that came meanwhile', async () => {
  await recordExecutions(stage.database, stage.month, 1);
  await noteRead('before');
  await stage.run();
  await recordExecutions(stage.database, stage.month, 1);
  await noteRead('meanwhile');
  await runRestore(restoreSteps(stage.setting), { month: stage.month, days: 7, by: 'auditor' });
  const { rows } = await stage.database.owner.query<{ caller: string }>({
    text: "select caller from audit_access where created_at >= $1::date and created_at < $1::date + interval '1 month' order by id",
    values: [stage.month],
  });
  expect(rows.map(({ caller }) => caller)).toEqual(['before', 'meanwhile']);
});

test('a hold on a namespace looks for records and does not stumble over reads', async () => {
  await createMonth(stage.database.owner, stage.month);
  await noteRead('the-auditor');
  const hold = await placeHold(
    stage.database.owner,
    { namespace: 'nowhere' },
    { by: 'auditor', reason: 'test' },
  );
  expect(await stage.run()).toEqual([`${stage.name}: dropped`]);
  await releaseHold(stage.database.owner, hold.id, 'auditor');
});
