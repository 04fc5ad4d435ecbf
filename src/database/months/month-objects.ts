import type pg from 'pg';

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
