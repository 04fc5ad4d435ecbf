import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { DAY_MS } from '../../domain/time.ts';

/** Folders of readers. Each question makes and removes one of its own in it, which renews its time. */
export const SPILL_PREFIX = 'spill-';
/** Those of questions stood beside them in versions before. */
const LEFTOVER = /^(?:question|spill)-/;
const LEFTOVER_MS = DAY_MS;

/**
 * Removes what processes that were killed have left. Whoever calls it has just made `own`, so its time is now by the
 * clock of the file system: ours may be another one, and would take a folder in use for a day old.
 */
export async function removeLeftovers(parent: string, own: string): Promise<void> {
  const { mtimeMs: nowMs } = await stat(own);
  for (const name of await readdir(parent)) {
    if (!LEFTOVER.test(name)) continue;
    const path = join(parent, name);
    // Its owner, or another process that starts at the same time, may have removed it.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && nowMs - found.mtimeMs > LEFTOVER_MS)
      await rm(path, { recursive: true, force: true });
  }
}
