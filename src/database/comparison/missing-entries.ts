import type pg from 'pg';

import { quoteLiteral } from '../sql.ts';
import type { ComparedMonth, Difference } from './compared-month.ts';

/** Ids in memory at once. */
const PAGE = 1_000;

interface RowsWithoutEntries {
  readonly table: string;
  readonly note: (difference: Difference) => void;
}

/** Rows of which the ledger knows nothing. In the transaction of the comparison. */
export async function selectRowsWithoutEntries(
  client: pg.ClientBase,
  { rows, ledger, within }: ComparedMonth,
  { table, note }: RowsWithoutEntries,
): Promise<void> {
  const relation = rows.get(table)?.relation ?? '';
  await eachId(
    client,
    `select stored.id
    from ${relation} as stored
    where ${within('stored')}
      and not exists (
        select from ${ledger.relation} as entry
        where entry.record_id = stored.id and entry.created_at = stored.created_at
          and entry.table_name = ${quoteLiteral(table)} and ${within('entry')})`,
    ({ id }) => {
      note({ table, id, column: 'id', detail: 'the row has no ledger entries' });
    },
  );
}

/**
 * Locations that lead to no row: the record was removed with all its entries. Not where the month was dropped, and not
 * restored since, and a late record has made it again: then the rows are in the archive, or their time there is over.
 */
export async function selectLocationsWithoutRow(
  client: pg.ClientBase,
  { month, rows, within }: ComparedMonth,
  note: (difference: Difference) => void,
): Promise<void> {
  const dropped = await client.query({
    text: `
      select
      from audit_partition
      where month = $1::date
        and dropped_at is not null
        and (restored_at is null or restored_at < dropped_at)`,
    values: [month],
  });
  if (dropped.rowCount !== 0) return;
  for (const [table, { relation }] of rows)
    await eachId(
      client,
      `select location.id
      from record_home as location
      where location.table_name = ${quoteLiteral(table)}
        and ${within('location')}
        and not exists (
          select from ${relation} as stored
          where stored.id = location.id and stored.created_at = location.created_at and ${within('stored')})`,
      ({ id }) => {
        note({ table, id, column: 'record_home.id', detail: 'there is no row where the record should be' });
      },
    );
}

async function eachId(
  client: pg.ClientBase,
  query: string,
  work: (row: { id: string }) => void,
): Promise<void> {
  await client.query(`declare missing no scroll cursor for ${query}`);
  for (;;) {
    const { rows } = await client.query<{ id: string }>(`fetch ${PAGE} from missing`);
    rows.forEach(work);
    if (rows.length < PAGE) break;
  }
  await client.query('close missing');
}
