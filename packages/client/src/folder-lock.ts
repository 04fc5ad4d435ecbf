import { open, readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';

const LOCK_FILE = 'lock';
/** Of every file of a spool: no rule finds every secret, and what a controller did is nobody else's affair. */
export const OWNER_ONLY = 0o600;

/** Folders that this process holds: its own number in a lock file may also be that of a process before a restart. */
const held = new Set<string>();

/** One client per spool: two would send and delete each other's files. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = resolve(folder, LOCK_FILE);
  if (held.has(path)) throw new Error(`spool ${folder} is used by another client of this process`);
  held.add(path);
  try {
    await takeLock(path, folder);
  } catch (error: unknown) {
    held.delete(path);
    throw error;
  }
  return async () => {
    await rm(path, { force: true });
    held.delete(path);
  };
}

async function takeLock(path: string, folder: string): Promise<void> {
  for (;;) {
    try {
      const file = await open(path, 'wx', OWNER_ONLY);
      await file.writeFile(String(process.pid));
      await file.close();
      return;
    } catch (error: unknown) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (isAlive(owner)) {
      throw new Error(`spool ${folder} is used by process ${owner}; give each process a folder of its own`);
    }
    await rm(path, { force: true });
  }
}

/** In a container every process has the same number after a restart: ours is never another's. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error: unknown) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
