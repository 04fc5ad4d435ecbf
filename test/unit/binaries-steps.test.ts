import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { CompileProgress } from '../../dev/servers/find/build.ts';
import { createProgressOutput, Progress } from '../../dev/servers/find/progress.ts';
import { outputOf, runStep } from '../../dev/servers/find/run-step.ts';
import { isGone } from '../support/processes.ts';

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

test('a terminal shows how far a long step is in one line, which goes when the step ends', () => {
  vi.useFakeTimers();
  const written: string[] = [];
  const terminal = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
  const progress = new Progress(createProgressOutput(terminal), 'etcd 3.6.4');
  progress.begin('building from source', () => 'compiling, 7 of 900 packages, about 1 min left');
  vi.advanceTimersByTime(1_000);
  progress.say('ready');
  progress[Symbol.dispose]();
  const clear = '\r\u001b[2K';
  const status = 'etcd 3.6.4: compiling, 7 of 900 package';
  expect(written.join('')).toBe(
    `etcd 3.6.4: building from source\n${status}${clear}${status}${clear}etcd 3.6.4: ready\n${status}${clear}`,
  );
});

test('the rest of a build is estimated from the packages that are done', () => {
  const startedAt = performance.now();
  const progress = new CompileProgress(1_000);
  expect(progress.describe()).toBe('compiling, 0 of 1000 packages');
  for (let done = 0; done < 500; done += 1) progress.count();
  // Half of the packages take a third of the time.
  expect(progress.describe(startedAt + 30_000)).toBe('compiling, 500 of 1000 packages, about 1 min 1 s left');
  for (let done = 0; done < 600; done += 1) progress.count();
  expect(progress.describe()).toBe('linking, all 1000 packages are compiled');
});

test('a step that is given up ends what it started', async () => {
  const giveUp = new AbortController();
  const step = runStep({
    name: 'a step',
    command: '/bin/sh',
    // Neither of the two listens to the first signal.
    args: ['-c', `trap '' INT; sh -c 'echo $$ > child; while :; do sleep 0.1; done' & wait; wait`],
    cwd: folder,
    deadlineMs: 60_000,
    signal: giveUp.signal,
  });
  const ended = step.catch((error: unknown) => error);
  const pid = (): Promise<number> => readFile(join(folder, 'child'), 'utf8').then(Number, () => 0);
  await expect.poll(pid, { timeout: 10_000 }).toBeGreaterThan(0);
  giveUp.abort('enough');
  expect(await ended).toBe('enough');
  const child = await pid();
  await expect.poll(() => isGone(child), { timeout: 10_000 }).toBe(true);
});

test('progress is kept out of the message of a failure', async () => {
  const seen: string[] = [];
  const failing = runStep({
    name: 'a step',
    command: '/bin/sh',
    args: ['-c', 'echo fmt; echo main.go:1: wrong >&2; echo net/http; exit 1'],
    deadlineMs: 10_000,
    isProgress: (line) => !line.includes(' ') && seen.push(line) > 0,
  });
  await expect(failing).rejects.toThrow(/^a step ended with exit code 1: main\.go:1: wrong$/);
  expect(seen).toEqual(['fmt', 'net/http']);
});

test('a long step says every 15 s how far it is, until it ends', () => {
  vi.useFakeTimers();
  const lines: string[] = [];
  const progress = new Progress({ report: (line) => lines.push(line) }, 'etcd 3.6.4');
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
