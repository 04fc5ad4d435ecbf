import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { fileAgeMs } from '../process/file-age.ts';

/**
 * A lock between processes, as numbered files in a folder: `1`, `2`, … The highest number counts.
 *
 * - held: the file names a process; it is alive and refreshes the file's time.
 * - free: the holder wrote `free` into it, or the holder is dead.
 *
 * Whoever finds the highest free creates the next number, which only one can. Nothing is ever taken away from a file
 * another may have just created, so two waiters that see the same dead holder cannot both get in.
 */
interface LockOptions {
  folder: string;
  /** What the holder is doing, for those who wait. */
  purpose: string;
  deadlineMs: number;
  /** Gives the waiting up. */
  signal?: AbortSignal | undefined;
  /** Called once per holder. */
  onWait: (holder: LockHolder) => void;
}

export interface LockHolder {
  pid: number;
  host: string;
  purpose: string;
}

const FREE = 'free';
const POLL_MS = 200;
const REFRESH_MS = 10_000;
/** A holder that was silent for so long is gone: killed on another host, or its process id was given to another. */
const SILENCE_MS = 120_000;

export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  const path = await acquire(options);
  const refresh = setInterval(() => {
    // Failing leaves the old time: at worst another process does the same work beside us, into its own folder.
    rewrite(path).catch(() => undefined);
  }, REFRESH_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    await replace(path, FREE);
  }
}

async function acquire(options: LockOptions): Promise<string> {
  const { folder, purpose, deadlineMs, signal, onWait } = options;
  await mkdir(folder, { recursive: true });
  const deadline = performance.now() + deadlineMs;
  let announced = '';
  for (;;) {
    const last = await highest(folder);
    const holder = last === 0 ? undefined : await liveHolder(join(folder, String(last)));
    if (holder === undefined) {
      const taken = await take(folder, last + 1, { pid: process.pid, host: hostname(), purpose });
      if (taken) return join(folder, String(last + 1));
      continue;
    }
    const who = `process ${holder.pid} on ${holder.host}`;
    if (performance.now() > deadline) {
      throw new Error(
        `waited ${Math.round(deadlineMs / 60_000)} min for ${who}, which is busy with ${holder.purpose}; ` +
          `end that process and try again`,
      );
    }
    if (announced !== `${who} ${holder.purpose}`) onWait(holder);
    announced = `${who} ${holder.purpose}`;
    await delay(POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}

/** Creates the number with its content in one step. False when somebody else has this number or a higher one. */
async function take(folder: string, number: number, holder: LockHolder): Promise<boolean> {
  const path = join(folder, String(number));
  const draft = join(folder, `draft-${randomUUID()}`);
  await writeFile(draft, JSON.stringify(holder));
  try {
    await link(draft, path);
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const numbers = await numbersIn(folder);
  if (numbers.some((other) => other > number)) {
    // We slept since we looked: others took, gave back and cleared this number meanwhile.
    await rm(path, { force: true });
    return false;
  }
  for (const older of numbers.filter((other) => other < number)) {
    await rm(join(folder, String(older)), { force: true });
  }
  return true;
}

async function liveHolder(path: string): Promise<LockHolder | undefined> {
  try {
    const content = await readFile(path, 'utf8');
    if (content === FREE) return undefined;
    const holder = JSON.parse(content) as LockHolder;
    if ((await fileAgeMs(path)) > SILENCE_MS) return undefined;
    return holder.host !== hostname() || isAlive(holder.pid) ? holder : undefined;
  } catch (error: unknown) {
    // Cleared between the listing and the reading: a higher number exists, the next listing finds it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error: unknown) {
    // EPERM: it lives, as another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.filter((name) => /^\d+$/.test(name)).map(Number);
}

async function highest(folder: string): Promise<number> {
  return Math.max(0, ...(await numbersIn(folder)));
}

/** The same content again, in place: so the file system gives it the time, as it does for those who ask how old it is. */
async function rewrite(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(await file.readFile(), 0, null, 0);
  } finally {
    await file.close();
  }
}

async function replace(path: string, content: string): Promise<void> {
  const draft = `${path}.draft-${randomUUID()}`;
  await writeFile(draft, content);
  await rename(draft, path);
}
