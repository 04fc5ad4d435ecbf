import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { isPortFree } from '../../dev/servers/process/ports.ts';
import type { Endpoints } from '../../dev/up/endpoints.ts';
import { repositoryPath } from '../support/repository.ts';
import { until } from '../support/until.ts';
import { FREE_PORTS } from '../support/up.ts';

/** Nothing of it is built here: the test servers are there already. */
const READY_DEADLINE_MS = 120_000;

let folder: string;
let npm: ChildProcess | undefined;
let output: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-npm-'));
  output = '';
});
afterEach(async () => {
  // Only when the test failed is there anything left of it.
  for (const { pid } of processesOf(folder)) process.kill(pid, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

interface Found {
  readonly pid: number;
  readonly command: string;
}

/** Every process that has the folder in its command line: npm, its shell, ours, and each server. */
function processesOf(text: string): readonly Found[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .map((pid) => ({ pid: Number(pid), command: commandOf(pid) }))
    .filter(({ command }) => command.includes(text));
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    // It ended between the listing and this look at it.
    return '';
  }
}

async function startNpm(): Promise<Endpoints> {
  const dataDir = join(folder, 'data');
  const flags = ['--data-dir', dataDir, ...FREE_PORTS, '--no-simulator'];
  npm = spawn('npm', ['start', '--', ...flags], {
    cwd: repositoryPath('.'),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [npm.stdout, npm.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  const file = join(dataDir, 'endpoints.json');
  await until(() => existsSync(file), `npm start is ready; it said ${output}`, READY_DEADLINE_MS);
  return JSON.parse(readFileSync(file, 'utf8')) as Endpoints;
}

function portsOf({ api, temporal, temporalUi, postgres, kubernetes }: Endpoints): readonly number[] {
  return [api, `tcp://${temporal}`, temporalUi, postgres, kubernetes].map((url) => Number(new URL(url).port));
}

/** The one that npm runs. */
function ours(): number {
  const found = processesOf(folder).find(({ command }) => /^\S*node dev\/main\.ts up/.test(command));
  if (found === undefined) throw new Error(`no process runs dev/main.ts: ${output}`);
  return found.pid;
}

describe('SIGTERM leaves no process and no port behind', () => {
  const receivers: [string, () => number][] = [
    ['npm, as a service manager sends it', () => npm?.pid ?? 0],
    ['the process that npm runs', ours],
  ];
  test.each(receivers)('when it goes to %s', async (_, receiver) => {
    const ports = portsOf(await startNpm());
    expect(processesOf(folder).length).toBeGreaterThan(2);
    process.kill(receiver(), 'SIGTERM');
    await until(() => processesOf(folder).length === 0, 'every process has ended');
    for (const port of ports) expect(await isPortFree(port), `port ${port}`).toBe(true);
    expect(output).toContain('stopping');
  });
});
