import { expect, test } from 'vitest';

import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { ExportIncompleteError } from '../../src/archive/archive-errors.ts';
import { placeHold, releaseHold } from '../../src/database/holds/holds.ts';
import { StepNotDueError } from '../../src/database/months/due-step.ts';
import { approveDrop, MonthMovedError, selectMonth } from '../../src/database/months/month-states.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { useArchiveStage } from '../support/archive-stage.ts';
import { exportTables, recordExecutions } from '../support/retention.ts';

/*
 * Whoever reaches Temporal can start any step with any arguments. Each test here does so at a moment at which the plan of the
 * database has something else for the month.
 */

const RULES = { hotDays: 90, dropGraceHours: 0, requireApproval: false };
const CAREFUL = { ...RULES, requireApproval: true };
const FOR_EVER_HOT = { ...RULES, hotDays: 36_500 };
const ROWS = 12;

const stage = useArchiveStage({ after: '2017-12-01', rows: ROWS });

const stepsBy = (rules: ArchiveContext['rules'], given: Partial<ArchiveContext> = {}) =>
  stage.steps({ rules, ...given });
const exportRun = (run = 'run') => ({ month: stage.month, run });

/** What retention does up to the seal. */
async function archive(rules: ArchiveContext['rules'] = RULES): Promise<void> {
  const steps = stepsBy(rules);
  await steps.freeze(exportRun());
  await exportTables(steps, exportRun());
  await steps.seal(exportRun());
}

async function hold(): Promise<string> {
  const scope = { from: `${stage.month}T00:00:00Z`, to: `${addMonths(stage.month, 1)}T00:00:00Z` };
  return (await placeHold(stage.database.writer, scope, { by: 'auditor', reason: 'case 17' })).id;
}

const release = (id: string) => releaseHold(stage.database.writer, id, 'auditor');

async function rowsLeft(): Promise<number> {
  const { rows } = await stage.database.owner.query<{ count: string }>({
    text: 'select count(*) as count from workflow_execution_audit where created_at >= $1::date and created_at < $2::date',
    values: [stage.month, addMonths(stage.month, 1)],
  });
  return Number(rows[0]?.count);
}

test('an archive that is to stay for ever is not removed, whoever asks', async () => {
  await stage.run({ rules: RULES });
  const before = await stage.objects();
  await expect(stepsBy(RULES).expire(stage.month)).rejects.toBeInstanceOf(StepNotDueError);
  await expect(stepsBy({ ...RULES, archiveDays: 36_500 }).expire(stage.month)).rejects.toThrow(
    /the plan says gone/,
  );
  expect(await stage.objects()).toEqual(before);
  expect(await stage.state()).toBe('dropped');
});

test('an archive is not removed before somebody approved it after the drop', async () => {
  const rules = { ...CAREFUL, archiveDays: 365 };
  await stage.run({ rules: RULES });
  await expect(stepsBy(rules).expire(stage.month)).rejects.toThrow(/the plan says awaits-approval/);
  expect(await stage.state()).toBe('dropped');
  expect(await approveDrop(stage.database.writer, stage.month, 'counsel', rules)).toBe(true);
  expect(await stepsBy(rules).expire(stage.month)).toBe('expired');
  // Again, as after an answer that was lost.
  expect(await stepsBy(rules).expire(stage.month)).toBe('expired');
});

test('an archive is not removed when its days were lengthened while it was examined', async () => {
  await stage.run({ rules: RULES });
  const rules = { ...RULES, archiveDays: 365 };
  const reached = (point: string): Promise<void> => {
    if (point === 'examined') rules.archiveDays = 0;
    return Promise.resolve();
  };
  await expect(stepsBy(rules, { reached }).expire(stage.month)).rejects.toBeInstanceOf(StepNotDueError);
  expect(await stage.state()).toBe('dropped');
});

test('a month of which nothing was exported is not sealed', async () => {
  const steps = stepsBy(RULES);
  await expect(steps.seal(exportRun())).rejects.toBeInstanceOf(StepNotDueError);
  await steps.freeze(exportRun());
  await expect(steps.seal(exportRun())).rejects.toBeInstanceOf(ExportIncompleteError);
  expect(await stage.state()).toBe('archiving');
  expect(await stage.store.list('manifests/')).toEqual([]);
});

test('a month is sealed only when every table was exported and read back', async () => {
  const steps = stepsBy(RULES);
  await steps.freeze(exportRun());
  const [last = '', ...others] = [...steps.tables].reverse();
  for (const table of others) {
    await steps.exportTable(exportRun(), table);
    await steps.verifyTable(exportRun(), table);
  }
  await expect(steps.verifyTable(exportRun(), last)).rejects.toThrow(`${last} was not exported`);
  await expect(steps.seal(exportRun())).rejects.toThrow(`${last} was not exported`);
  await steps.exportTable(exportRun(), last);
  await expect(steps.seal(exportRun())).rejects.toThrow(`${last} was not read back`);
  await steps.verifyTable(exportRun(), last);
  await steps.seal(exportRun());
  expect((await stage.newestManifest()).rows['workflow_execution_audit']).toBe(ROWS);
});

