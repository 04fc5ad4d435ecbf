import type pg from 'pg';

import { LEDGER_TABLE } from '../../domain/records/service-tables.ts';
import type { Hold } from '../holds/holds.ts';
import { holdsOfMonth } from '../holds/holds.ts';
import { quoteIdentifier } from '../sql.ts';
import { partitionsOf } from './month-detach.ts';
import { changeMonth, requireAllDetached, selectMonth, underMonthLock } from './month-states.ts';
import { namingLockHolders } from './table-locks.ts';

/** Dropped, or why not: the holds that match, or the consent that is missing. Nothing was changed then. */
export type DropOutcome =
  | { readonly dropped: true }
  | { readonly dropped: false; readonly holds: readonly Hold[] }
  | { readonly dropped: false; readonly holds: readonly []; readonly unapproved: true };

/**
 * Drops the detached tables of a month, all or none, unless a hold matches. Holds cannot be created meanwhile: one that
 * was created before this wins, one that comes after it finds the archive.
 */
export async function dropMonth(
  client: pg.ClientBase,
  month: string,
  { requireApproval }: { readonly requireApproval: boolean },
): Promise<DropOutcome> {
  const change = {
    operation: `drop month ${month.slice(0, 7)}`,
    relations: async () => [
      ...(await partitionsOf(client, month)).map(({ relation }) => relation),
      'audit_hold',
    ],
    against: 'use',
  } as const;
  return namingLockHolders(client, change, () =>
    underMonthLock(client, month, () => dropUnlessHeld(client, month, requireApproval)),
  );
}

async function dropUnlessHeld(
  client: pg.ClientBase,
  month: string,
  requireApproval: boolean,
): Promise<DropOutcome> {
  // Whoever places a hold waits for the end of this transaction; reading the holds is not hindered.
  await client.query('lock table audit_hold in share mode');
  const partitions = await requireAllDetached(client, month, 'detached');
  const holds = await holdsOfMonth(
    client,
    month,
    partitions.filter(({ table }) => table !== LEDGER_TABLE),
  );
  if (holds.length > 0) return { dropped: false, holds };
  const row = await selectMonth(client, month);
  if (requireApproval && (row?.approvedBy ?? null) === null)
    return { dropped: false, holds: [], unapproved: true };
  const tables = partitions.map(({ relation }) => quoteIdentifier(relation)).join(', ');
  await changeMonth(client, month, 'drop');
  await client.query(`drop table ${tables}`);
  return { dropped: true };
}
