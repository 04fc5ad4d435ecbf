import { quoteIdentifier, quoteLiteral } from '../../database/sql.ts';
import type { ArchiveColumn, ArchivedTable } from './archive-schema.ts';

/**
 * The text of a row: one line of CSV in which every value but NULL is quoted. PostgreSQL and DuckDB write the same bytes
 * for the same values, so the hash of a line compares a row of a table with a row of a Parquet file.
 */
const CSV_OPTIONS = `header false, delimiter ',', quote '"', escape '"'`;

/** Longest line. A record is bounded, but a row is the fold of any number of them. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
/** Left to DuckDB it is sixteen of the longest lines, several times over, which exceeds its memory. */
const READ_BUFFER_BYTES = MAX_LINE_BYTES;

/** Most rows of a row group; of wide rows it takes fewer, because the engine holds all of a group. */
const ROW_GROUP_ROWS = 100_000;
const ROW_GROUP_TEXT_BYTES = 16 * 1024 * 1024;
const ZSTD_LEVEL = 3;

/** PostgreSQL: the rows of a relation as text, in order. */
export function copyOutStatement({ columns, order }: ArchivedTable, relation: string): string {
  const list = columns.map(({ name, type }) => quoteIdentifier(name) + (type === 'BOOLEAN' ? '::text' : ''));
  const by = order.map(quoteIdentifier).join(', ');
  return `copy (select ${list.join(', ')} from ${quoteIdentifier(relation)} order by ${by})
  to stdout with (format csv, ${CSV_OPTIONS}, force_quote *)`;
}

/** PostgreSQL: takes that text back into a relation. */
export function copyInStatement({ columns }: ArchivedTable, relation: string): string {
  const list = columns.map(({ name }) => quoteIdentifier(name)).join(', ');
  return `copy ${quoteIdentifier(relation)} (${list}) from stdin with (format csv, ${CSV_OPTIONS})`;
}

/** How many rows a row group takes of a file of that text. */
export function rowGroupRowsOf(text: { readonly rows: number; readonly bytes: number }): number {
  const fitting = Math.floor((text.rows * ROW_GROUP_TEXT_BYTES) / text.bytes);
  return Math.max(1, Math.min(ROW_GROUP_ROWS, fitting));
}

interface ParquetFile {
  readonly csv: string;
  readonly parquet: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly rowGroupRows: number;
}

/** DuckDB: a file of that text becomes a Parquet file. */
export function writeParquetStatement(
  { columns }: ArchivedTable,
  { csv, parquet, metadata, rowGroupRows }: ParquetFile,
): string {
  const types = columns.map(
    ({ name, type }) => `${quoteLiteral(name)}: '${type === 'BLOB' ? 'VARCHAR' : type}'`,
  );
  const footer = Object.entries(metadata).map(
    ([key, value]) => `${quoteLiteral(key)}: ${quoteLiteral(value)}`,
  );
  return `copy (
  select ${columns.map(parsed).join(', ')}
  from read_csv(${quoteLiteral(csv)}, auto_detect = false, header = false, delim = ',', quote = '"', escape = '"',
    new_line = '\\n', nullstr = '', allow_quoted_nulls = false, max_line_size = ${MAX_LINE_BYTES}, buffer_size = ${READ_BUFFER_BYTES},
    parallel = false,
    columns = {${types.join(', ')}})
) to ${quoteLiteral(parquet)} (format parquet, compression zstd, compression_level ${ZSTD_LEVEL},
  row_group_size ${rowGroupRows}, kv_metadata {${footer.join(', ')}})`;
}

/** DuckDB: a Parquet file, or some of its rows, as that text again. */
export function writeTextStatement(
  { columns }: ArchivedTable,
  { parquet, csv, rows }: { parquet: string; csv: string; rows?: { from: number; count: number } },
): string {
  const range =
    rows === undefined
      ? ''
      : `where file_row_number >= ${rows.from} and file_row_number < ${rows.from + rows.count}`;
  const source = `read_parquet(${quoteLiteral(parquet)}${rows === undefined ? '' : ', file_row_number = true'})`;
  return `copy (select ${columns.map(rendered).join(', ')} from ${source} ${range})
  to ${quoteLiteral(csv)} (format csv, ${CSV_OPTIONS}, nullstr '', force_quote *)`;
}

function parsed({ name, type }: ArchiveColumn): string {
  const column = quoteIdentifier(name);
  // PostgreSQL writes bytes as \x0123.
  return type === 'BLOB' ? `from_hex(substr(${column}, 3)) as ${column}` : column;
}

/** A value as PostgreSQL's own text of it. */
export function rendered({ name, type }: ArchiveColumn): string {
  const column = quoteIdentifier(name);
  if (type === 'BLOB') return `'\\x' || lower(hex(${column})) as ${column}`;
  // By way of a plain timestamp: casting one with a zone consults the calendar for every value.
  if (type === 'TIMESTAMPTZ') return `make_timestamp(epoch_us(${column}))::varchar || '+00' as ${column}`;
  return column;
}
