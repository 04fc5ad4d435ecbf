import { access, constants, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { reasonOf } from '../../src/domain/errors.ts';
import { removeEndpoints } from './endpoints.ts';

/** The folder of `--data-dir`, held exclusively until closed or until this process ends, however it ends. */
export interface DataDirectory extends AsyncDisposable {
  readonly path: string;
  readonly postgres: string;
  readonly temporal: string;
  readonly sandbox: string;
  /** The run before this one was killed: its servers may still be on their way out. */
  readonly abandoned: boolean;
  close(): Promise<void>;
}

export class DataDirectoryInUse extends Error {
  readonly pid: number | undefined;
  constructor(path: string, pid: number | undefined) {
    const holder = pid === undefined ? 'another process' : `process ${pid}`;
    super(`the data directory ${path} is in use by ${holder}; stop that one, or choose another --data-dir`);
    this.name = 'DataDirectoryInUse';
    this.pid = pid;
  }
}

export class UnusableDataDirectory extends Error {
  readonly path: string;
  constructor(path: string, message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'UnusableDataDirectory';
    this.path = path;
  }
}

const OWNER_ONLY_DIRECTORY = 0o700;
/** Started by root, PostgreSQL runs as another user, who must get to its folder and need not see what is beside it. */
const PASSABLE_DIRECTORY = 0o711;
const LOCK_FILE = 'lock';
const PID_FILE = 'pid';
const SQLITE_BUSY = 5;
/** A database nobody refers to is closed by the garbage collector, and its lock with it. */
const heldLocks = new Set<DatabaseSync>();

export async function openDataDirectory(wanted: string): Promise<DataDirectory> {
  const path = resolve(wanted);
  const layout = {
    postgres: join(path, 'postgres'),
    temporal: join(path, 'temporal'),
    sandbox: join(path, 'sandbox'),
  };
  const pidFile = join(path, PID_FILE);
  const draft = `${pidFile}.${process.pid}`;
  try {
    await mkdir(path, {
      recursive: true,
      mode: process.getuid?.() === 0 ? PASSABLE_DIRECTORY : OWNER_ONLY_DIRECTORY,
    });
    // Before the lock, because only here the error code says that a disk is full or read-only.
    await writeFile(draft, `${process.pid}\n`);
  } catch (error: unknown) {
    // Report why it could not be written, not why it cannot be removed.
    await rm(draft, { force: true }).catch(() => undefined);
    throw explainFileError(await causeOf(error, path), 'use the data directory', path);
  }
  const unlock = await lockOrRefuse(path, draft);
  try {
    const abandoned = await exists(pidFile);
    await rename(draft, pidFile);
    // A killed run leaves its endpoints behind; no script may take them for ours.
    await removeEndpoints(path);
    for (const folder of [layout.temporal, layout.sandbox]) {
      await mkdir(folder, { recursive: true, mode: OWNER_ONLY_DIRECTORY });
    }
    // Entered by the user PostgreSQL runs as; the cluster in it is closed to others.
    await mkdir(layout.postgres, { recursive: true });
    const close = async (): Promise<void> => {
      await rm(pidFile, { force: true });
      unlock();
    };
    return { path, ...layout, abandoned, close, [Symbol.asyncDispose]: close };
  } catch (error: unknown) {
    unlock();
    throw explainFileError(error, 'use the data directory', path);
  }
}

async function lockOrRefuse(path: string, draft: string): Promise<() => void> {
  try {
    return lock(join(path, LOCK_FILE));
  } catch (error: unknown) {
    await rm(draft, { force: true });
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) {
      throw explainFileError(error, 'lock the data directory', path);
    }
    throw new DataDirectoryInUse(path, await readPid(join(path, PID_FILE)));
  }
}

/**
 * An SQLite transaction that is never ended: the one lock Node offers that the kernel drops with the process, so that
 * there are no stale locks to recognise, and that no server we start inherits.
 */
function lock(file: string): () => void {
  const database = new DatabaseSync(file);
  try {
    database.exec('begin exclusive');
  } catch (error: unknown) {
    database.close();
    throw error;
  }
  heldLocks.add(database);
  return () => {
    if (heldLocks.delete(database)) database.close();
  };
}

async function readPid(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return /^\d+$/.test(text.trim()) ? Number(text) : undefined;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const REASONS: Readonly<Record<string, (path: string) => string>> = {
  ENOSPC: (path) => `the disk that holds ${path} is full; free some space`,
  EDQUOT: (path) => `the disk quota for ${path} is used up; free some space`,
  EROFS: (path) => `${path} is on a read-only file system; mount it to be written to`,
  EACCES: (path) => `${currentUser()} may not write to ${path}; give it the right`,
  EPERM: (path) => `${currentUser()} may not write to ${path}; give it the right`,
  EEXIST: (path) => `${path} is not a directory; move that file away`,
  ENOTDIR: (path) => `a part of ${path} is not a directory; move that file away`,
};

/** One sentence for what keeps us from using a folder: what failed, and what to do. */
export function explainFileError(error: unknown, doing: string, path: string): Error {
  if (error instanceof UnusableDataDirectory) return error;
  const reason = REASONS[(error as NodeJS.ErrnoException).code ?? '']?.(path);
  const text = reason ?? `${reasonOf(error)}; make that path usable`;
  return new UnusableDataDirectory(path, `cannot ${doing}: ${text}, or choose another --data-dir`, error);
}

/** Node's recursive mkdir says ENOENT where a folder above may not be written to; that folder itself says why. */
async function causeOf(error: unknown, path: string): Promise<unknown> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  let above = dirname(path);
  while (!(await exists(above))) above = dirname(above);
  return access(above, constants.W_OK).then(
    () => error,
    (cause: unknown) => cause,
  );
}

function currentUser(): string {
  const uid = process.geteuid?.();
  return uid === undefined ? 'this user' : `user ${uid}`;
}
