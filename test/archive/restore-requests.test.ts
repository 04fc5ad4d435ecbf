import { expect, test } from 'vitest';

import { ARCHIVED_TABLES } from '../../src/archive/parquet/archive-schema.ts';
import { RestoreNotRequestedError } from '../../src/database/months/restore-requests.ts';
import { useArchiveStage } from '../support/archive-stage.ts';
import { restoreSteps, runRestore } from '../support/restore.ts';
import { recordExecutions } from '../support/retention.ts';

const stage = useArchiveStage({ after: '2019-12-01' });

async function staged(): Promise<number> {
  const { rows } = await stage.database.owner.query(
    "select from pg_class where relname like 'restoring%' and relkind = 'r'",
  );
  return rows.length;
}

test('a request that no restore took up in a day has ended, and one whose restore has begun lasts for a week', async () => {
  const { owner } = stage.database;
  const later = (hours: number) =>
    owner.query(
      `update audit_restore_request set expires_at = expires_at - make_interval(hours => $1::integer)`,
      [hours],
    );
  await recordExecutions(stage.database, stage.month, 2);
  await stage.run();
  const steps = restoreSteps(stage.setting);
  const request = { month: stage.month, days: 7, by: 'auditor' };
  await steps.request(request);
  await later(24);
  await expect(steps.begin(stage.month)).rejects.toThrow(/none began within a day of the request/);

  await steps.request(request);
  await later(23);
  const plan = await steps.begin(stage.month);
  await later(6 * 24 + 23);
  for (const loaded of plan.kind === 'load' ? plan.tables : []) await steps.load(stage.month, loaded);
  await later(7 * 24);
  await expect(steps.attach(stage.month)).rejects.toThrow(RestoreNotRequestedError);
  expect(await stage.places()).toEqual(['absent']);
  await steps.abandon(stage.month);
});

test('without a request no step does anything, also not between the others', async () => {
  await recordExecutions(stage.database, stage.month, 2);
  await stage.run();
  const steps = restoreSteps(stage.setting);
  const [table] = ARCHIVED_TABLES.map(({ table }) => table);
  for (const step of [
    () => steps.begin(stage.month),
    () => steps.load(stage.month, table ?? ''),
    () => steps.attach(stage.month),
  ])
    await expect(step()).rejects.toThrow(RestoreNotRequestedError);
  expect(await staged()).toBe(0);
  const request = { month: stage.month, days: 7, by: 'auditor' };
  await steps.request(request);
  const plan = await steps.begin(stage.month);
  for (const loaded of plan.kind === 'load' ? plan.tables : []) await steps.load(stage.month, loaded);
  await steps.abandon(stage.month);
  await expect(steps.attach(stage.month)).rejects.toThrow(RestoreNotRequestedError);
  expect(await stage.places()).toEqual(['absent']);
  const until = await runRestore(steps, request);
  // As an activity that was killed before it could answer.
  expect(await steps.attach(stage.month)).toBe(until);
  expect(await steps.begin(stage.month)).toEqual({ kind: 'kept', until });
});
