import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { startServer } from '../../dev/servers/process/child-process.ts';
import { BECOME_ORDINARY_USER, isRoot, runScript, withSmallDisk } from '../support/processes.ts';
import { cacheDir } from '../support/servers.ts';

let folder: string;
let dataDir: string;
const lines: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'embedded-postgres-trouble-'));
  dataDir = join(folder, 'postgres');
  lines.length = 0;
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

const start = (): Promise<EmbeddedPostgres> =>
  startPostgres({ dataDir, port: 0, cacheDir, report: (line) => lines.push(line) });

/** Starts PostgreSQL, says `<started>` or the error, and stops it. */
const attempt = (prepare = ''): string => `
  const { startPostgres } = await import(source('dev/servers/postgres/postgres.ts'));
  ${prepare}
  const options = { dataDir: ${JSON.stringify(dataDir)}, port: 0, cacheDir: ${JSON.stringify(cacheDir)} };
  const said = await startPostgres({ ...options, report: () => undefined }).then(
    async (postgres) => { await postgres.stop(); return 'started'; },
    (error) => error.message,
  );
  process.stdout.write('<' + said + '>');`;

test('an incomplete cluster is set aside, said so, and made anew', async () => {
  const cluster = join(dataDir, 'cluster');
  mkdirSync(cluster, { recursive: true });
  writeFileSync(join(cluster, 'PG_VERSION'), '18\n');
  writeFileSync(join(cluster, 'left-over'), '');
  await using postgres = await start();
  expect(postgres.port).toBeGreaterThan(0);
  const aside = readdirSync(dataDir).find((name) => name.startsWith('cluster.incomplete-'));
  expect(readdirSync(join(dataDir, aside ?? '')).sort()).toEqual(['PG_VERSION', 'left-over']);
  expect(lines.join('\n')).toContain(`was incomplete; it was set aside as ${join(dataDir, aside ?? '')}`);
});

test('data of a newer major version are refused and left alone', async () => {
  await (await start()).stop();
  const version = join(dataDir, 'cluster', 'PG_VERSION');
  writeFileSync(version, '19\n');
  await expect(start()).rejects.toThrow(
    `cannot open the database in ${join(dataDir, 'cluster')}: it was made by PostgreSQL 19, and this is PostgreSQL 18; ` +
      'use the release that made it, or choose another --data-dir',
  );
  writeFileSync(version, '18\n');
  await (await start()).stop();
});

test('a lost password is reported with the file to restore', async () => {
  await (await start()).stop();
  rmSync(join(dataDir, 'superuser-password'));
  await expect(start()).rejects.toThrow(
    `kept in ${join(dataDir, 'superuser-password')}, cannot be read; restore that file, or choose another --data-dir`,
  );
});

test('a wrong setting is reported with the words of the server', async () => {
  const settings = { max_connections: 'many' };
  await expect(
    startPostgres({ dataDir, port: 0, cacheDir, report: () => undefined, settings }),
  ).rejects.toThrow(/cannot start the database in .*invalid value for parameter "max_connections": "many"/s);
});

test('a lock file that names a process of another kind does not keep the server from starting', async () => {
  await (await start()).stop();
  const cluster = join(dataDir, 'cluster');
  const { uid, gid } = statSync(cluster);
  // Of the same user: PostgreSQL takes only such a process for a server of its own.
  await using stranger = startServer({
    name: 'sleep',
    command: '/bin/sleep',
    args: ['600'],
    ...(isRoot ? { identity: { uid, gid, keepFileAccess: false } } : {}),
  });
  const lock = `${stranger.pid}\n${cluster}\n1\n5432\n\n127.0.0.1\n0 0\nready\n`;
  writeFileSync(join(cluster, 'postmaster.pid'), lock);
  await (await start()).stop();
});

test.each([
  ['while the database is made', '20m', ''],
  ['before it is made', '64k', 'dd if=/dev/zero of="$0/filler" bs=4k 2>/dev/null;'],
])('a full disk is reported in one sentence %s, and nothing half-made stays', async (_, size, fill) => {
  mkdirSync(dataDir);
  const list = `process.stdout.write((await import('node:fs')).readdirSync(${JSON.stringify(dataDir)}).join());`;
  const script = runScript(`${attempt()} ${list}`, {
    wrapper: [...withSmallDisk(dataDir, size), '/bin/sh', '-c', `${fill} exec "$@"`, dataDir],
  });
  await script.exited;
  expect(script.output()).toMatch(
    /^<cannot create the database( in \S+)?: the disk that holds \S+ is full; free some space, or choose another --data-dir>/,
  );
  expect(script.output()).not.toContain('cluster.new-');
});

test('a disk that fills up between two runs is reported in one sentence', async () => {
  mkdirSync(dataDir);
  const fill = `
    const { openSync, writeSync } = await import('node:fs');
    const filler = openSync(${JSON.stringify(join(dataDir, 'filler'))}, 'w');
    const block = Buffer.alloc(512);
    const full = () => { try { for (;;) writeSync(filler, block); } catch (error) { return error.code; } };
    process.stdout.write(full());`;
  const again = attempt().slice(attempt().indexOf('const options')).replaceAll('const ', 'var ');
  const first = attempt().replaceAll('const ', 'var ');
  const script = runScript(`${first} ${fill} ${again}`, { wrapper: withSmallDisk(dataDir, '60m') });
  await script.exited;
  expect(script.output()).toMatch(
    /^<started>ENOSPC<cannot start the database in \S+: the disk that holds \S+ is full; free some space, or choose another --data-dir>$/,
  );
});

test('too little shared memory is reported in one sentence', async () => {
  const script = runScript(attempt(), { wrapper: withSmallDisk('/dev/shm', '1m') });
  await script.exited;
  expect(script.output()).toMatch(
    /^<cannot create the database in \S+: the shared memory of this system \(\/dev\/shm\) is too small for PostgreSQL; give it at least 64 MB, .*>$/,
  );
});

test('a data directory an ordinary user may not write to is reported in one sentence', async () => {
  chmodSync(folder, 0o555);
  const script = runScript(attempt(BECOME_ORDINARY_USER));
  await script.exited;
  chmodSync(folder, 0o755);
  expect(script.output()).toMatch(
    /^<cannot make the folder of the database: user \d+ may not write to \S+; give it the right, or choose another --data-dir>$/,
  );
});
