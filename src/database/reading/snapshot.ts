import type pg from 'pg';

import { inTransaction } from '../pool.ts';
import { quoteIdentifier } from '../sql.ts';

/**
 * Runs `work` on one moment of the database, in which the months of these tables stay where they are. The locks come
 * before the snapshot: a month whose detach began after it is still read, and one whose detach began before it shows as
 * detached. It must be short: the second half of a detach waits for it.
 */
export function inSnapshot<T>(
  pool: pg.Pool,
  tables: readonly string[],
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return inTransaction(pool, async (client) => {
    await client.query(lockedMoment(tables));
    return work(client);
  });
}

/** The same on a connection that has more to do. */
export async function inSnapshotOf<T>(
  client: pg.ClientBase,
  tables: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  await client.query(`begin; ${lockedMoment(tables)}`);
  const result = await work().catch(async (error: unknown) => {
    // A connection that is gone has rolled back by itself; the first error says more.
    await client.query('rollback').catch(() => undefined);
    throw error;
  });
  await client.query('commit');
  return result;
}

function lockedMoment(tables: readonly string[]): string {
  const names = tables.map((table) => `only public.${quoteIdentifier(table)}`).join(', ');
  return `set transaction isolation level repeatable read read only; lock table ${names} in access share mode`;
}
