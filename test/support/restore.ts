import type pg from 'pg';

import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { ARCHIVED_TABLES } from '../../src/archive/parquet/archive-schema.ts';
import { RestoreSteps } from '../../src/archive/restore/restore-steps.ts';
import type { RestoreRequest } from '../../src/database/months/restore-requests.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';
import { addMonths } from '../../src/domain/instant.ts';
import type { RetentionSetting } from './retention.ts';
import { archiveContext } from './retention.ts';

export function restoreSteps(setting: RetentionSetting, changes?: Partial<ArchiveContext>): RestoreSteps {
  return new RestoreSteps(archiveContext(setting, changes));
}

/** All steps, one after the other, as command and workflow take them. Answers until when the month stays. */
export async function runRestore(steps: RestoreSteps, request: RestoreRequest): Promise<string> {
  const { month } = request;
  await steps.request(request);
  const plan = await steps.begin(month);
  if (plan.kind === 'kept') return plan.until;
  for (const table of plan.tables) await steps.load(month, table);
  return steps.attach(month);
}

/** Every row of the month as PostgreSQL's own text, by table: two months are equal when these are. */
export async function rowsOfMonth(
  client: pg.Pool | pg.ClientBase,
  month: string,
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const { table, columns, order } of ARCHIVED_TABLES) {
    const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
    const { rows } = await client.query<{ row: string }>({
      text: `select row(${list})::text as row from ${table}
        where created_at >= $1::timestamptz and created_at < $2::timestamptz order by ${order.join(', ')}`,
      values: [`${month}T00:00:00Z`, `${addMonths(month, 1)}T00:00:00Z`],
    });
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}
