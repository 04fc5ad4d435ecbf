import type pg from 'pg';

import type { HoldInArchive } from './holds.ts';

/** A hold and an archived month of its time, not examined since the month got this manifest. */
export interface UnexaminedMonth {
  readonly holdId: string;
  readonly month: string;
  readonly manifest: string;
}

/** `unmatched`: the month was examined, and the hold matches none of its rows. */
type HoldArchiveState = HoldInArchive['state'] | 'unmatched';

/** A store that knew no legal holds is tried again after this time: somebody may have switched object lock on. */
const UNSUPPORTED_RETRY = '1 day';

const SELECT_UNEXAMINED = `
  select hold.id as "holdId", partition.month::text as month, partition.manifest
  from audit_hold as hold
  join audit_partition as partition on partition.manifest is not null
    and coalesce(hold.from_time < (partition.month + interval '1 month') at time zone 'UTC', true)
    and coalesce(hold.to_time > partition.month::timestamp at time zone 'UTC', true)
  left join audit_hold_archive as known on known.hold_id = hold.id and known.month = partition.month
  where hold.released_at is null
    and partition.state <> 'expired'
    and (known.manifest is distinct from partition.manifest
      or (known.state = 'unsupported' and known.changed_at < clock_timestamp() - interval '${UNSUPPORTED_RETRY}'))
  order by partition.month, hold.placed_at`;

/** By month, oldest first. */
export async function selectUnexamined(client: pg.ClientBase): Promise<readonly UnexaminedMonth[]> {
  return (await client.query<UnexaminedMonth>(SELECT_UNEXAMINED)).rows;
}

/** Months that a released hold still holds in the store, and whether another hold does so too. */
export async function selectReleasable(
  client: pg.ClientBase,
): Promise<readonly { readonly month: string; readonly heldByOthers: boolean }[]> {
  const { rows } = await client.query<{ month: string; heldByOthers: boolean }>(`
    select known.month::text as month, bool_or(hold.released_at is null) as "heldByOthers"
    from audit_hold_archive as known
    join audit_hold as hold on hold.id = known.hold_id
    where known.state = 'held'
    group by known.month
    having bool_or(hold.released_at is not null)
    order by known.month`);
  return rows;
}

/** What was found of some holds and one archived month. It counts until the month gets another manifest. */
interface HoldArchive {
  readonly holdIds: readonly string[];
  readonly month: string;
  readonly state: HoldArchiveState;
  /** Null while the month has none. */
  readonly manifest: string | null;
  readonly objects: number;
}

/** Safe to repeat: the newest finding replaces the one before. */
export async function saveHoldArchive(client: pg.ClientBase, known: HoldArchive): Promise<void> {
  await client.query({
    text: `
      insert into audit_hold_archive (hold_id, month, state, manifest, objects, changed_at)
      select hold_id, $2::date, $3::text, $4::text, $5::integer, clock_timestamp()
      from unnest($1::uuid[]) as wanted (hold_id)
      on conflict (hold_id, month) do update
      set state = excluded.state, manifest = excluded.manifest, objects = excluded.objects, changed_at = excluded.changed_at`,
    values: [known.holdIds, known.month, known.state, known.manifest, known.objects],
  });
}

/** From here on no released hold holds the month in the store. */
export async function markReleased(client: pg.ClientBase, month: string): Promise<void> {
  await client.query({
    text: `
      update audit_hold_archive as known
      set state = 'released', changed_at = clock_timestamp()
      from audit_hold as hold
      where hold.id = known.hold_id
        and known.month = $1::date
        and known.state = 'held'
        and hold.released_at is not null`,
    values: [month],
  });
}

/** How many holds of months are in which state; `pending`: the store does not know of them yet. */
export async function countHoldArchives(
  client: pg.ClientBase,
): Promise<Readonly<Record<'held' | 'unsupported' | 'pending', number>>> {
  const { rows } = await client.query<{ held: string; unsupported: string; pending: string }>(`
    with unexamined as (${SELECT_UNEXAMINED})
    select count(*) filter (where known.state = 'held' and hold.released_at is null) as held,
      count(*) filter (where known.state = 'unsupported' and hold.released_at is null) as unsupported,
      count(*) filter (where known.state = 'held' and hold.released_at is not null)
        + (select count(*) from unexamined) as pending
    from audit_hold_archive as known
    join audit_hold as hold on hold.id = known.hold_id`);
  const [counted] = rows;
  return {
    held: Number(counted?.held ?? 0),
    unsupported: Number(counted?.unsupported ?? 0),
    pending: Number(counted?.pending ?? 0),
  };
}

/** Held for a session: of several processes one applies the holds, so that none releases what another one sets. */
const RECONCILER_LOCK = "hashtext('audit_hold_archive')";

/** False when another session has the lock; this one then has nothing to do. */
export async function tryKeepHolds(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    `select pg_try_advisory_lock(${RECONCILER_LOCK}) as locked`,
  );
  return rows[0]?.locked === true;
}

/** Throws when the session, and with it the lock, is gone. */
export async function requireKeeping(client: pg.ClientBase): Promise<void> {
  await client.query('select 1');
}
