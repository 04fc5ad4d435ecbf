import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import { arrayLiteral } from './array-parameter.ts';
import type { PreparedObservation } from './prepared-observation.ts';

const SELECT_LOCATIONS = `
  select id, created_at
  from record_home
  where id = any($1::uuid[])`;

/** Both in one statement, which is one answer less to wait for: most flushes bring a record that is new. */
const SELECT_OR_INSERT_LOCATIONS = `
  with wanted as (
    select id, table_name, created_at
    from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as wanted (id, table_name, created_at)
  ), known as materialized (
    select id, created_at
    from record_home
    where id = any($1::uuid[])
  ), made as (
    insert into record_home (id, table_name, created_at)
    select id, table_name, created_at
    from wanted
    where not exists (select from known where known.id = wanted.id)
    order by id
    on conflict (id) do nothing
    returning id, created_at
  )
  select id, created_at, false as is_new from known
  union all
  select id, created_at, true as is_new from made`;

interface LocationRow {
  id: string;
  created_at: string;
}

interface ResolvedRow extends LocationRow {
  is_new: boolean;
}

interface ResolvedLocations {
  /** By id. */
  readonly createdAt: ReadonlyMap<string, string>;
  /** Whether this transaction made all of them: then no row and no ledger entry of these records exists. */
  readonly areNew: boolean;
}

/**
 * The location of each record, its partition key: what its first acceptance decided, or, for a record never seen, the time its earliest
 * observation here carries. Of two transactions that bring a new record at once, the second waits in the insert for
 * the first and then reads what that one decided.
 */
export async function resolveLocations(
  client: pg.ClientBase,
  prepared: readonly PreparedObservation[],
): Promise<ResolvedLocations> {
  const wanted = earliestOfEach(prepared);
  const { rows } = await client.query<ResolvedRow>({
    name: 'select-or-insert-locations',
    text: SELECT_OR_INSERT_LOCATIONS,
    values: [
      arrayLiteral(wanted.map(({ id }) => id)),
      arrayLiteral(wanted.map(({ observation }) => observation.table)),
      arrayLiteral(wanted.map(({ observation }) => observation.createdAt)),
    ],
  });
  const locations = new Map(rows.map((row) => [row.id, instantFromSql(row.created_at)]));
  if (locations.size === wanted.length)
    return { createdAt: locations, areNew: rows.every((row) => row.is_new) };
  // Another transaction decided these after our statement began, which therefore does not see them; the next
  // one does.
  const decidedMeanwhile = wanted.map(({ id }) => id).filter((id) => !locations.has(id));
  const others = await client.query<LocationRow>({
    name: 'select-locations',
    text: SELECT_LOCATIONS,
    values: [arrayLiteral(decidedMeanwhile)],
  });
  for (const row of others.rows) locations.set(row.id, instantFromSql(row.created_at));
  return { createdAt: locations, areNew: false };
}

/** One candidate per record: the observation with the earliest time, whatever order they came in. */
function earliestOfEach(prepared: readonly PreparedObservation[]): PreparedObservation[] {
  const earliest = new Map<string, PreparedObservation>();
  for (const candidate of prepared) {
    const known = earliest.get(candidate.id);
    if (known === undefined || candidate.observation.createdAt < known.observation.createdAt) {
      earliest.set(candidate.id, candidate);
    }
  }
  return [...earliest.values()];
}

/** created_at of a record of that table; undefined for an id that no such record has. */
export async function selectRecordLocation(
  pool: pg.Pool,
  table: string,
  id: string,
): Promise<string | undefined> {
  const { rows } = await pool.query<LocationRow>({
    name: 'select-location-of-record',
    text: `
      select id, created_at
      from record_home
      where id = $1::uuid
        and table_name = $2::text`,
    values: [id, table],
  });
  return rows[0] === undefined ? undefined : instantFromSql(rows[0].created_at);
}
