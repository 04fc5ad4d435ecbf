import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createFolderStore } from '../../src/archive/folder-store.ts';
import type { RestoreDependencies } from '../../src/archive/restore-steps.ts';
import { RESTORE_POINTS } from '../../src/archive/restore-steps.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/signing-key.ts';
import { partitionsOf } from '../../src/database/month-detach.ts';
import { RestoreBlockedError } from '../../src/database/month-restore.ts';
import { selectMonth } from '../../src/database/month-states.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runScript } from '../support/processes.ts';
import { restoreSteps, rowsOfMonth, runRestore } from '../support/restore.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const ROWS = 12;
const MAX_ATTEMPTS = 10;

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let month = '2018-12-01';
let before: Record<string, string[]>;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});
beforeEach(async () => {
  month = addMonths(month, 1);
  await recordExecutions(database, month, ROWS);
  before = await rowsOfMonth(database.owner, month);
  await runRetention(retentionSteps(setting()), month);
});

const archive = () => folder.file(`archive-${month}`);
const setting = () => ({
  ...{ ownerUrl: database.url('audit_owner'), key, folder: folder.path },
  store: createFolderStore(archive()),
});
const request = () => ({ month, days: 7, by: 'auditor' });

/** Nothing of the month is attached, or all of it. */
async function expectAllOrNothing(): Promise<void> {
  const places = new Set((await partitionsOf(database.owner, month)).map(({ place }) => place));
  const row = await selectMonth(database.owner, month);
  expect([...places]).toEqual([row?.state === 'restored' ? 'attached' : 'absent']);
  const rows = await rowsOfMonth(database.owner, month);
  if (row?.state === 'restored') expect(rows).toEqual(before);
  else expect(Object.values(rows).flat()).toEqual([]);
}

async function expectRestored(): Promise<void> {
  expect(await rowsOfMonth(database.owner, month)).toEqual(before);
  expect((await selectMonth(database.owner, month))?.state).toBe('restored');
  const { rows } = await database.owner.query(
    "select from pg_class where relname like 'restoring%' and relkind = 'r'",
  );
  expect(rows).toEqual([]);
}

/** As Temporal does: what failed is done again. */
async function runUntilDone(given: Partial<RestoreDependencies> = {}): Promise<void> {
  const failures: unknown[] = [];
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    try {
      await runRestore(restoreSteps(setting(), given), request());
      return;
    } catch (error: unknown) {
      failures.push(error);
      await expectAllOrNothing();
    }
  }
  throw new AggregateError(failures, `not done after ${MAX_ATTEMPTS} attempts`);
}

test.each(RESTORE_POINTS)(
  'a process killed when it is %s leaves nothing attached or everything, and the next one ends it',
  async (point) => {
    const script = runScript(
      `
    const { restoreSteps, runRestore } = await import(source('../test/support/restore.ts'));
    const { createFolderStore } = await import(source('archive/folder-store.ts'));
    const { readOrCreateSigningKey } = await import(source('archive/signing-key.ts'));
    const setting = {
      ownerUrl: process.env.OWNER_URL,
      store: createFolderStore(process.env.ARCHIVE),
      key: await readOrCreateSigningKey(process.env.KEY),
      folder: process.env.FOLDER,
    };
    const reached = async (point) => {
      if (point === process.env.POINT) process.kill(process.pid, 'SIGKILL');
    };
    await runRestore(restoreSteps(setting, { reached }), { month: process.env.MONTH, days: 7, by: 'auditor' });`,
      {
        env: {
          OWNER_URL: database.url('audit_owner'),
          ARCHIVE: archive(),
          KEY: folder.file('key.pem'),
          FOLDER: folder.path,
          POINT: point,
          MONTH: month,
        },
      },
    );
    expect(await script.exited, script.output()).toBeNull();
    await expectAllOrNothing();
    await runUntilDone();
    await expectRestored();
  },
);

test.each(RESTORE_POINTS)('connections lost when it is %s only delay a restore', async (point) => {
  let left = 2;
  await runUntilDone({
    reached: async (at) => {
      if (at !== point || left === 0) return;
      left -= 1;
      await database.owner.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'remediation-audit maintenance' and datname = current_database()`,
      );
    },
  });
  await expectRestored();
});

test('a lock in the way is waited for no longer than the lock timeout, and its holder is named', async () => {
  const blocker = new pg.Client({
    connectionString: database.url('audit_owner'),
    application_name: 'a blocker',
  });
  await blocker.connect();
  try {
    const steps = restoreSteps(setting());
    const plan = await steps.begin(request());
    if (plan.kind !== 'load') throw new Error('nothing to load');
    for (const table of plan.tables) await steps.load(month, table, plan.manifest);
    await blocker.query('begin');
    await blocker.query('lock table workflow_execution_audit in share update exclusive mode');
    const attaching = steps.attach(request(), plan.manifest);
    await expect(attaching).rejects.toBeInstanceOf(RestoreBlockedError);
    await expect(attaching).rejects.toThrow(/the lock is held by a blocker \(pid \d+/);
    await expectAllOrNothing();
    await blocker.query('commit');
    await steps.attach(request(), plan.manifest);
  } finally {
    await blocker.end();
  }
  await expectRestored();
});

test('a reader and a writer of other months go on while a month is attached', async () => {
  const reader = new pg.Client({ connectionString: database.url('audit_reader') });
  await reader.connect();
  try {
    await reader.query('begin');
    await reader.query('select count(*) from workflow_execution_audit');
    await runUntilDone({
      reached: async (point) => {
        // All locks of the attach are held now.
        if (point === 'attaching') await recordExecutions(database, addMonths(month, -12), 1);
      },
    });
    await reader.query('commit');
  } finally {
    await reader.end();
  }
  await expectRestored();
});
