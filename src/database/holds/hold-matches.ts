import type pg from 'pg';

import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { quoteIdentifier } from '../sql.ts';
import { rowCondition } from './holds.ts';

/*
 * What a hold is about today, for the person who has placed it: a scope with a misspelled name is as valid as any other, and
 * holds nothing. The condition is the one by which retention finds held rows.
 */

/** Records, not ledger entries, of the months that are attached to their tables. */
interface HoldMatches {
  readonly months: number;
  readonly records: number;
}

/** Reads the tables of all records, which may take until the time limit of a statement. */
export async function countHoldMatches(
  database: pg.Pool | pg.ClientBase,
  holdId: string,
): Promise<HoldMatches> {
  const tables = RECORD_DEFINITIONS.map(
    ({ table }) => `
      select date_trunc('month', row.created_at at time zone 'UTC') as month
      from audit_hold as hold
      join ${quoteIdentifier(table)} as row on ${rowCondition(table)}
      where hold.id = $1::uuid`,
  );
  const { rows } = await database.query<{ months: string; records: string }>({
    text: `
      select count(distinct month) as months, count(*) as records
      from (${tables.join('\n      union all')}) as matched`,
    values: [holdId],
  });
  const [counted] = rows;
  return { months: Number(counted?.months ?? 0), records: Number(counted?.records ?? 0) };
}

/** One line for people. */
export function describeHoldMatches({ months, records }: HoldMatches): string {
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
  return `matches ${count(records, 'record')} of ${count(months, 'month')} in the database`;
}
