import type pg from 'pg';

import type { RemediationAddress } from './remediation-reader.ts';

/*
 * Whether something was recorded, without a trigger, an index or a notification on the way of those who write (ADR 62).
 *
 * The sequence of the ledger says that somebody writes, also before the commit; the transactions that run at that moment say
 * whose commit is still to come. The entries of one remediation are counted by the index that they have anyway.
 */

/** One moment of the database. Two that are equal, with the same transactions under way, have the same ledger. */
export interface ChangeMoment {
  /** The last number that was given to an entry, whether it is committed or not. */
  readonly position: string;
  /** Digest of what the watchers reported. */
  readonly reports: string;
  /** Transactions that had begun to write and had not ended, after the position was read. */
  readonly running: readonly string[];
}

/**
 * A new sequence has the number already that it gives first. Two statements: the second one has a snapshot that was taken after
 * the position was read.
 */
const SELECT_MOMENT = `
  select (case when ledger.is_called then ledger.last_value else 0 end)::text as position,
    (select md5(coalesce(string_agg(watched.cluster || watched.report, '' order by watched.cluster), ''))
      from audit_watched_clusters('') as watched) as reports
  from audit_ledger_seq as ledger;
  select pg_snapshot_xip(pg_current_snapshot())::text as running`;

export async function selectChangeMoment(pool: pg.Pool): Promise<ChangeMoment> {
  // The types know of one result only.
  const results = (await pool.query(SELECT_MOMENT)) as unknown as readonly [
    pg.QueryResult<Pick<ChangeMoment, 'position' | 'reports'>>,
    pg.QueryResult<{ running: string }>,
  ];
  const [moments, running] = results;
  const [moment] = moments.rows;
  if (moment === undefined) throw new Error('the sequence audit_ledger_seq has no row');
  return { ...moment, running: running.rows.map((row) => row.running) };
}

/**
 * How much is recorded of the remediations of that name: the rows, the entries and the newest of these. Counted for each by
 * itself, by the index of its uid: as a join, the planner reads the whole ledger.
 */
const SELECT_EXTENTS = `
  select extent.recorded
  from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted (cluster, namespace, name, place)
  cross join lateral (
    select concat_ws('.', count(*), coalesce(sum(ledger.entries), 0), coalesce(max(ledger.newest), 0)) as recorded
    from remediation_audit as remediation
    cross join lateral (
      select count(*) as entries, max(entry.seq) as newest
      from audit_ledger as entry
      where entry.remediation_uid = remediation.remediation_uid
    ) as ledger
    where remediation.remediation_id = wanted.name
      and remediation.cluster = wanted.cluster
      and remediation.namespace = wanted.namespace
  ) as extent
  order by wanted.place`;

/** In the order of the addresses. Any change of what is recorded of one changes its text. */
export async function selectExtents(
  pool: pg.Pool,
  addresses: readonly RemediationAddress[],
): Promise<readonly string[]> {
  const { rows } = await pool.query<{ recorded: string }>({
    name: 'select-extents-of-remediations',
    text: SELECT_EXTENTS,
    values: [
      addresses.map(({ cluster }) => cluster),
      addresses.map(({ namespace }) => namespace),
      addresses.map(({ name }) => name),
    ],
  });
  return rows.map(({ recorded }) => recorded);
}
