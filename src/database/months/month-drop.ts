import type pg from 'pg';

import type { Hold } from '../holds/holds.ts';
import { holdsOfMonth } from '../holds/holds.ts';
import { quoteIdentifier } from '../sql.ts';
import { SQLSTATE, sqlStateOf } from '../sqlstate.ts';
import { describeHolders, lockHolders } from './lock-holders.ts';
import { partitionsOf } from './month-detach.ts';
import { changeMonth, requireAllDetached, selectMonth, underMonthLock } from './month-states.ts';

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
  try {
    return await underMonthLock(client, month, () => dropUnlessHeld(client, month, requireApproval));
  } catch (error: unknown) {
    if (sqlStateOf(error) !== SQLSTATE.lock_not_available) throw error;
    const relations = (await partitionsOf(client, month)).map(({ relation }) => relation);
    throw new DropBlockedError(month, await lockHolders(client, [...relations, 'audit_hold']), error);
  }
}

async function dropUnlessHeld(
  client: pg.ClientBase,
  month: string,
  requireApproval: boolean,
): Promise<DropOutcome> {
  await client.query('lock table audit_hold in share mode');
  const partitions = await requireAllDetached(client, month, 'detached');
  const holds = await holdsOfMonth(
    client,
    month,
    partitions.filter(({ table }) => table !== 'audit_ledger'),
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

/** Somebody holds a lock on a table that is to be dropped. Tried again. */
export class DropBlockedError extends Error {
  readonly month: string;
  readonly holders: readonly string[];

  constructor(month: string, holders: readonly string[], cause: unknown) {
    super(
      `cannot drop month ${month.slice(0, 7)}: the lock is held by ${describeHolders(holders)}; it is tried again`,
      { cause },
    );
    this.name = 'DropBlockedError';
    this.month = month;
    this.holders = holders;
  }
}
