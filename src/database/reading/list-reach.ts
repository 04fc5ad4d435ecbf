/*
 * How far one page of a list looks. What matches a filter that no index leads to is found by looking at every record; with
 * millions of them that takes longer than anybody waits for a page. So a page looks at a bounded number, and the next one goes on.
 *
 * In: the question, and how many records a page may look at. Out: the instant behind which it does not look, by what the
 * planner knows of each month: the number is about right, the instant is exact.
 */
import type pg from 'pg';

import { addMonths, instantOf, millisecondsOf } from '../../domain/instant.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import type { Filter, RecordQuery } from './record-query.ts';

/** Months of a table that are in the database, with about as many rows; none has any before the planner looked at it. */
const SELECT_MONTHS = `
  select translate(right(class.relname, 7), '_', '-') || '-01' as month, greatest(class.reltuples, 0)::float8::text as rows
  from pg_inherits as inherits
  join pg_class as class on class.oid = inherits.inhrelid
  where inherits.inhparent = $1::regclass
  order by class.relname`;

/** The instant where the page ends for that reason; undefined when it can look at everything, or need not. */
export async function selectReach(
  client: pg.ClientBase,
  { table }: RecordDefinition,
  { query, most }: { readonly query: RecordQuery; readonly most: number | undefined },
): Promise<string | undefined> {
  if (most === undefined || query.filters.length === 0 || query.filters.some(hasIndex)) return undefined;
  const { rows } = await client.query<{ month: string; rows: string }>(SELECT_MONTHS, [`public.${table}`]);
  const months = rows.map((row) => ({ month: row.month, rows: Number(row.rows) }));
  return reachOf(months, { query, most, nowMs: Date.now() });
}

/** Columns with an index are those whose text is bounded; what is open has one of its own. */
function hasIndex(filter: Filter): boolean {
  switch (filter.is) {
    case 'any':
      return filter.of.every(hasIndex);
    case 'equal':
      return (
        filter.column.identifier === true || (filter.column.name === 'verdict' && filter.value === 'open')
      );
    case 'client-id':
      return true;
    case 'prefix':
    case 'absent':
      return false;
  }
}

interface MonthRows {
  readonly month: string;
  readonly rows: number;
}

interface Reach {
  readonly query: Pick<RecordQuery, 'since' | 'until' | 'order' | 'after'>;
  readonly most: number;
  /** Until when the last month has rows. */
  readonly nowMs: number;
}

/** Takes the rows of a month to be spread evenly. Months come oldest first. */
export function reachOf(months: readonly MonthRows[], { query, most, nowMs }: Reach): string | undefined {
  const isNewest = query.order === 'newest';
  let left = most;
  for (const month of isNewest ? months.toReversed() : months) {
    const { begin, stop, rows } = askedPart(month, query, nowMs);
    if (rows > left) {
      const share = ((stop - begin) * left) / rows;
      return instantOf(Math.round(isNewest ? stop - share : begin + share));
    }
    left -= Math.max(0, rows);
  }
  return undefined;
}

/** What of a month the question is about, and about how many rows that are; none where it is not about it. */
function askedPart(
  { month, rows }: MonthRows,
  { since, until, order, after }: Reach['query'],
  nowMs: number,
) {
  const [first, last] = [startMs(month), startMs(addMonths(month, 1))];
  const end = nowMs > first && nowMs < last ? nowMs : last;
  const behind = after === undefined ? undefined : millisecondsOf(after.createdAt);
  const begin = Math.max(first, msOr(since, first), (order === 'oldest' ? behind : undefined) ?? first);
  const stop = Math.min(end, msOr(until, end), (order === 'newest' ? behind : undefined) ?? end);
  return { begin, stop, rows: (rows * (stop - begin)) / (end - first) };
}

const startMs = (month: string): number => millisecondsOf(`${month}T00:00:00Z`);
const msOr = (instant: string | undefined, otherwise: number): number =>
  instant === undefined ? otherwise : millisecondsOf(instant);
