import type pg from 'pg';

import { partitionsOf } from '../months/month-detach.ts';
import { checkEntry } from './check-entry.ts';
import type { ComparedMonth, Difference } from './compared-month.ts';
import { comparedMonth } from './compared-month.ts';
import type { FoldedRecord, StreamOptions } from './fold-stream.ts';
import { foldStream } from './fold-stream.ts';
import { selectLocationsWithoutRow, selectRowsWithoutEntries } from './missing-entries.ts';
import { RowComparison } from './row-comparison.ts';

/*
 * Comparison: whether the rows of a month are what their ledger entries say, and the entries what their hashes say.
 *
 * In: a month, attached or detached, on a connection that may read it. Out: every difference by table, id and column, one by one,
 * and how much was compared. The ledger is read once in the order of its key; each record is folded as its entries come
 * (fold-stream), its entries are hashed again (check-entry), and PostgreSQL holds the fold against the row (row-comparison): it
 * alone knows when two decimals or intervals are equal. What has no entries at all is searched last (missing-entries).
 *
 * Must stay true: nothing is changed; all of it is of one moment, whatever is written meanwhile; memory does not grow with the
 * month, nor with a record.
 */

export interface MonthComparison {
  readonly month: string;
  readonly records: number;
  readonly entries: number;
  readonly differences: number;
}

/** Searching all rows of a month for one that has no entries takes as long as it takes. */
export const COMPARISON_TIMEOUT_MS = 3_600_000;

/**
 * Opens and ends a transaction of its own. `found` is called for each difference as it is met, `pace` between the reads: it may
 * wait, to leave the database to others. Default: it is read as fast as it goes.
 */
export async function compareMonth(
  client: pg.ClientBase,
  month: string,
  found: (difference: Difference) => void,
  pace: (entries: number) => Promise<void> = () => Promise.resolve(),
): Promise<MonthComparison> {
  const compared = comparedMonth(month, await partitionsOf(client, month));
  if (compared === undefined) return { month, records: 0, entries: 0, differences: 0 };
  let differences = 0;
  const note = (difference: Difference): void => {
    differences += 1;
    found(difference);
  };
  await client.query('begin isolation level repeatable read read only');
  try {
    const { records, entries } = await compareRecords(client, compared, { note, pace });
    await client.query('commit');
    return { month, records, entries, differences };
  } catch (error: unknown) {
    // A connection that is gone has rolled back by itself; the first error says more.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

async function compareRecords(
  client: pg.ClientBase,
  month: ComparedMonth,
  { note, pace }: Pick<StreamOptions, 'note' | 'pace'>,
): Promise<{ records: number; entries: number }> {
  const comparison = new RowComparison(client, month, note);
  let [records, entries] = [0, 0];
  const checked = (record: FoldedRecord): Promise<void> => {
    records += 1;
    entries += record.entries;
    return comparison.add(record);
  };
  await foldStream(client, month, { checkEntry, note, pace, folded: checked });
  await comparison.end();
  for (const [table, { relation }] of month.rows) {
    const rows = await countRows(client, month, relation);
    if (rows !== comparison.rowsOf(table)) await selectRowsWithoutEntries(client, month, { table, note });
  }
  await selectLocationsWithoutRow(client, month, note);
  return { records, entries };
}

async function countRows(
  client: pg.ClientBase,
  { within }: ComparedMonth,
  relation: string,
): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `select count(*)::text as count from ${relation} as stored where ${within('stored')}`,
  );
  return Number(rows[0]?.count ?? 0);
}
