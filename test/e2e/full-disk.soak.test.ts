import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { runScript, withSmallDisk } from '../support/processes.ts';
import { FREE_PORTS } from '../support/up.ts';

const DEADLINE_MS = 240_000;

let folder: string;
let disk: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'full-disk-'));
  // PostgreSQL, which runs as a user of its own where the tests run as root, must get through to its files.
  chmodSync(folder, 0o755);
  disk = join(folder, 'small');
  mkdirSync(disk);
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** Runs beside `up` on a small disk: it fills the disk to the last byte, posts, kills everything, makes room, and looks. */
const script = (): string => `
  const fs = await import('node:fs');
  const { spawn } = await import('node:child_process');
  const { randomBytes } = await import('node:crypto');
  const { once } = await import('node:events');
  const { fileURLToPath } = await import('node:url');
  const { until } = await import(source('test/support/until.ts'));
  const disk = ${JSON.stringify(disk)};
  const endpoints = disk + '/data/endpoints.json';
  const flags = ['--data-dir', disk + '/data', '--no-simulator', ...${JSON.stringify(FREE_PORTS)}];
  const start = async () => {
    fs.rmSync(endpoints, { force: true });
    const child = spawn(process.execPath, [fileURLToPath(source('dev/main.ts')), 'up', ...flags], {
      stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, KUBECONFIG: '', REMEDIATION_AUDIT_LOG_LEVEL: 'silent' },
    });
    await until(() => fs.existsSync(endpoints) || child.exitCode !== null, 'up is ready', 120_000);
    const { api, token } = JSON.parse(fs.readFileSync(endpoints, 'utf8'));
    return { child, api: api + '/api/v1/audit/kubernetes-execution', headers: { authorization: 'Bearer ' + token } };
  };
  const say = (text) => process.stdout.write('<' + text + '>\\n');
  let up = await start();
  const acknowledged = [];
  const statuses = new Set();
  const post = async (name, bytes) => {
    const record = { execution_id: name, output: randomBytes(bytes).toString('base64') };
    const answer = await fetch(up.api, {
      method: 'POST', headers: { ...up.headers, 'content-type': 'application/json' }, body: JSON.stringify(record),
    });
    const { id } = await answer.json();
    statuses.add(answer.status);
    if (answer.ok) acknowledged.push(id);
  };
  const postSmall = async (round) => {
    const before = acknowledged.length;
    for (let index = 0; index < 3; index += 1) await post(round + index, 10);
    return acknowledged.length - before;
  };
  say('before: ' + (await postSmall('before')));

  const filler = fs.openSync(disk + '/filler', 'w');
  try { for (;;) fs.writeSync(filler, Buffer.alloc(4096)); } catch (error) { say(error.code); }
  fs.closeSync(filler);
  // These fit into the pages that the tables have by now.
  say('full: ' + (await postSmall('full')));
  // And these do not.
  await Promise.all(Array.from({ length: 100 }, (_, index) => post('large-' + index, 60_000)));
  say('answered: ' + [...statuses].filter((status) => ![201, 202].includes(status)));

  up.child.kill('SIGKILL');
  await once(up.child, 'exit');
  fs.rmSync(disk + '/filler');
  up = await start();
  const missing = async () => {
    const find = (id) => fetch(up.api + '/' + id, { headers: up.headers });
    const found = await Promise.all(acknowledged.map(async (id) => (await find(id)).status));
    return found.filter((status) => status !== 200).length;
  };
  await until(async () => (await missing()) === 0, 'every record that was acknowledged is there');
  say('missing: ' + (await missing()));
  up.child.kill('SIGTERM');
  await once(up.child, 'exit');`;

test(
  'on a full disk what is answered 201 or 202 is there, also after everything was killed, and the rest is answered 503',
  { timeout: DEADLINE_MS },
  async () => {
    const running = runScript(script(), { wrapper: withSmallDisk(disk, '300m') });
    await running.exited;
    const said = running.output().match(/^<.*>$/gm);
    expect(said, running.output()).toEqual([
      '<before: 3>',
      '<ENOSPC>',
      '<full: 3>',
      '<answered: 503>',
      '<missing: 0>',
    ]);
  },
);
