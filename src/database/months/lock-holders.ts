import type pg from 'pg';

/** Sessions that hold a lock on one of the relations, as a person at a terminal wants to know them. */
export async function lockHolders(
  client: pg.Pool | pg.ClientBase,
  relations: readonly string[],
): Promise<string[]> {
  const { rows } = await client.query<{ holder: string }>({
    text: `
      select distinct format('%s (pid %s, %s, %s on %s since %s)', coalesce(nullif(activity.application_name, ''), 'a session'),
        activity.pid, activity.usename, lock.mode, lock.relation::regclass, to_char(activity.xact_start, 'HH24:MI:SS')) as holder
      from pg_locks as lock
      join pg_stat_activity as activity on activity.pid = lock.pid
      where lock.granted
        and lock.database = (select oid from pg_database where datname = current_database())
        and lock.relation = any(
          select to_regclass(wanted.relation)::oid from unnest($1::text[]) as wanted (relation))
        and activity.pid <> pg_backend_pid()
      order by 1`,
    values: [relations],
  });
  return rows.map(({ holder }) => holder);
}

/** `the lock is held by …`, also when they are gone by now. */
export function describeHolders(holders: readonly string[]): string {
  return holders.length === 0 ? 'somebody who is gone by now' : holders.join('; ');
}
