import type pg from 'pg';

import { addMonths, monthOf } from '../domain/instant.ts';

/** Creates one month (first day, `2026-11-01`) on every partitioned table; does nothing where it is there. */
export async function createMonth(pool: pg.Pool | pg.ClientBase, month: string): Promise<void> {
  await pool.query({ text: 'select audit_create_month($1::date)', values: [month] });
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
