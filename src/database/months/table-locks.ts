import type pg from 'pg';

import { SQLSTATE, sqlStateOf } from '../sqlstate.ts';

/** A table could not be changed because somebody else uses it. The step is tried again. */
export class TableLockedError extends Error {
  /** Sessions that held a lock when the wait was over. */
  readonly holders: readonly string[];

  constructor(operation: string, holders: readonly string[], cause: unknown) {
    super(
      holders.length === 0
        ? `cannot ${operation}: the lock was held by a session that is gone by now; try again`
        : `cannot ${operation}: the lock is held by ${holders.join('; ')}; ` +
            'wait until it ends, or end it with pg_terminate_backend(pid)',
      { cause },
    );
    this.name = 'TableLockedError';
    this.holders = holders;
  }
}

export interface TableChange {
  /** What cannot be done, for a person: `drop month 2026-01`. */
  readonly operation: string;
  /** The tables that are changed. Asked for only when a lock was not free. */
  readonly relations: () => Promise<readonly string[]>;
  /** Whether sessions that only read or write rows are in the way, or only those that change a table too. */
  readonly against: 'use' | 'change';
}

/** Runs `work`; a lock that it waited for in vain becomes an error with the sessions that hold it. */
export async function namingLockHolders<T>(
  client: pg.Pool | pg.ClientBase,
  { operation, relations, against }: TableChange,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error: unknown) {
    if (sqlStateOf(error) !== SQLSTATE.lock_not_available) throw error;
    throw new TableLockedError(operation, await lockHolders(client, await relations(), against), error);
  }
}

/** What stands in the way of SHARE UPDATE EXCLUSIVE, which ATTACH takes on the parent: no reader and no writer of rows. */
const CHANGING_MODES = [
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];

async function lockHolders(
  client: pg.Pool | pg.ClientBase,
  relations: readonly string[],
  against: TableChange['against'],
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
        and (not $2::boolean or lock.mode = any($3::text[]))
        and activity.pid <> pg_backend_pid()
      order by 1`,
    values: [relations, against === 'change', CHANGING_MODES],
  });
  return rows.map(({ holder }) => holder);
}

/**
 * Of what a month has in the object store: many may add to it at once (`shared`), and while one takes from it nobody adds.
 * Held for the session. False when somebody is in the way.
 */
export async function tryLockObjects(
  client: pg.ClientBase,
  month: string,
  mode: 'shared' | 'exclusive',
): Promise<boolean> {
  const lock = mode === 'shared' ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock';
  const { rows } = await client.query<{ locked: boolean }>({
    text: `select ${lock}(hashtext('audit_month_objects'), ($1::date - date '2000-01-01')) as locked`,
    values: [month],
  });
  return rows[0]?.locked === true;
}

/** Whether the month is in the archive only, and no hold touches it, as far as that is known, or may touch it. */
export async function isSettled(client: pg.ClientBase, month: string): Promise<boolean> {
  const { rowCount } = await client.query({
    text: `
      select
      from audit_partition as partition
      where partition.month = $1::date
        and (partition.state = 'dropped' or (partition.state = 'expired' and partition.expired_at is not null))
        and not exists (
          select
          from audit_hold as hold
          left join audit_hold_archive as known on known.hold_id = hold.id and known.month = partition.month
          where hold.released_at is null
            and coalesce(hold.from_time < (partition.month + interval '1 month') at time zone 'UTC', true)
            and coalesce(hold.to_time > partition.month::timestamp at time zone 'UTC', true)
            and (known.state is distinct from 'unmatched' or known.manifest is distinct from partition.manifest)
        )`,
    values: [month],
  });
  return rowCount === 1;
}
