import type pg from 'pg';

import type { RecordDefinition } from '../domain/records/definition.ts';
import type { Position, RecordQuery } from './record-query.ts';
import { pageStatement, selectedColumns } from './record-query.ts';
import { instantFromSql, quoteIdentifier } from './sql.ts';

export type { Filter, ListOrder, Position, RecordQuery } from './record-query.ts';
export { LIST_ORDERS } from './record-query.ts';

/** A row as the driver leaves it: text, numbers as decimal text, JSON as text, booleans. */
export type RecordRow = Readonly<Record<string, string | number | boolean | null>>;

export interface Page {
  readonly rows: readonly RecordRow[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: Position | undefined;
}

export interface RecordReader {
  /** One page. Pages are complete and without repeats while writers go on; one that grows large ends before its limit. */
  selectPage(definition: RecordDefinition, query: RecordQuery): Promise<Page>;
  /** By the record's own id, or by the one its client posted it with; the newest, should several have it. */
  selectRecord(definition: RecordDefinition, id: string): Promise<RecordRow | undefined>;
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
}

/** Rows fetched at once, and characters after which a page ends: 1,000 records may be 256 MiB. */
const CHUNK_ROWS = 200;
const MAX_PAGE_SIZE = 8 * 1024 * 1024;

export function createRecordReader(pool: pg.Pool): RecordReader {
  return {
    selectPage: (definition, query) => selectPage(pool, definition, query),
    selectRecord: (definition, id) => selectRecord(pool, definition, id),
    async ping() {
      await pool.query('select 1');
    },
  };
}

async function selectPage(pool: pg.Pool, definition: RecordDefinition, query: RecordQuery): Promise<Page> {
  const rows: RecordRow[] = [];
  let size = 0;
  let { after } = query;
  while (rows.length < query.limit && size < MAX_PAGE_SIZE) {
    const wanted = Math.min(query.limit - rows.length, CHUNK_ROWS);
    // One more than wanted tells whether there is more, without counting.
    const { text, values } = pageStatement(definition, { ...query, after, limit: wanted + 1 });
    const found = await pool.query<RecordRow>(text, [...values]);
    const chunk = found.rows.slice(0, wanted);
    rows.push(...chunk);
    size += chunk.reduce((sum, row) => sum + sizeOf(row), 0);
    after = chunk.length < found.rows.length ? positionOf(chunk.at(-1)) : undefined;
    if (after === undefined) break;
  }
  return { rows, next: after };
}

async function selectRecord(
  pool: pg.Pool,
  definition: RecordDefinition,
  id: string,
): Promise<RecordRow | undefined> {
  const table = quoteIdentifier(definition.table);
  const own = await pool.query<RecordRow>({
    name: `select-record-${definition.table}`,
    // By its home first: the id alone would have to be looked for in every month.
    text: `
      select ${selectedColumns(definition)}
      from ${table}
      where id = $1::uuid
        and created_at = (select home.created_at from record_home as home where home.id = $1::uuid)`,
    values: [id],
  });
  if (own.rows[0] !== undefined) return own.rows[0];
  const posted = await pool.query<RecordRow>({
    name: `select-posted-${definition.table}`,
    text: `
      select ${selectedColumns(definition)}
      from ${table}
      where extra ->> 'client_id' is not null
        and left(extra ->> 'client_id', 36) = $1::text
      order by created_at desc, id desc
      limit 1`,
    values: [id],
  });
  return posted.rows[0];
}

function sizeOf(row: RecordRow): number {
  return Object.values(row).reduce<number>(
    (size, value) => size + (typeof value === 'string' ? value.length : 0),
    0,
  );
}

function positionOf(row: RecordRow | undefined): Position | undefined {
  if (row === undefined) return undefined;
  return { createdAt: instantFromSql(String(row['created_at'])), id: String(row['id']) };
}
