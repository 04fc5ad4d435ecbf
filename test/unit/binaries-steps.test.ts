import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Progress } from '../../src/embedded/binaries/progress.ts';
import { outputOf, runStep } from '../../src/embedded/binaries/run-step.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'steps-test-'));
});

afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const shell = (script: string, deadlineMs = 10_000): Promise<void> =>
  runStep({ name: 'a step', command: '/bin/sh', args: ['-c', script], cwd: folder, deadlineMs });

test('a step that takes too long is ended', async () => {
  await expect(shell('echo $$ > pid; exec sleep 60', 500)).rejects.toThrow('a step did not end within 0.5 s');
  const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a step that fails shows the end of its output', async () => {
  const failing = shell('for line in $(seq 1 40); do echo "line $line"; done; exit 3');
  const message = await failing.catch((error: unknown) => (error as Error).message);
  expect(message).toContain('a step ended with exit code 3: line 29\n');
  expect(message).toContain('line 40');
  expect(message).not.toContain('line 28');
});

test('what a program says on both outputs is read', async () => {
  expect(await outputOf('/bin/sh', ['-c', 'echo version; echo 1.2.3 >&2'])).toBe('version\n1.2.3');
});

test('a program that fails is reported with what it said', async () => {
  await expect(outputOf('/bin/sh', ['-c', 'echo no such flag >&2; exit 1'])).rejects.toThrow('no such flag');
});

test('a long step says every 15 s how far it is, until it ends', () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const progress = new Progress((line) => lines.push(line), 'etcd 3.6.4');
  progress.begin('building from source', () => 'still building');
  vi.advanceTimersByTime(75_000);
  progress[Symbol.dispose]();
  vi.advanceTimersByTime(60_000);
  expect(lines).toEqual([
    'etcd 3.6.4: building from source',
    'etcd 3.6.4: still building, 15 s so far',
    'etcd 3.6.4: still building, 30 s so far',
    'etcd 3.6.4: still building, 45 s so far',
    'etcd 3.6.4: still building, 1 min 0 s so far',
    'etcd 3.6.4: still building, 1 min 15 s so far',
  ]);
});
