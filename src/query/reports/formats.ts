import { jsonForAnswer } from '../../domain/answered-json.ts';
import { csvField, type CsvOptions, withoutFormula } from '../../domain/csv.ts';
import { instantFromSql } from '../../domain/instant.ts';
import type { Column, RecordDefinition } from '../../domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../domain/records/index.ts';
import { dataColumns } from '../../terminal/data-columns.ts';
import { type Cell, tableText } from '../../terminal/table.ts';
import type { View } from '../../terminal/view.ts';
import { basisText, noteOn, type ReportBasis } from './basis.ts';
import type { ReportAnswer, ReportColumn } from './run-report.ts';

export const REPORT_FORMATS = ['table', 'json', 'csv'] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

interface ReportLooks {
  readonly csv: CsvOptions;
  readonly view: View;
}

/** The whole answer as one text, with the line break at its end. */
export function formatReport(answer: ReportAnswer, format: ReportFormat, { csv, view }: ReportLooks): string {
  switch (format) {
    case 'table':
      return formatTable(answer, view);
    case 'json':
      return formatJson(answer);
    case 'csv':
      return formatCsv(answer, csv);
  }
}

/**
 * One object; numbers and JSON columns digit for digit as the database has them, intervals as PostgreSQL's text, but the durations
 * within JSON columns as records are answered: the sources' structs read them as integers.
 */
export function formatJson({ report, parameters, columns, rows, basis, unsearched }: ReportAnswer): string {
  const objects = rows.map((row) => {
    const members = columns.map(
      (column, index) => `${JSON.stringify(column.name)}:${jsonValue(column, row[index])}`,
    );
    return `{${members.join(',')}}`;
  });
  const head = `"report":${JSON.stringify(report.name)},"parameters":${JSON.stringify(parameters)}`;
  const { records, fields, isComplete } = basis;
  const note = noteOn(basis, rows.length) ?? null;
  const tail = JSON.stringify({
    basis: { records, fields, complete: isComplete, note },
    unsearched: unsearched ?? null,
  });
  return `{${head},"rows":[${objects.join(',')}],${tail.slice(1)}\n`;
}

/** A number that JSON cannot hold, such as NaN, goes out as text. */
const JSON_NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/;

/** By the name of a JSON column, which a report leaves as it is in the record. */
const MEMBERS: ReadonlyMap<string, NonNullable<Column['members']>> = new Map(
  RECORD_DEFINITIONS.flatMap(({ columns }: RecordDefinition) =>
    columns.flatMap(({ name, members }) => (members === undefined ? [] : [[name, members] as const])),
  ),
);

function jsonValue(column: ReportColumn, value: string | null | undefined): string {
  if (value === null || value === undefined) return 'null';
  switch (column.type) {
    case 'number':
      // Not through a JavaScript number, which would lose digits.
      return JSON_NUMBER.test(value) ? value : JSON.stringify(value);
    case 'json':
      return jsonForAnswer({ members: MEMBERS.get(column.name) ?? {} }, value);
    case 'boolean':
      return booleanText(value);
    default:
      return JSON.stringify(cellText(column, value));
  }
}

/** RFC 4180 with a header line. Null is an empty field, the empty text is a quoted one. */
export function formatCsv({ columns, rows }: ReportAnswer, options: CsvOptions): string {
  const lines = [
    columns.map(({ name }) => csvField(name)),
    ...rows.map((row) => columns.map((column, index) => csvCell(column, row[index], options))),
  ];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

function csvCell(column: ReportColumn, value: string | null | undefined, { raw }: CsvOptions): string {
  if (value === null || value === undefined) return '';
  const text = cellText(column, value);
  return csvField(column.type === 'text' && !raw ? withoutFormula(text) : text);
}

/** For people: one line per row, as wide as their terminal. */
export function formatTable({ columns, rows, basis, unsearched }: ReportAnswer, view: View): string {
  const cells = rows.map((row) => columns.map((column, index) => tableCell(column, row[index])));
  const titles = dataColumns(
    columns.map(({ name, type }, index) => ({
      title: name,
      values: cells.map((row) => row[index] ?? null),
      type: type === 'number' || type === 'instant' ? type : 'other',
    })),
  );
  const count = rows.length === 1 ? '1 row' : `${rows.length} rows`;
  const note =
    unsearched === undefined ? [] : [`not searched: ${unsearched.months.join(', ')}: ${unsearched.reason}`];
  const remarks = [`(${count})`, ...basisLines(basis, rows.length), ...note];
  return `${tableText(titles, cells, view)}${remarks.join('\n')}\n`;
}

/** What an answer rests on, for people; on standard error where the answer itself is for programs. */
export function basisLines(basis: ReportBasis, rows: number): readonly string[] {
  const note = noteOn(basis, rows);
  return [`basis: ${basisText(basis)}`, ...(note === undefined ? [] : [`note: ${note}`])];
}

/** Control characters that people know by a sign; `tableText` shows all others as one that cannot be shown. */
const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\u001b': '\\e' };

/** Text of models and logs has line breaks, and may have what a terminal would obey. */
function tableCell(column: ReportColumn, value: string | null | undefined): Cell {
  if (value === null || value === undefined) return null;
  return cellText(column, value).replaceAll(/[\n\r\t\u001b]/g, (control) => ESCAPES[control] ?? control);
}

/** The value as people and files get it: instants in the form of the API, booleans as words. */
export function cellText(column: ReportColumn, value: string): string {
  if (column.type === 'instant') return instantFromSql(value);
  return column.type === 'boolean' ? booleanText(value) : value;
}

/** PostgreSQL writes `t` and `f`. */
function booleanText(value: string): string {
  return value === 't' ? 'true' : 'false';
}
