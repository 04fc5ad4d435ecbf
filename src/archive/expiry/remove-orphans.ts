import type pg from 'pg';

import { withMaintenanceClient } from '../../database/maintenance.ts';
import { isSettled, tryLockObjects } from '../../database/months/table-locks.ts';
import { DAY_MS } from '../../domain/time.ts';
import type { ArchiveContext } from '../archive-context.ts';
import { ManifestError } from '../manifest/manifest.ts';
import { readChain } from '../manifest/verify-archive.ts';
import { listObjects, monthOfObject, orphansAmong } from '../store/archive-objects.ts';

/** Younger ones may belong to an export of another database into the same store, whose manifest is still to come. */
export const ORPHAN_DAYS = 7;

/**
 * Removes what exports that were broken off have left in the store: old enough, of a month that is in the archive only,
 * touched by no hold, held by no lock, and named by no manifest of a chain without a gap. Where archives have no end
 * nothing is removed: then the service needs no right to do so. `onRemoved` is called for each; answers how many there were.
 */
export async function removeOrphans(
  context: ArchiveContext,
  onRemoved: (key: string) => void,
): Promise<number> {
  const { ownerUrl: connectionString, lockTimeoutMs, rules } = context;
  if ((rules.archiveDays ?? 0) === 0) return 0;
  const orphans = await findOrphans(context);
  const months = new Set(orphans.map(monthOfObject));
  if (months.size === 0) return 0;
  return withMaintenanceClient({ connectionString, lockTimeoutMs }, async (client) => {
    let count = 0;
    for (const month of months)
      for (const key of await removable(context, client, month)) {
        // QueryOptions before each of them: a hold or a record may have come, or the session, and with it the lock, gone.
        if (!(await isSettled(client, month))) break;
        await context.store.remove(key);
        onRemoved(key);
        count += 1;
      }
    return count;
  });
}

/** From here to the end of the session nothing is exported into the month. */
async function removable(
  context: ArchiveContext,
  client: pg.ClientBase,
  month: string,
): Promise<readonly string[]> {
  const { store, nowMs = Date.now } = context;
  if (!(await tryLockObjects(client, month, 'exclusive')) || !(await isSettled(client, month))) return [];
  const keys: string[] = [];
  // Once more: an export may have found one of them there, and named it.
  for (const key of await findOrphans(context, month)) {
    const ageMs = nowMs() - (await store.storedAtMs(key));
    if (ageMs >= ORPHAN_DAYS * DAY_MS && (await store.heldBy(key)) === undefined) keys.push(key);
  }
  return keys;
}

async function findOrphans({ store, trusted }: ArchiveContext, month?: string): Promise<readonly string[]> {
  // Listed before the chain is read, as in `verifyArchive`.
  const objects = await listObjects(store, month);
  const { manifests, faults } = await readChain(store, trusted);
  const [fault] = faults;
  // What is missing or cannot be trusted may name any of them.
  if (fault !== undefined) throw new ManifestError(fault.key, fault.reason);
  return orphansAmong(objects, manifests);
}
