import type pg from 'pg';

import type { RecordDefinition } from '../../domain/records/definition.ts';
import type { RecordLocation } from '../recording/record-rows.ts';
import { refold } from '../recording/record-rows.ts';
import { quoteIdentifier, quoteLiteral } from '../sql.ts';

/**
 * Tables of a month that is being restored stand beside the partitioned ones under a name of their own: a late record,
 * which makes or attaches the partitions of its month by their names, never finds one that is half filled.
 */
export function stagedRelation(partition: string): string {
  return `restoring_${partition}`;
}

/** An empty table like its parent, instead of what an earlier attempt left. Without indexes: they come last. */
export async function createStaged(client: pg.ClientBase, parent: string, staged: string): Promise<void> {
  await dropStaged(client, staged);
  await client.query(`
    create table ${quoteIdentifier(staged)}
    (like ${quoteIdentifier(parent)} including defaults including constraints including generated including storage)`);
}

export async function dropStaged(client: pg.ClientBase, staged: string): Promise<void> {
  await client.query(`drop table if exists ${quoteIdentifier(staged)}`);
}

/** Which filled, checked and indexed table stands there, by the manifest it was filled from; undefined when none does. */
export async function stagedFrom(client: pg.ClientBase, staged: string): Promise<string | undefined> {
  const { rows } = await client.query<{ source: string | null }>({
    text: "select obj_description(to_regclass($1::text), 'pg_class') as source",
    values: [quoteIdentifier(staged)],
  });
  return rows[0]?.source ?? undefined;
}

/**
 * `definition` is that of the constraint for the primary key, and what follows the table's name for other
 * indexes.
 */
interface ParentIndex {
  is_primary: boolean;
  is_unique: boolean;
  definition: string;
}

/**
 * Makes what ATTACH would otherwise make while it holds its lock: the parent's indexes, and the proof that every row
 * lies within the month. The comment says that it is complete.
 */
export async function finishStaged(
  client: pg.ClientBase,
  parent: string,
  staged: string,
  { range, source }: { readonly range: readonly [from: string, to: string]; readonly source: string },
): Promise<void> {
  const table = quoteIdentifier(staged);
  const { rows } = await client.query<ParentIndex>({
    text: `
      select index.indisprimary as is_primary, index.indisunique as is_unique,
        case when index.indisprimary then pg_get_constraintdef(constr.oid)
          else substring(pg_get_indexdef(index.indexrelid) from ' (USING .*)$') end as definition
      from pg_index as index
      left join pg_constraint as constr on constr.conindid = index.indexrelid and constr.conrelid = index.indrelid
      where index.indrelid = $1::text::regclass`,
    values: [quoteIdentifier(parent)],
  });
  for (const { is_primary, is_unique, definition } of rows) {
    await client.query(
      is_primary
        ? `alter table ${table} add ${definition}`
        : `create ${is_unique ? 'unique ' : ''}index on ${table} ${definition}`,
    );
  }
  const [from, to] = range.map(quoteLiteral);
  await client.query(
    `alter table ${table} add constraint ${quoteIdentifier(rangeCheck(staged))}
     check (created_at is not null and created_at >= ${from ?? ''} and created_at < ${to ?? ''})`,
  );
  await client.query(`analyze ${table}`);
  // Last: a table without the comment was left half made, and is made anew.
  await client.query(`comment on table ${table} is ${quoteLiteral(source)}`);
}

/** Cut, because PostgreSQL would cut a name of more than 63 bytes by itself. */
export function rangeCheck(staged: string): string {
  return `${staged.slice(0, 50)}_range`;
}

/** One of several entries of the same content stays: the one that was written first. */
export async function foldStagedLedger(client: pg.ClientBase, staged: string): Promise<void> {
  const table = quoteIdentifier(staged);
  await client.query(`
    delete from ${table} as entry using (
      select ctid, row_number() over (
        partition by record_id, created_at, source_version, content_hash order by recorded_at, seq) as nth
      from ${table}) as ranked
    where ranked.ctid = entry.ctid and ranked.nth > 1`);
}

/**
 * A record that was archived, and of which something came later, has a row in each part. One stays, and is folded from
 * the ledger of all of them: as if it had never been split.
 */
export async function foldStagedRecords(
  client: pg.ClientBase,
  definition: RecordDefinition,
  relations: { readonly rows: string; readonly ledger: string },
): Promise<void> {
  const table = quoteIdentifier(relations.rows);
  const { rows } = await client.query<{ id: string; created_at: string }>(`
    with ranked as (
      select ctid, id, created_at,
        row_number() over (partition by id, created_at order by source_version desc, updated_at desc) as nth,
        count(*) over (partition by id, created_at) as parts,
        min(recorded_at) over (partition by id, created_at) as recorded_at,
        max(updated_at) over (partition by id, created_at) as updated_at,
        first_value(created_at_source) over (partition by id, created_at order by recorded_at) as created_at_source
      from ${table}
    ), surplus as (
      delete from ${table} as record using ranked
      where ranked.ctid = record.ctid and ranked.nth > 1
    )
    update ${table} as record set
      recorded_at = ranked.recorded_at, updated_at = ranked.updated_at, created_at_source = ranked.created_at_source
    from ranked
    where ranked.ctid = record.ctid and ranked.nth = 1 and ranked.parts > 1
    returning record.id, record.created_at::text as created_at`);
  await foldRecords(
    client,
    definition,
    rows.map(({ id, created_at }) => ({ id, createdAt: created_at })),
    relations,
  );
}

/** Columns, version and number of observations of these records, from their ledger. */
export async function foldRecords(
  client: pg.ClientBase,
  definition: RecordDefinition,
  locations: readonly RecordLocation[],
  relations: { readonly rows: string; readonly ledger: string },
): Promise<void> {
  if (locations.length === 0) return;
  await refold(client, definition, locations, relations);
  await client.query({
    text: `
      update ${quoteIdentifier(relations.rows)} as record set
        source_version = entries.newest, revision = entries.observations
      from (
        select entry.record_id, entry.created_at, max(entry.source_version) as newest, count(*)::integer as observations
        from unnest($1::uuid[], $2::timestamptz[]) as wanted (id, created_at)
        join ${quoteIdentifier(relations.ledger)} as entry
          on entry.record_id = wanted.id and entry.created_at = wanted.created_at
        group by entry.record_id, entry.created_at
      ) as entries
      where record.id = entries.record_id and record.created_at = entries.created_at`,
    values: [locations.map(({ id }) => id), locations.map(({ createdAt }) => createdAt)],
  });
}

/** In a database that never saw these records they get their locations; where it did, they have them. */
export async function insertStagedLocations(
  client: pg.ClientBase,
  table: string,
  staged: string,
): Promise<void> {
  await client.query({
    text: `
      insert into record_home (id, table_name, created_at, is_final)
      select record.id, $1::text, record.created_at, record.created_at_source = 'resource'
      from ${quoteIdentifier(staged)} as record
      where not exists (select from record_home as location where location.id = record.id)
      order by record.id
      on conflict (id) do nothing`,
    values: [table],
  });
}