test('a run does not seal what another run has exported, nor add to it', async () => {
  const steps = stepsBy(RULES);
  await steps.freeze(exportRun());
  await exportTables(steps, exportRun());
  const [table = ''] = steps.tables;
  await expect(steps.seal(exportRun('other'))).rejects.toBeInstanceOf(MonthMovedError);
  await expect(steps.exportTable(exportRun('other'), table)).rejects.toBeInstanceOf(MonthMovedError);
  // One that begins anew takes nothing over.
  await steps.freeze(exportRun('other'));
  await expect(steps.seal(exportRun('other'))).rejects.toBeInstanceOf(ExportIncompleteError);
  await expect(steps.seal(exportRun())).rejects.toBeInstanceOf(MonthMovedError);
});

test('a month within its days is neither frozen, nor exported, detached or dropped', async () => {
  const steps = stepsBy(FOR_EVER_HOT);
  const [table = ''] = steps.tables;
  await expect(steps.freeze(exportRun())).rejects.toThrow(/the plan says keep/);
  await expect(steps.exportTable(exportRun(), table)).rejects.toThrow(/the plan says keep/);
  await expect(steps.detach(stage.month)).rejects.toThrow(/the plan says keep/);
  await expect(steps.drop(stage.month)).rejects.toThrow(/the plan says keep/);
  expect(await stage.state()).toBe('live');
  await archive();
  await expect(steps.detach(stage.month)).rejects.toThrow(/the plan says keep/);
  expect(await stage.places()).toEqual(['attached']);
});

test('a live month is not exported before it is frozen, and a held one is not frozen', async () => {
  const steps = stepsBy(RULES);
  const [table = ''] = steps.tables;
  await expect(steps.exportTable(exportRun(), table)).rejects.toBeInstanceOf(StepNotDueError);
  const id = await hold();
  await expect(steps.freeze(exportRun())).rejects.toThrow(/the plan says held/);
  expect(await stage.state()).toBe('live');
  await release(id);
});

test('a month that nobody approved is neither detached nor dropped', async () => {
  await archive();
  await expect(stepsBy(CAREFUL).detach(stage.month)).rejects.toThrow(/the plan says awaits-approval/);
  await expect(stepsBy(CAREFUL).drop(stage.month)).rejects.toBeInstanceOf(MonthMovedError);
  expect(await stepsBy(RULES).detach(stage.month)).toBe('detached');
  expect(await stepsBy(CAREFUL).drop(stage.month)).toBe('awaits-approval');
  expect(await stage.state()).toBe('detached');
});

test('an approval is about one manifest, and is none to the next one', async () => {
  expect(await approveDrop(stage.database.writer, stage.month, 'compliance')).toBe(false);
  await archive();
  expect(await approveDrop(stage.database.writer, stage.month, 'compliance')).toBe(true);
  const { rows } = await stage.database.owner.query<{ sha256: string }>({
    text: `update audit_partition set manifest_sha256 = sha256('other') where month = $1::date
      returning encode(approved_manifest_sha256, 'hex') as sha256`,
    values: [stage.month],
  });
  const plan = await stepsBy(CAREFUL).plan();
  expect(plan.find(({ month }) => month === stage.month)).toMatchObject({ action: 'awaits-approval' });
  await stage.database.owner.query({
    text: `update audit_partition set manifest_sha256 = decode($2::text, 'hex') where month = $1::date`,
    values: [stage.month, rows[0]?.sha256],
  });
  expect(await stepsBy(CAREFUL).detach(stage.month)).toBe('detached');
  expect(await stepsBy(CAREFUL).drop(stage.month)).toBe('dropped');
});

test('an approval falls when a record changes the month', async () => {
  await archive();
  await approveDrop(stage.database.writer, stage.month, 'compliance');
  expect(await stepsBy(CAREFUL).detach(stage.month)).toBe('detached');
  await recordExecutions(stage.database, stage.month, 1);
  await archive(CAREFUL);
  expect(await selectMonth(stage.database.owner, stage.month)).toMatchObject({
    approvedBy: null,
    approvedManifestSha256: null,
  });
  await expect(stepsBy(CAREFUL).detach(stage.month)).rejects.toThrow(/the plan says awaits-approval/);
});

test('a month is not dropped within its grace', async () => {
  await archive();
  const rules = { ...RULES, dropGraceHours: 24 };
  expect(await stepsBy(rules).detach(stage.month)).toBe('detached');
  await expect(stepsBy(rules).drop(stage.month)).rejects.toThrow(/the plan says in-grace/);
  expect(await stage.state()).toBe('detached');
  const later = { nowMs: () => Date.now() + 25 * HOUR_MS };
  expect(await stepsBy(rules, later).drop(stage.month)).toBe('dropped');
});

test('a month that a hold matches is attached again instead of detached', async () => {
  await archive();
  const id = await hold();
  expect(await stepsBy(RULES).detach(stage.month)).toBe('held');
  expect(await stage.places()).toEqual(['attached']);
  expect(await rowsLeft()).toBe(ROWS);
  await release(id);
});

test('a month is attached again only because of a hold', async () => {
  await archive();
  expect(await stepsBy(RULES).detach(stage.month)).toBe('detached');
  await expect(stepsBy(RULES).reattach(stage.month)).rejects.toThrow(/the plan says drop/);
  expect(await stage.state()).toBe('detached');
});

test('a month that the database does not know has no step', async () => {
  const steps = stepsBy({ ...RULES, archiveDays: 1 });
  for (const step of [
    () => steps.freeze({ month: '2001-01-01', run: 'run' }),
    () => steps.detach('2001-01-01'),
    () => steps.drop('2001-01-01'),
    () => steps.expire('2001-01-01'),
    () => steps.reattach('2001-01-01'),
  ])
    await expect(step()).rejects.toThrow(/the database has no such month/);
});
