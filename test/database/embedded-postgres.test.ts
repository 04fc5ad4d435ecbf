import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';

import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { isGone, runScript } from '../support/processes.ts';
import { cacheDir } from '../support/servers.ts';
import { until } from '../support/until.ts';

let folder: string;
let dataDir: string;
const lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'embedded-postgres-'));
  dataDir = join(folder, 'postgres');
  lines.length = 0;
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const start = (port = 0): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir, port, cacheDir, report: (line) => lines.push(line) });

/** A process that starts PostgreSQL, says its process id and port, and stays. */
const starter = () =>
  runScript(`
    const { startPostgres } = await import(source('dev/servers/postgres/postgres.ts'));
    const postgres = await startPostgres({
      dataDir: ${JSON.stringify(dataDir)},
      port: 0,
      cacheDir: ${JSON.stringify(cacheDir)},
      report: (line) => process.stdout.write(line + '\\n'),
    });
    process.stdout.write('pid ' + postgres.server.pid + ' url ' + postgres.superuserUrl() + ' .\\n');`);

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows[0]?.['answer'];
  } finally {
    await client.end();
  }
}

test('the server answers with the settings we count on', async () => {
  await using postgres = await start();
  const setting = (name: string): Promise<unknown> =>
    ask(postgres.superuserUrl(), `select current_setting('${name}') as answer`);
  expect(await setting('timezone')).toBe('UTC');
  expect(await setting('intervalstyle')).toBe('postgres');
  expect(await setting('fsync')).toBe('on');
  expect(await setting('listen_addresses')).toBe('127.0.0.1');
  expect(await setting('unix_socket_directories')).toBe('');
  expect(await setting('data_checksums')).toBe('on');
  expect(await setting('server_encoding')).toBe('UTF8');
  expect(await ask(postgres.superuserUrl(), `select upper('é') || (lower('ÄÖ') = 'äö') as answer`)).toBe(
    'Étrue',
  );
});

test('nobody gets in without the password, which only its owner can read', async () => {
  await using postgres = await start();
  const url = new URL(postgres.superuserUrl());
  expect(url.password).toHaveLength(48);
  url.password = 'guess';
  await expect(ask(url.href, 'select 1 as answer')).rejects.toThrow('password authentication failed');
  url.password = '';
  await expect(ask(url.href, 'select 1 as answer')).rejects.toThrow();
  expect(statSync(join(dataDir, 'superuser-password')).mode & 0o777).toBe(0o600);
  expect(statSync(join(dataDir, 'cluster')).mode & 0o777).toBe(0o700);
});

test('rows and password outlive a restart, and a stop is one even while clients are connected', async () => {
  const first = await start();
  await ask(first.superuserUrl(), 'create table kept as select 42 as answer');
  const client = new pg.Client(first.superuserUrl());
  const cut = new Promise((resolve) => client.on('error', resolve));
  await client.connect();
  await first.stop();
  expect(String(await cut)).toMatch(/terminat/);
  expect(await first.server.exited).toEqual({ code: 0, signal: null });
  await using second = await start();
  expect(await ask(second.superuserUrl(), 'select answer from kept')).toBe(42);
  expect(lines.filter((line) => line.startsWith('Creating'))).toHaveLength(1);
});

test('settings given for a run win over ours', async () => {
  const settings = { fsync: 'off', max_connections: '7' };
  await using postgres = await startPostgres({
    dataDir,
    port: 0,
    cacheDir,
    report: () => undefined,
    settings,
  });
  expect(await ask(postgres.superuserUrl(), `select current_setting('max_connections') as answer`)).toBe('7');
});

test('a killed parent leaves no server, and a start right after keeps the rows', async () => {
  const parent = starter();
  const [, pid, url] = await parent.untilSays(/pid (\d+) url (\S+) /);
  await ask(url ?? '', 'create table kept as select 42 as answer');
  parent.kill();
  await using postgres = await start();
  expect(await ask(postgres.superuserUrl(), 'select answer from kept')).toBe(42);
  expect(isGone(Number(pid))).toBe(true);
});

test('a killed parent leaves no server even when nobody starts another one', async () => {
  const parent = starter();
  const [, pid] = await parent.untilSays(/pid (\d+) url (\S+) /);
  parent.kill();
  await until(() => isGone(Number(pid)), 'PostgreSQL is gone');
});

test('a killed server leaves a lock file that does not keep the next one from starting', async () => {
  const first = await start();
  await ask(first.superuserUrl(), 'create table kept as select 42 as answer');
  first.server.signal('SIGKILL');
  await first.server.exited;
  expect(readdirSync(join(dataDir, 'cluster'))).toContain('postmaster.pid');
  await using second = await start();
  expect(await ask(second.superuserUrl(), 'select answer from kept')).toBe(42);
});

test('a first start killed while it makes the database is made good by the next one', async () => {
  const parent = starter();
  await parent.untilSays(/Creating the database/);
  await until(
    () => readdirSync(dataDir).some((name) => name.startsWith('cluster.new-')),
    'the making has begun',
  );
  parent.kill();
  await parent.exited;
  expect(readdirSync(dataDir)).not.toContain('cluster');
  await using postgres = await start();
  expect(await ask(postgres.superuserUrl(), 'select 42 as answer')).toBe(42);
  expect(readdirSync(dataDir).sort()).toEqual(['cluster', 'superuser-password']);
});

test('a taken port is reported with the flag that changes it', async () => {
  const holder = createServer();
  const port = await new Promise<number>((resolve) => {
    holder.listen(0, '127.0.0.1', () => {
      resolve((holder.address() as { port: number }).port);
    });
  });
  await expect(start(port)).rejects.toThrow(
    `port ${port} is already taken; choose another one with --postgres-port`,
  );
  holder.close();
});
