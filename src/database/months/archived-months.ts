import type pg from 'pg';

/** A month of one table of which rows are in the archive and nowhere else. */
export interface ArchivedMonth {
  /** First day of it. */
  readonly month: string;
  /** The manifest whose parts hold them. */
  readonly manifest: string;
  /** SHA-256 of its bytes in hexadecimal, where the database has it. */
  readonly manifestSha256: string | null;
  /**
   * Whether the month was dropped and re-opened: the database has rows of it too, and one of those may be a fragment of
   * a record in the archive.
   */
  readonly isReopened: boolean;
}

/**
 * What is attached is answered by the database, whatever state its month has: being archived, or archived and not yet
 * detached. What a drop has settled is nowhere but in the archive, also when late rows have re-opened the month. A month
 * that was restored has all its rows.
 */
const SELECT_ARCHIVED_MONTHS = `
  select wanted.table_name, partition.month::text as month, parts.is_attached as "isReopened",
    case when parts.is_attached then partition.settled_manifest else partition.manifest end as manifest,
    case when parts.is_attached then null else encode(partition.manifest_sha256, 'hex') end as "manifestSha256"
  from audit_partition as partition
  cross join unnest($1::text[]) as wanted (table_name)
  cross join lateral (
    select exists (
      select
      from pg_inherits as inherits
      join pg_class as child on child.oid = inherits.inhrelid
      where inherits.inhparent = ('public.' || wanted.table_name)::regclass
        and not inherits.inhdetachpending
        and child.relname = wanted.table_name || to_char(partition.month, '_YYYY_MM')
    ) as is_attached
  ) as parts
  where partition.manifest is not null
    and partition.state <> 'expired'
    and (not parts.is_attached or partition.settled_manifest is not null and partition.state <> 'restored')
  order by partition.month`;

/** By table, oldest month first. Within a snapshot this agrees with what the tables themselves show. */
export async function selectArchivedMonths(
  client: pg.Pool | pg.ClientBase,
  tables: readonly string[],
): Promise<ReadonlyMap<string, readonly ArchivedMonth[]>> {
  const { rows } = await client.query<ArchivedMonth & { table_name: string }>({
    name: 'select-archived-months',
    text: SELECT_ARCHIVED_MONTHS,
    values: [tables],
  });
  const byTable = new Map<string, readonly ArchivedMonth[]>(tables.map((table) => [table, []]));
  for (const [table, found] of Map.groupBy(rows, (row) => row.table_name))
    byTable.set(table, found.map(monthOf));
  return byTable;
}

function monthOf({ month, manifest, manifestSha256, isReopened }: ArchivedMonth): ArchivedMonth {
  return { month, manifest, manifestSha256, isReopened };
}
