import type pg from 'pg';

import type { PreparedObservation } from './prepared-observation.ts';
import { instantFromSql } from './sql.ts';

const SELECT_HOMES = `
  select id, created_at
  from record_home
  where id = any($1::uuid[])`;

const INSERT_HOMES = `
  insert into record_home (id, table_name, created_at)
  select id, table_name, created_at
  from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as wanted (id, table_name, created_at)
  order by id
  on conflict (id) do nothing
  returning id`;

interface HomeRow {
  id: string;
  created_at: string;
}

/**
 * The home of each record: what its first acceptance decided, or, for a record never seen, the time its earliest
 * observation here carries. Of two transactions that bring a new record at once, the second waits in the insert for
 * the first and then reads what that one decided.
 */
export async function settleHomes(
  client: pg.ClientBase,
  prepared: readonly PreparedObservation[],
): Promise<ReadonlyMap<string, string>> {
  const homes = new Map<string, string>();
  const remember = (rows: readonly HomeRow[]): void => {
    for (const row of rows) homes.set(row.id, instantFromSql(row.created_at));
  };
  remember(await selectHomes(client, [...new Set(prepared.map(({ id }) => id))]));

  const wanted = wantedHomes(prepared.filter(({ id }) => !homes.has(id)));
  if (wanted.length === 0) return homes;
  const inserted = await client.query<{ id: string }>({
    name: 'insert-homes',
    text: INSERT_HOMES,
    values: [
      wanted.map(({ id }) => id),
      wanted.map(({ observation }) => observation.table),
      wanted.map(({ observation }) => observation.createdAt),
    ],
  });
  const made = new Set(inserted.rows.map(({ id }) => id));
  for (const { id, observation } of wanted) if (made.has(id)) homes.set(id, observation.createdAt);

  const decidedByOthers = wanted.map(({ id }) => id).filter((id) => !homes.has(id));
  if (decidedByOthers.length > 0) remember(await selectHomes(client, decidedByOthers));
  return homes;
}

async function selectHomes(client: pg.ClientBase, ids: readonly string[]): Promise<HomeRow[]> {
  const { rows } = await client.query<HomeRow>({ name: 'select-homes', text: SELECT_HOMES, values: [ids] });
  return rows;
}

/** One candidate per record: the observation with the earliest time, whatever order they came in. */
function wantedHomes(unknown: readonly PreparedObservation[]): PreparedObservation[] {
  const earliest = new Map<string, PreparedObservation>();
  for (const candidate of unknown) {
    const known = earliest.get(candidate.id);
    if (known === undefined || candidate.observation.createdAt < known.observation.createdAt) {
      earliest.set(candidate.id, candidate);
    }
  }
  return [...earliest.values()];
}
