import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { runScript, withSmallDisk } from '../support/processes.ts';
import { cacheDir } from '../support/servers.ts';
import { someOf } from '../support/soak.ts';

let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'migrate-disk-'));
  // PostgreSQL, which runs as a user of its own where the tests run as root, must get through to its files.
  chmodSync(folder, 0o755);
  disk = join(folder, 'small');
  mkdirSync(disk);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A server on a small disk that is full but for some kilobytes, then the step, then space again, then the step again. */
const onFullDisk = (prepare: string, leftKb: number, step: string): string => `
  const fs = await import('node:fs');
  const { spawnSync } = await import('node:child_process');
  const { fileURLToPath } = await import('node:url');
  const { default: pg } = await import('pg');
  const { startPostgres } = await import(source('dev/servers/postgres/postgres.ts'));
  const { prepareDatabase } = await import(source('dev/servers/postgres/database.ts'));
  const { createLogger } = await import(source('src/observability/logger.ts'));
  const disk = ${JSON.stringify(disk)};
  const start = () => startPostgres({
    dataDir: disk + '/data', port: 0, cacheDir: ${JSON.stringify(cacheDir)}, report: () => undefined,
  });
  let postgres = await start();
  const query = async (database, text, values = []) => {
    const client = new pg.Client({ connectionString: postgres.superuserUrl(database) });
    await client.connect();
    const { rows } = await client.query({ text, values }).finally(() => client.end());
    return rows;
  };
  const say = (text) => process.stdout.write('<' + text.trim() + '>\\n');
  ${prepare}
  const filler = fs.openSync(disk + '/filler', 'w');
  let written = 0;
  try { for (;;) written += fs.writeSync(filler, Buffer.alloc(4096)); } catch (error) { say(error.code); }
  fs.ftruncateSync(filler, written - ${leftKb} * 1024);
  fs.closeSync(filler);
  const step = async () => { ${step} };
  say(await step());
  fs.rmSync(disk + '/filler');
  // Where the server itself ended.
  await postgres.stop();
  postgres = await start();
  say(await step());
  await postgres.stop();`;

/** The file of the write-ahead log is full but for 300 kB, and the next one of 16 MB does not fit on the disk. */
const FILL_WRITE_AHEAD_LOG = `
  await query('postgres', 'create database remediation_audit');
  const [{ used }] = await query(
    'postgres',
    "select ((pg_current_wal_insert_lsn() - '0/0') % (16 * 1024 * 1024))::integer as used",
  );
  const length = 16 * 1024 * 1024 - used - 300 * 1024;
  await query('postgres', "select pg_logical_emit_message(false, 'fill', repeat('x', $1::integer))", [length]);`;

const PREPARE = `
  return prepareDatabase(postgres, 1, createLogger('silent', 'disk')).then(() => 'prepared', ({ message }) => message);`;

const FULL_DISKS = [
  ['for its tables', '', 2_000],
  ['for the write-ahead log, so that the server ends', FILL_WRITE_AHEAD_LOG, 12_000],
] as const;

test.each(someOf(FULL_DISKS, 1))(
  'a disk that is full %s while the tables are made is reported in one sentence',
  async (_, prepare, leftKb) => {
    const script = runScript(onFullDisk(prepare, leftKb, PREPARE), { wrapper: withSmallDisk(disk, '110m') });
    await script.exited;
    const path = join(disk, 'data');
    expect(script.output()).toBe(
      `<ENOSPC>\n<cannot make the tables of the database: the disk that holds ${path} is full; ` +
        'free some space, or choose another --data-dir>\n<prepared>\n',
    );
  },
);

const ROLES = `
  await query('postgres', 'create database remediation_audit');
  const bootstrap = (file) => fs.readFileSync(new URL(source('migrations/bootstrap/' + file)), 'utf8');
  await query('remediation_audit', bootstrap('roles.sql'));
  await query('remediation_audit', "alter role audit_owner password 'owner'");`;

const MIGRATE = `
  const { port } = postgres;
  const DATABASE_OWNER_URL = 'postgres://audit_owner:owner@127.0.0.1:' + port + '/remediation_audit';
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [fileURLToPath(source('src/main.ts')), 'migrate'],
    { env: { DATABASE_OWNER_URL }, encoding: 'utf8' },
  );
  return status + ' ' + stdout + stderr;`;

test('`migrate` says that the disk of the server is full, and goes on when there is space', async () => {
  const script = runScript(onFullDisk(ROLES, 0, MIGRATE), { wrapper: withSmallDisk(disk, '110m') });
  await script.exited;
  expect(script.output()).toMatch(
    /^<ENOSPC>\n<1 remediation-audit migrate: the disk of the database server is full; free some space there and run `migrate` again: .*No space left on device>\n<0 schema version \d+: applied .*>\n$/,
  );
});
