/*
 * The room `query/archive`: questions to archived rows, answered by DuckDB over Parquet parts.
 *
 * In: a query, and paths of parts that are on this machine and were verified.
 * Out: rows and observations, every value as PostgreSQL's text of it.
 *
 * What must stay true: a condition means here what it means in PostgreSQL (`archive-conditions.ts`). A record that lies in several
 * places is folded from all its observations (`fold-partial-record.ts`) before a filter is applied to it.
 */
import { archivedTable } from '../../archive/parquet/archive-schema.ts';
import type { DuckDb } from '../../archive/parquet/duckdb.ts';
import { rendered } from '../../archive/parquet/row-text.ts';
import type { Position, RecordQuery } from '../../database/reading/record-query.ts';
import type { RecordRow } from '../../database/reading/record-reader.ts';
import { positionOf } from '../../database/reading/record-reader.ts';
import { quoteIdentifier, quoteLiteral } from '../../database/sql.ts';
import { archiveConditions, instant, uuid } from './archive-conditions.ts';

/** Parts that one question is put to: the paths of files of one table. */
export interface ArchivedFiles {
  readonly duckdb: DuckDb;
  readonly table: string;
  readonly paths: readonly string[];
  /** Positions of rows that are not read: their records were moved elsewhere. Default none. */
  readonly moved?: readonly Position[] | undefined;
}

interface ArchivedPage {
  /** In the order of the question; every value as PostgreSQL's own text of it. */
  readonly rows: readonly RecordRow[];
  /** Where it ended before there were no more: behind this row there are others. */
  readonly endedAt: Position | undefined;
}

/** Rows that are read at once, and characters after which a page ends: 1,000 records may be 256 MiB. */
const CHUNK_ROWS = 200;
export const MAX_PAGE_SIZE = 8 * 1024 * 1024;

/**
 * One page out of archived rows. Which ones are on it is found out from the columns of the question alone; of the others
 * DuckDB reads only the row groups that the page touches.
 */
export async function selectArchivedPage(
  files: ArchivedFiles,
  query: RecordQuery,
  except: readonly string[] = [],
): Promise<ArchivedPage> {
  const found = await selectPositions(files, query, except);
  const wanted = found.slice(0, query.limit);
  const rows: RecordRow[] = [];
  let size = 0;
  while (rows.length < wanted.length && size < MAX_PAGE_SIZE) {
    const chunk = wanted.slice(rows.length, rows.length + CHUNK_ROWS);
    const byId = new Map((await selectRows(files, chunk)).map((row) => [row['id'], row]));
    for (const { id } of chunk) {
      const row = byId.get(id) ?? missingRow(id);
      rows.push(row);
      size += sizeOf(row);
    }
  }
  return { rows, endedAt: rows.length < found.length ? wanted[rows.length - 1] : undefined };
}

/** The positions come from the same files, so this is damage or a fault, never a month that moved. */
function missingRow(id: string): never {
  throw new Error(`record ${id} was found in a part of the archive and is not in it`);
}

/** One more than the limit shows whether there are others. Their text is made of those alone, not of every row. */
async function selectPositions(
  files: ArchivedFiles,
  query: RecordQuery,
  except: readonly string[],
): Promise<Position[]> {
  const direction = query.order === 'newest' ? 'desc' : 'asc';
  const conditions = [
    ...archiveConditions(query),
    ...(except.length === 0 ? [] : [`not ${amongIds(except)}`]),
  ];
  const rows = await files.duckdb.rows(`
    select ${POSITION}
    from (
      select archived.created_at, archived.id
      from ${parquet(files)}
      where ${['true', ...conditions].join(' and ')}
      order by archived.created_at ${direction}, archived.id ${direction}
      limit ${Math.trunc(query.limit) + 1}
    ) as archived
    order by archived.created_at ${direction}, archived.id ${direction}`);
  return rows.map(positionOf);
}

/** The rows of these records; of one that lies in several parts all of them, the newest version first. */
export async function selectRows(files: ArchivedFiles, positions: readonly Position[]): Promise<RecordRow[]> {
  if (positions.length === 0) return [];
  const times = positions.map(({ createdAt }) => createdAt).sort();
  const list = archivedTable(files.table).columns.map((column) => castText(rendered(column), column.name));
  return files.duckdb.rows(`
    select ${list.join(', ')}
    from ${parquet(files)}
    where archived.created_at >= ${instant(times[0] ?? '')}
      and archived.created_at <= ${instant(times.at(-1) ?? '')}
      and ${amongIds(positions.map(({ id }) => id))}
    order by archived.source_version desc`);
}

/** Places of the records that lie in more than one of the files, or in one of them and among `ids`. */
export async function selectPartialRecords(
  files: ArchivedFiles,
  query: Omit<RecordQuery, 'filters'>,
  ids: readonly string[],
): Promise<Position[]> {
  const direction = query.order === 'newest' ? 'desc' : 'asc';
  const several = ids.length === 0 ? 'count(*) > 1' : `(count(*) > 1 or bool_or(${amongIds(ids)}))`;
  const rows = await files.duckdb.rows(`
    select ${POSITION}
    from ${parquet(files)}
    where ${['true', ...archiveConditions({ ...query, filters: [] })].join(' and ')}
    group by archived.created_at, archived.id
    having ${several}
    order by archived.created_at ${direction}, archived.id ${direction}
    limit ${Math.trunc(query.limit)}`);
  return rows.map(positionOf);
}

const POSITION = 'archived.created_at::varchar as created_at, archived.id::varchar as id';

/** The rows of the files as `archived`. A column that came after a file was written is null in its rows. */
export function parquet({ table, paths, moved = [] }: Omit<ArchivedFiles, 'duckdb'>): string {
  const columns = archivedTable(table).columns.map(
    ({ name, type }) => `null::${type} as ${quoteIdentifier(name)}`,
  );
  const positions = moved.map(({ id, createdAt }) => `(${uuid(id)}, ${instant(createdAt)})`);
  const here = moved.length === 0 ? '' : `where (id, created_at) not in (${positions.join(', ')})`;
  return `(
      select * from read_parquet([${paths.map(quoteLiteral).join(', ')}], union_by_name = true) ${here}
      union all by name
      select ${columns.join(', ')} where false
    ) as archived`;
}

/** A condition on ids. The list must not be empty: `in ()` is not SQL. */
export function amongIds(ids: readonly string[], column = 'archived.id'): string {
  return `${column} in (${ids.map(uuid).join(', ')})`;
}

/** What needs no rendering is cast to text: no value goes through a JavaScript type. */
function castText(expression: string, name: string): string {
  const column = quoteIdentifier(name);
  return expression === column ? `${column}::varchar as ${column}` : expression;
}

/** Characters of a row, as far as they matter. */
export function sizeOf(row: RecordRow): number {
  return Object.values(row).reduce<number>(
    (size, value) => size + (typeof value === 'string' ? value.length : 0),
    0,
  );
}
