import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import type { RecordDefinition } from '../../domain/records/definition.ts';
import type { Position, RecordQuery, RecordRow } from './record-query.ts';
import { pageStatement } from './record-query.ts';

export type { Filter, ListOrder, Position, RecordQuery, RecordRow } from './record-query.ts';
export { LIST_ORDERS } from './record-query.ts';

export interface Page {
  readonly rows: readonly RecordRow[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: Position | undefined;
}

/** Rows fetched at once, and characters after which a page ends: 1,000 records may be 256 MiB. */
const CHUNK_ROWS = 200;
const MAX_PAGE_SIZE = 8 * 1024 * 1024;

/** One page. Pages are complete and without repeats while writers go on; one that grows large ends before its limit. */
export async function selectPage(
  pool: pg.Pool | pg.ClientBase,
  definition: RecordDefinition,
  query: RecordQuery,
): Promise<Page> {
  const rows: RecordRow[] = [];
  let size = 0;
  let { after } = query;
  while (rows.length < query.limit && size < MAX_PAGE_SIZE) {
    const wanted = Math.min(query.limit - rows.length, CHUNK_ROWS);
    // One more than requested shows whether there are more, without counting.
    const { text, values } = pageStatement(definition, { ...query, after, limit: wanted + 1 });
    const found = await pool.query<RecordRow>(text, [...values]);
    const chunk = found.rows.slice(0, wanted);
    rows.push(...chunk);
    size += chunk.reduce((sum, row) => sum + sizeOf(row), 0);
    const last = chunk.at(-1);
    after = last !== undefined && chunk.length < found.rows.length ? positionOf(last) : undefined;
    if (after === undefined) break;
  }
  return { rows, next: after };
}

/** Positions of the records of a page, without the records. */
export async function selectPositions(
  pool: pg.Pool | pg.ClientBase,
  definition: RecordDefinition,
  query: RecordQuery,
): Promise<Position[]> {
  const { text, values } = pageStatement(definition, query, 'created_at, id');
  const { rows } = await pool.query<RecordRow>(text, [...values]);
  return rows.map(positionOf);
}

/** In characters. Decimals, instants and JSON come as text and count; the few other values are small. */
function sizeOf(row: RecordRow): number {
  return Object.values(row).reduce<number>(
    (size, value) => size + (typeof value === 'string' ? value.length : 0),
    0,
  );
}

/** Where a row is in the order of a list. */
export function positionOf(row: RecordRow): Position {
  return { createdAt: instantFromSql(String(row['created_at'])), id: String(row['id']) };
}
