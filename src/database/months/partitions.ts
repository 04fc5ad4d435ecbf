import type pg from 'pg';

import { addMonths, monthOf } from '../../domain/instant.ts';
import { namingLockHolders } from './table-locks.ts';

/** Who posted the records for which a month is made, and what they may. */
export interface Poster {
  readonly name: string;
  /** Whether an archived month may become live again for them. */
  readonly mayRevive: boolean;
  /** Months that one poster may make in 24 hours. */
  readonly mostPerDay: number;
}

/**
 * Creates one month (first day, `2026-11-01`) on every partitioned table; does nothing where it is there. Without a poster
 * it is the month of a resource, or of the rollover, which nothing limits.
 */
export async function createMonth(
  pool: pg.Pool | pg.ClientBase,
  month: string,
  poster?: Poster,
): Promise<void> {
  await pool.query({
    text: 'select audit_create_month($1::date, $2::text, $3::boolean, $4::integer)',
    values: [month, poster?.name ?? null, poster?.mayRevive ?? true, poster?.mostPerDay ?? null],
  });
}

/** The month of `now` and `ahead` months after it. */
export async function createMonthsAhead(
  pool: pg.Pool | pg.ClientBase,
  now: string,
  ahead: number,
): Promise<void> {
  const first = monthOf(now);
  for (let count = 0; count <= ahead; count += 1) await createMonth(pool, addMonths(first, count));
}

interface RolloverReport {
  /** Months that are there now, on every partitioned table, without a gap from this month on. */
  readonly ahead: number;
  /** Every month that was checked, first days. */
  readonly months: readonly string[];
}

const SELECT_LIVE_MONTHS = `
  select partition.month::text as month
  from audit_partition as partition
  where partition.state = 'live'
  order by partition.month`;

/**
 * From the oldest live month to `ahead` months after this one, every month is there on every partitioned table: a table
 * that a migration added gets its past months too. Months of the archive are not touched.
 */
export async function rollOver(pool: pg.Pool, now: string, ahead: number): Promise<RolloverReport> {
  const { rows } = await pool.query<{ month: string }>(SELECT_LIVE_MONTHS);
  const coming = Array.from({ length: ahead + 1 }, (_, count) => addMonths(monthOf(now), count));
  const months = [...new Set([...rows.map(({ month }) => month), ...coming])].sort();
  for (const month of months) await createMonthOrNameHolders(pool, month);
  // Autovacuum never analyses the parent, and without statistics of its own it is planned blindly.
  for (const table of await partitionedTables(pool)) await analyze(pool, table);
  return { ahead: await monthsAhead(pool, now), months };
}

async function createMonthOrNameHolders(pool: pg.Pool, month: string): Promise<void> {
  const change = {
    operation: `make month ${month.slice(0, 7)}`,
    relations: () => partitionedTables(pool),
    against: 'change',
  } as const;
  await namingLockHolders(pool, change, () => createMonth(pool, month));
}

/** Names of the partitioned tables. */
export async function partitionedTables(pool: pg.Pool | pg.ClientBase): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(`
    select class.relname as name
    from pg_partitioned_table as partitioned
    join pg_class as class on class.oid = partitioned.partrelid
    where class.relnamespace = 'public'::regnamespace
    order by class.relname`);
  return rows.map(({ name }) => name);
}

/** Only its owner may: the writer's rollover leaves it to the next one that runs as owner. */
async function analyze(pool: pg.Pool, table: string): Promise<void> {
  const { rows } = await pool.query<{ allowed: boolean }>({
    text: "select pg_has_role(relowner, 'usage') as allowed from pg_class where oid = $1::text::regclass",
    values: [table],
  });
  if (rows[0]?.allowed === true) await pool.query(`analyze only ${table}`);
}

/** How many months after this one every partitioned table has, without a gap; -1 when even this one is missing. */
export async function monthsAhead(pool: pg.Pool, now: string): Promise<number> {
  const { rows } = await pool.query<{ month: string }>(`
    select replace(right(child.relname, 7), '_', '-') || '-01' as month
    from pg_partitioned_table as partitioned
    join pg_inherits as inherits on inherits.inhparent = partitioned.partrelid and not inherits.inhdetachpending
    join pg_class as child on child.oid = inherits.inhrelid
    group by 1
    having count(*) = (select count(*) from pg_partitioned_table)`);
  const there = new Set(rows.map(({ month }) => month));
  let ahead = -1;
  while (there.has(addMonths(monthOf(now), ahead + 1))) ahead += 1;
  return ahead;
}
