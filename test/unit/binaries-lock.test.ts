import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { type LockHolder, withLock } from '../../dev/servers/find/lock.ts';
import { DAY_MS } from '../../src/domain/time.ts';

const WAIT = { timeout: 5_000, interval: 10 };
let folder: string;
let waited: LockHolder[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-test-'));
  waited = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function locked<T>(work: () => Promise<T>, deadlineMs = 10_000): Promise<T> {
  const onWait = (holder: LockHolder): void => {
    waited.push(holder);
  };
  return withLock({ folder, purpose: 'a test', deadlineMs, onWait }, work);
}

/** The lock as another process would have left it. */
async function leaveLock(holder: Partial<LockHolder>, ageMs = 0): Promise<void> {
  const path = join(folder, '7');
  await writeFile(
    path,
    JSON.stringify({ pid: process.pid, host: hostname(), purpose: 'etcd 3.6.4', ...holder }),
  );
  const time = new Date((await stat(path)).mtimeMs - ageMs);
  await utimes(path, time, time);
}

function pidOfTheDead(): number {
  return spawnSync('/bin/sh', ['-c', ':']).pid;
}

test('only one holder works at a time, and all get their turn', async () => {
  let working = 0;
  let most = 0;
  let turns = 0;
  const work = async (): Promise<void> => {
    most = Math.max(most, ++working);
    turns += 1;
    await readdir(folder);
    working -= 1;
  };
  await Promise.all(Array.from({ length: 12 }, () => locked(work)));
  expect({ most, turns }).toEqual({ most: 1, turns: 12 });
});

test('the lock of a dead process is taken over, by one of many at a time', async () => {
  await leaveLock({ pid: pidOfTheDead() });
  let working = 0;
  const seen: number[] = [];
  const work = async (): Promise<void> => {
    seen.push(++working);
    await readdir(folder);
    working -= 1;
  };
  await Promise.all(Array.from({ length: 8 }, () => locked(work)));
  expect(seen).toEqual(Array.from({ length: 8 }, () => 1));
});

test('a holder that has been silent for minutes is taken over, even when its process id lives', async () => {
  await leaveLock({ host: 'another-host' }, 10 * 60_000);
  expect(await locked(() => Promise.resolve('in'))).toBe('in');
  expect(waited).toEqual([]);
});

test('a live holder is waited for, and named when the wait is too long', async () => {
  await leaveLock({ host: 'another-host' });
  const waiting = locked(() => Promise.resolve('in'), 300);
  await expect(waiting).rejects.toThrow(
    `process ${process.pid} on another-host, which is busy with etcd 3.6.4`,
  );
  expect(waited).toHaveLength(1);
});

test('a live holder is waited for by a process whose clock is a day ahead', async () => {
  await leaveLock({ host: 'another-host' });
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + DAY_MS });
  try {
    await expect(locked(() => Promise.resolve('in'), 300)).rejects.toThrow('process');
  } finally {
    vi.useRealTimers();
  }
});

test('work that fails gives the lock back', async () => {
  await expect(locked(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await locked(() => Promise.resolve('in'))).toBe('in');
});

test('the next in line starts when the holder is done', async () => {
  const done = Promise.withResolvers<undefined>();
  const order: string[] = [];
  const first = locked(async () => {
    await done.promise;
    order.push('first');
  });
  await expect.poll(async () => (await readdir(folder)).length, WAIT).toBeGreaterThan(0);
  const second = locked(() => Promise.resolve(order.push('second')));
  await expect.poll(() => waited.length, WAIT).toBe(1);
  done.resolve(undefined);
  await Promise.all([first, second]);
  expect(order).toEqual(['first', 'second']);
});

test('old locks do not pile up', async () => {
  for (let turn = 0; turn < 5; turn += 1) await locked(() => Promise.resolve());
  expect(await readdir(folder)).toEqual(['5']);
  expect(await readFile(join(folder, '5'), 'utf8')).toBe('free');
});
