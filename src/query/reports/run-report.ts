import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import pg from 'pg';

import { definitionOf } from '../../domain/records/index.ts';
import type { Unsearched } from '../combined-answer.ts';
import { type ReportBasis, selectBasis } from './basis.ts';
import type { ReportArguments } from './parameters.ts';
import { MAX_REPORT_ROWS, readParameters, sinceExpression } from './parameters.ts';
import type { Report } from './reports.ts';
import { EVERY_COLUMN, reportNamed } from './reports.ts';

/** The answer to one report, complete: an answer that would be too large is refused. */
export interface ReportAnswer {
  readonly report: Report;
  /** The filter as PostgreSQL read it; null: no bound. */
  readonly parameters: Readonly<Record<string, string | null>>;
  readonly columns: readonly ReportColumn[];
  /** PostgreSQL's own text of every value: no digit is lost. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly basis: ReportBasis;
  /** Months that it is about and that were not looked at. */
  readonly unsearched: Unsearched | undefined;
}

/** A column of an answer, with what its text is to be read as. */
export interface ReportColumn {
  readonly name: string;
  readonly type: 'text' | 'number' | 'boolean' | 'json' | 'instant' | 'interval' | 'date';
}

/** Says that the answer is not whole instead of making it shorter. */
export class ReportTooLargeError extends Error {
  readonly report: string;

  constructor(report: string, reason: string, options?: ErrorOptions) {
    super(`${report} ${reason}: ask for a shorter time with since`, options);
    this.name = 'ReportTooLargeError';
    this.report = report;
  }
}

/** Of all values, as PostgreSQL writes them. An answer is in memory several times, as rows and as text. */
export const MAX_REPORT_BYTES = 32 * 1024 * 1024;

/** One more row than an answer may hold shows that there are more, without counting them. */
const LIMIT = MAX_REPORT_ROWS + 1;

/** The statement as it is sent; parameters are those of the report, the rows those of its table unless others are given. */
export function reportStatement(report: Report, rows?: string): string {
  return `select report.* from (\n${reportSql(report, rows)}) as report limit ${LIMIT}`;
}

/**
 * Answers one of the named questions over its table, or over other rows. Throws on an unknown name or parameter, and on a
 * value that cannot be read.
 */
export async function runReport(
  database: pg.Pool | pg.PoolClient,
  name: string,
  args: ReportArguments = {},
  rows?: string,
): Promise<ReportAnswer> {
  const report = reportNamed(name);
  const values = readParameters(report.parameters, args);
  const types = countedText(name, () => {
    // Closed, so that the rest of the rows is neither read nor made. A pool lends its connection to this one query.
    if (!(database instanceof pg.Pool)) void database.end();
  });
  const result = await database.query<(string | null)[]>({
    // Without a name, so that it is planned with the values at hand: a generic plan could not leave out any month.
    text: reportStatement(report, rows),
    values,
    rowMode: 'array',
    types,
  });
  if (result.rows.length > MAX_REPORT_ROWS)
    throw new ReportTooLargeError(name, `has more than ${MAX_REPORT_ROWS} rows`);
  const parameters = Object.fromEntries(
    report.parameters.map((parameter, index) => [parameter.name, values[index] ?? null]),
  );
  return {
    report,
    parameters,
    columns: result.fields.map((field) => ({
      name: field.name,
      type: COLUMN_TYPE[field.dataTypeID] ?? 'text',
    })),
    rows: result.rows,
    basis: await selectBasis(database, report, { since: parameters['since'] ?? null, rows }),
    unsearched: undefined,
  };
}

/**
 * Every value as its text: a parser of the driver could only take something away. It is the place where values arrive one
 * by one: what it throws rejects the query, and the driver drops the rows behind it.
 */
function countedText(report: string, tooLarge: () => void): pg.CustomTypesConfig {
  let bytes = 0;
  const count = (text: string): string => {
    bytes += Buffer.byteLength(text);
    if (bytes <= MAX_REPORT_BYTES) return text;
    tooLarge();
    throw new ReportTooLargeError(report, `has more than ${MAX_REPORT_BYTES} bytes`);
  };
  return { getTypeParser: () => count };
}

const { BOOL, DATE, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, JSON, JSONB, NUMERIC, TIMESTAMPTZ } =
  pg.types.builtins;

/** By the type's number in PostgreSQL; every other type is text. */
const COLUMN_TYPE: Readonly<Record<number, ReportColumn['type']>> = {
  [BOOL]: 'boolean',
  [DATE]: 'date',
  [FLOAT4]: 'number',
  [FLOAT8]: 'number',
  [INT2]: 'number',
  [INT4]: 'number',
  [INT8]: 'number',
  [INTERVAL]: 'interval',
  [JSON]: 'json',
  [JSONB]: 'json',
  [NUMERIC]: 'number',
  [TIMESTAMPTZ]: 'instant',
};

/** The SQL files stand beside this one; the build copies them. */
const SQL_DIRECTORY = new URL('./sql/', import.meta.url);

// A placeholder begins with one colon; two are a cast.
const ROWS = /(?<!:):rows\b/g;
const SINCE = /(?<!:):since\b/g;

/** The statement of a report over its table, or over other rows: a table expression that has the columns of its source. */
export function reportSql(report: Report, rows: string = report.reads.table): string {
  const { name, reads, parameters } = report;
  const number = parameters.findIndex((parameter) => parameter.name === 'since') + 1;
  const since = `${reads.window} > ${sinceExpression(number)}`;
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
