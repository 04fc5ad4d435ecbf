import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { RunAsOwner } from '../../src/database/maintenance.ts';
import { createRunAsOwner } from '../../src/database/maintenance.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runScript } from '../support/processes.ts';
import { until } from '../support/until.ts';

let database: TestDatabase;
const created = () => createRunAsOwner({ connectionString: database.url('audit_owner'), lockTimeoutMs: 500 });

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

const pidOf = async (client: pg.Client): Promise<number> => {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
};
const isThere = async (pid: number): Promise<boolean> =>
  (await database.owner.query('select from pg_stat_activity where pid = $1', [pid])).rowCount === 1;
const settingOf = async (run: RunAsOwner, name: string): Promise<unknown> =>
  run(async (client) => (await client.query<Record<string, unknown>>(`show ${name}`)).rows[0]?.[name]);

test('steps that follow each other have one connection, and it ends soon after the last one', async () => {
  const run = created();
  const pid = await run(pidOf);
  expect(await run(pidOf)).toBe(pid);
  await until(async () => !(await isThere(pid)), 'the connection has ended');
  expect(await run(pidOf)).not.toBe(pid);
});

test('steps at the same time have a connection each, and one of them is kept', async () => {
  const run = created();
  const pids = await Promise.all([run(pidOf), run(pidOf), run(pidOf)]);
  expect(new Set(pids).size).toBe(3);
  expect(pids).toContain(await run(pidOf));
});

test('locks, settings and temporary tables of a step end with it', async () => {
  const run = created();
  const lock = 'select pg_try_advisory_lock(17) as locked';
  await run(async (client) => {
    await client.query(lock);
    await client.query("set lock_timeout = '7s'");
    await client.query('create temporary table mine ()');
  });
  expect((await database.owner.query<{ locked: boolean }>(lock)).rows).toEqual([{ locked: true }]);
  expect(await settingOf(run, 'lock_timeout')).toBe('500ms');
  expect(await settingOf(run, 'work_mem')).toBe('64MB');
  await run((client) => client.query('create temporary table mine ()'));
});

test('the connection of a step that failed is ended before its error is answered', async () => {
  const run = created();
  const pid = await run(pidOf);
  const failing = run(async (client) => {
    await client.query('begin');
    await client.query('select no_such_column');
  });
  await expect(failing).rejects.toThrow('no_such_column');
  await until(async () => !(await isThere(pid)), 'the connection has ended');
  expect(await run(pidOf)).not.toBe(pid);
});

test('a step that leaves a transaction open has not committed, and the next one begins anew', async () => {
  const run = created();
  await run(async (client) => {
    await client.query('begin');
    await client.query('create table left_open ()');
  });
  await run((client) => client.query('create table left_open ()'));
});

test('a connection that is lost while it is kept is not used again', async () => {
  const run = created();
  const pid = await run(pidOf);
  await database.owner.query('select pg_terminate_backend($1)', [pid]);
  await until(async () => !(await isThere(pid)), 'the connection is lost');
  // What the server said of it has come before the answer to what was asked after it.
  await database.owner.query('select 1');
  expect(await run(pidOf)).not.toBe(pid);
});

test('a connection that is kept keeps no process from ending', async () => {
  const script = runScript(
    `const { createRunAsOwner } = await import(source('src/database/maintenance.ts'));
     const run = createRunAsOwner({ connectionString: process.env.OWNER_URL, lockTimeoutMs: 500 });
     await run((client) => client.query('select 1'));
     const before = performance.now();
     process.on('exit', () => console.log('after', performance.now() - before < 1_000 ? 'a moment' : 'seconds'));`,
    { env: { OWNER_URL: database.url('audit_owner') } },
  );
  expect(await script.exited, script.output()).toBe(0);
  expect(script.output()).toContain('after a moment');
});
