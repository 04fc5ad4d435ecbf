import pg from 'pg';
import { beforeEach, expect, test } from 'vitest';

import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { RESTORE_POINTS } from '../../src/archive/archive-context.ts';
import { TableLockedError } from '../../src/database/months/table-locks.ts';
import { addMonths } from '../../src/domain/instant.ts';
import {
  killProcessAt,
  loseConnectionsAt,
  repeatUntilDone,
  useArchiveStage,
} from '../support/archive-stage.ts';
import { restoreSteps, rowsOfMonth, runRestore } from '../support/restore.ts';
import { recordExecutions } from '../support/retention.ts';
import { someOf } from '../support/soak.ts';

const ROWS = 12;
const MAX_ATTEMPTS = 10;
const POINTS = someOf(RESTORE_POINTS, 3);

const stage = useArchiveStage({ after: '2018-12-01', rows: ROWS });
let before: Record<string, string[]>;

beforeEach(async () => {
  before = await rowsOfMonth(stage.database.owner, stage.month);
  await stage.run();
});

const request = () => ({ month: stage.month, days: 7, by: 'auditor' });

/** Nothing of the month is attached, or all of it. */
async function expectAllOrNothing(): Promise<void> {
  const state = await stage.state();
  expect(await stage.places()).toEqual([state === 'restored' ? 'attached' : 'absent']);
  const rows = await rowsOfMonth(stage.database.owner, stage.month);
  if (state === 'restored') expect(rows).toEqual(before);
  else expect(Object.values(rows).flat()).toEqual([]);
}

async function expectRestored(): Promise<void> {
  expect(await rowsOfMonth(stage.database.owner, stage.month)).toEqual(before);
  expect(await stage.state()).toBe('restored');
  const { rows } = await stage.database.owner.query(
    "select from pg_class where relname like 'restoring%' and relkind = 'r'",
  );
  expect(rows).toEqual([]);
}

const runUntilDone = (changes: Partial<ArchiveContext> = {}): Promise<unknown> =>
  repeatUntilDone(
    MAX_ATTEMPTS,
    () => runRestore(restoreSteps(stage.setting, changes), request()),
    expectAllOrNothing,
  );

test.each(POINTS)(
  'a process killed when it is %s leaves nothing attached or everything, and the next one ends it',
  async (point) => {
    await killProcessAt(
      stage,
      point,
      `const { restoreSteps, runRestore } = await import(source('test/support/restore.ts'));
       await runRestore(restoreSteps(setting, { reached }), { month, days: 7, by: 'auditor' });`,
    );
    await expectAllOrNothing();
    await runUntilDone();
    await expectRestored();
  },
);

test.each(POINTS)('connections lost when it is %s only delay a restore', async (point) => {
  await runUntilDone(loseConnectionsAt(stage, point));
  await expectRestored();
});

test('a lock in the way is waited for no longer than the lock timeout, and its holder is named', async () => {
  const blocker = new pg.Client({
    connectionString: stage.database.url('audit_owner'),
    application_name: 'a blocker',
  });
  await blocker.connect();
  try {
    const steps = restoreSteps(stage.setting);
    await steps.request(request());
    const plan = await steps.begin(stage.month);
    if (plan.kind !== 'load') throw new Error('nothing to load');
    for (const table of plan.tables) await steps.load(stage.month, table);
    await blocker.query('begin');
    await blocker.query('lock table workflow_execution_audit in share update exclusive mode');
    const attaching = steps.attach(stage.month);
    await expect(attaching).rejects.toBeInstanceOf(TableLockedError);
    await expect(attaching).rejects.toThrow(/the lock is held by a blocker \(pid \d+/);
    await expectAllOrNothing();
    await blocker.query('commit');
    await steps.attach(stage.month);
  } finally {
    await blocker.end();
  }
  await expectRestored();
});

test('a reader and a writer of other months go on while a month is attached', async () => {
  const other = addMonths(stage.month, -12);
  // Its tables are there: to make them would need the lock that the attach holds.
  await recordExecutions(stage.database, other, 1);
  const reader = new pg.Client({ connectionString: stage.database.url('audit_reader') });
  await reader.connect();
  try {
    await reader.query('begin');
    await reader.query('select count(*) from workflow_execution_audit');
    await runUntilDone({
      reached: async (point) => {
        // All locks of the attach are held now.
        if (point === 'attaching') await recordExecutions(stage.database, other, 1);
      },
    });
    await reader.query('commit');
  } finally {
    await reader.end();
  }
  await expectRestored();
});
