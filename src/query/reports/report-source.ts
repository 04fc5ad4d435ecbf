import { definitionOf } from '../../domain/records/index.ts';
import type { Report } from './reports.ts';
import { reportSql } from './reports.ts';

/** What a report reads, taken from its SQL: nothing of it is written a second time. */
export interface ReportSource {
  readonly table: string;
  /** Columns that its SQL names, in the table's order; all of them where it asks for all. */
  readonly columns: readonly string[];
  /** The column that `since` bounds. */
  readonly windowColumn: 'created_at' | 'completed_at';
}

export function sourceOf(report: Report): ReportSource {
  const sql = reportSql(report);
  const table = /\bfrom (\w+)\n/.exec(sql)?.[1] ?? unreadable(report);
  const [, windowColumn] = /\b(created_at|completed_at) > coalesce\(now\(\) - \$\d::interval/.exec(sql) ?? [];
  if (windowColumn !== 'created_at' && windowColumn !== 'completed_at') return unreadable(report);
  const words = new Set(sql.match(/\w+/g));
  const names = definitionOf(table).columns.map(({ name }) => name);
  const columns = sql.includes(`${table}.*`)
    ? names
    : names.filter((name) => words.has(name) || ALWAYS.has(name));
  return { table, columns, windowColumn };
}

const ALWAYS: ReadonlySet<string> = new Set(['id', 'created_at']);

function unreadable({ name }: Report): never {
  throw new Error(`the SQL of report ${name} does not say in the usual form what it reads, and since when`);
}
