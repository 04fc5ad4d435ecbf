import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Linux keeps it in memory. */
const MEMORY = '/dev/shm';
/** Far more than the tests ever have there at once: a server whose disk is full fails all of them. */
const ROOM_BYTES = 8 * 1024 ** 3;

/**
 * For the data of servers that go with the run, and that no test looks at as files: in memory where there is room. PostgreSQL makes and removes a
 * thousand files for each database, which on a disk costs a fifth of the processor time of the tests.
 */
export async function createMemoryFolder(prefix: string): Promise<string> {
  return mkdtemp(join((await hasRoom()) ? MEMORY : tmpdir(), prefix));
}

async function hasRoom(): Promise<boolean> {
  // Other systems have no such folder, and containers often a small one.
  const { bavail, bsize } = await statfs(MEMORY).catch(() => ({ bavail: 0, bsize: 0 }));
  return bavail * bsize >= ROOM_BYTES;
}
