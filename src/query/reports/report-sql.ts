import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { definitionOf } from '../../domain/records/index.ts';
import type { Report } from './reports.ts';
import { EVERY_COLUMN } from './reports.ts';

/** The SQL files stand beside this one; the build copies them. */
const SQL_DIRECTORY = new URL('./sql/', import.meta.url);

// A placeholder begins with one colon; two are a cast.
const ROWS = /(?<!:):rows\b/g;
const SINCE = /(?<!:):since\b/g;

/** The statement of a report over its table, or over other rows: a table expression that has the columns of its source. */
export function reportSql(report: Report, rows: string = report.reads.table): string {
  const { name, reads, parameters } = report;
  const number = parameters.findIndex((parameter) => parameter.name === 'since') + 1;
  const since = `${reads.window} > coalesce(now() - $${number}::interval, '-infinity')`;
  // By functions: in a replacement text `$` would have a meaning of its own.
  return templateOf(name)
    .replaceAll(ROWS, () => rows)
    .replaceAll(SINCE, () => since);
}

const templates = new Map<string, string>();

/** The report's file, read once. */
function templateOf(name: string): string {
  const known =
    templates.get(name) ?? readFileSync(fileURLToPath(new URL(`${name}.sql`, SQL_DIRECTORY)), 'utf8');
  templates.set(name, known);
  return known;
}

/** The columns that a report reads, in the order of its table. */
export function columnsRead({ reads: { table, columns } }: Report): readonly string[] {
  const all = definitionOf(table).columns.map(({ name }) => name);
  if (columns === EVERY_COLUMN) return all;
  return all.filter((name) => ALWAYS.has(name) || columns.includes(name));
}

/** Folding and the position of a row need both, whatever the report reads. */
const ALWAYS: ReadonlySet<string> = new Set(['id', 'created_at']);
