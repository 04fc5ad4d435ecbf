import type pg from 'pg';

import type { Hold } from '../holds/holds.ts';
import { quoteIdentifier } from '../sql.ts';
import type { DueTerms } from './due-step.ts';
import { StepNotDueError } from './due-step.ts';
import { partitionsOf } from './month-detach.ts';
import { changeMonth, requireAllDetached, underMonthLock } from './month-states.ts';
import { planMonth } from './retention-plan.ts';
import { namingLockHolders } from './table-locks.ts';

/** Dropped, or why not: the holds that match, or the consent that is missing. Nothing was changed then. */
export type DropOutcome =
  | { readonly dropped: true }
  | { readonly dropped: false; readonly holds: readonly Hold[] }
  | { readonly dropped: false; readonly holds: readonly []; readonly unapproved: true };

/**
 * Drops the detached tables of a month, all or none, if the plan of this moment says so. Holds cannot be created meanwhile: one
 * that was created before this wins, one that comes after it finds the archive.
 */
export async function dropMonth(client: pg.ClientBase, month: string, terms: DueTerms): Promise<DropOutcome> {
  const change = {
    operation: `drop month ${month.slice(0, 7)}`,
    relations: async () => [
      ...(await partitionsOf(client, month)).map(({ relation }) => relation),
      'audit_hold',
    ],
    against: 'use',
  } as const;
  return namingLockHolders(client, change, () =>
    underMonthLock(client, month, () => dropIfDue(client, month, terms)),
  );
}

async function dropIfDue(client: pg.ClientBase, month: string, terms: DueTerms): Promise<DropOutcome> {
  // Whoever places a hold waits for the end of this transaction; reading the holds is not hindered.
  await client.query('lock table audit_hold in share mode');
  const partitions = await requireAllDetached(client, month, 'detached');
  const decision = await planMonth(client, month, terms);
  if (decision?.action === 'reattach') return { dropped: false, holds: decision.holds };
  if (decision?.action === 'awaits-approval') return { dropped: false, holds: [], unapproved: true };
  if (decision?.action !== 'drop') throw new StepNotDueError(month, 'drop', decision);
  const tables = partitions.map(({ relation }) => quoteIdentifier(relation)).join(', ');
  await changeMonth(client, month, 'drop');
  await client.query(`drop table ${tables}`);
  return { dropped: true };
}
