import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { DataDirectoryInUse, openDataDirectory } from '../../dev/up/data-directory.ts';
import { BECOME_ORDINARY_USER, runScript, withSmallDisk } from '../support/processes.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'data-directory-'));
  path = join(folder, 'data');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Opens the folder and says what came of it. Without `hold` it ends then. */
const opening = (target: string, hold = false): string => `
  const { openDataDirectory } = await import(source('dev/up/data-directory.ts'));
  ${BECOME_ORDINARY_USER}
  ${openingAsWeAre(target, hold)}`;
const openingAsWeAre = (target: string, hold: boolean): string => `
  const said = await openDataDirectory(${JSON.stringify(target)}).then(() => 'opened', (error) => error.message);
  process.stdout.write('<' + said + '>');
  ${hold ? 'setInterval(() => undefined, 1000);' : ''}`;
const holding = (target: string): string => `
  const { openDataDirectory } = await import(source('dev/up/data-directory.ts'));
  ${openingAsWeAre(target, true)}`;

test('a new data directory gets its layout, closed to others where secrets may lie', async () => {
  await using opened = await openDataDirectory(path);
  expect(opened.abandoned).toBe(false);
  expect([opened.postgres, opened.temporal, opened.sandbox].map((part) => part.slice(path.length))).toEqual([
    '/postgres',
    '/temporal',
    '/sandbox',
  ]);
  // PostgreSQL runs as another user when root starts it.
  expect(statSync(opened.path).mode & 0o777).toBe(process.getuid?.() === 0 ? 0o711 : 0o700);
  expect(statSync(opened.temporal).mode & 0o777).toBe(0o700);
  expect(statSync(opened.sandbox).mode & 0o777).toBe(0o700);
  expect(statSync(opened.postgres).isDirectory()).toBe(true);
});

test('a data directory in use by another process is refused, and the other one named', async () => {
  const holder = runScript(holding(path));
  await holder.untilSays(/<opened>/);
  const failure = await openDataDirectory(path).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(DataDirectoryInUse);
  expect((failure as Error).message).toBe(
    `the data directory ${path} is in use by process ${holder.pid}; stop that one, or choose another --data-dir`,
  );
  holder.kill();
  await holder.exited;
});

test('a data directory is refused twice within one process, too', async () => {
  await using opened = await openDataDirectory(path);
  expect(opened.path).toBe(path);
  await expect(openDataDirectory(path)).rejects.toThrow(`in use by process ${process.pid}`);
});

test('after a kill the data directory is taken over at once, known as abandoned, without old endpoints', async () => {
  const holder = runScript(holding(path));
  await holder.untilSays(/<opened>/);
  writeFileSync(join(path, 'endpoints.json'), '{}');
  holder.kill();
  await holder.exited;
  await using opened = await openDataDirectory(path);
  expect(opened.abandoned).toBe(true);
  expect(existsSync(join(path, 'endpoints.json'))).toBe(false);
});

test('after an orderly close the next run does not wait for anybody', async () => {
  const first = await openDataDirectory(path);
  await first.close();
  await using second = await openDataDirectory(path);
  expect(second.abandoned).toBe(false);
});

test('of many that start at once, one gets the data directory', async () => {
  const starters = Array.from({ length: 6 }, () => runScript(holding(path)));
  const said = await Promise.all(starters.map((starter) => starter.untilSays(/<(.*)>/)));
  const outcomes = said.map(([, text]) => text);
  expect(outcomes.filter((text) => text === 'opened')).toHaveLength(1);
  expect(outcomes.filter((text) => text?.includes('is in use by'))).toHaveLength(5);
  for (const starter of starters) starter.kill();
  await Promise.all(starters.map(({ exited }) => exited));
});

test('a file in place of the data directory is reported in one sentence', async () => {
  writeFileSync(path, 'not a directory');
  await expect(openDataDirectory(path)).rejects.toThrow(
    `cannot use the data directory: ${path} is not a directory; move that file away, or choose another --data-dir`,
  );
  await expect(openDataDirectory(join(path, 'below'))).rejects.toThrow('is not a directory');
});

test('a data directory an ordinary user may not write to is reported in one sentence', async () => {
  chmodSync(folder, 0o755);
  mkdirSync(path);
  chmodSync(path, 0o555);
  const script = runScript(opening(path));
  expect(await script.exited).toBe(0);
  expect(script.output()).toMatch(
    /^<cannot use the data directory: user \d+ may not write to \S+; give it the right, or choose another --data-dir>$/,
  );
});

test.each([
  ['a read-only file system', ''],
  ['a folder below a read-only file system', '/below/data'],
])('%s is refused in one sentence', async (_what, below) => {
  mkdirSync(path);
  const folder = `${path}${below}`;
  const script = runScript(`${holding(folder)} process.exit();`, {
    wrapper: [...withSmallDisk(path, '1m'), '/bin/sh', '-c', 'mount -o remount,ro "$0" && exec "$@"', path],
  });
  await script.exited;
  expect(script.output()).toBe(
    `<cannot use the data directory: ${folder} is on a read-only file system; mount it to be written to, or choose another --data-dir>`,
  );
});

test('a full disk is reported in one sentence', async () => {
  mkdirSync(path);
  const fill = 'dd if=/dev/zero of="$0/filler" bs=4k 2>/dev/null; exec "$@"';
  const script = runScript(`${holding(path)} process.exit();`, {
    wrapper: [...withSmallDisk(path, '64k'), '/bin/sh', '-c', fill, path],
  });
  await script.exited;
  expect(script.output()).toBe(
    `<cannot use the data directory: the disk that holds ${path} is full; free some space, or choose another --data-dir>`,
  );
});
