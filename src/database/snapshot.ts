import type pg from 'pg';

import { inTransaction } from './pool.ts';
import { quoteIdentifier } from './sql.ts';

/**
 * Runs `work` on one moment of the database, in which the months of these tables stay where they are. The locks come
 * before the snapshot: a month whose detach began after it is still read, and one whose detach began before it shows as
 * detached. Keep it short: the second half of a detach waits for it.
 */
export function inSnapshot<T>(
  pool: pg.Pool,
  tables: readonly string[],
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const names = tables.map((table) => `only ${quoteIdentifier(table)}`).join(', ');
  return inTransaction(pool, async (client) => {
    await client.query(`${ONE_MOMENT}; lock table ${names} in access share mode`);
    return work(client);
  });
}

const ONE_MOMENT = 'set transaction isolation level repeatable read read only';
