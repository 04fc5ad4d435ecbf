import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import { MAX_ANSWER_BYTES } from '../../domain/limits.ts';
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

/** Rows fetched at once. */
const CHUNK_ROWS = 50;

/** One page. Pages are complete and without repeats while writers go on; one that grows large ends before its limit. */
export function selectPage(
  pool: pg.Pool | pg.ClientBase,
  definition: RecordDefinition,
  query: RecordQuery,
): Promise<Page> {
  return readPage(query, async (part) => {
    const { text, values } = pageStatement(definition, { ...query, ...part });
    return (await pool.query<RecordRow>(text, [...values])).rows;
  });
}

/** Which rows: as many, behind that position. */
type PagePart = Pick<RecordQuery, 'limit' | 'after'>;

/** Reads a page some rows at a time, until it has enough rows or is large enough. `select` answers in one order. */
export async function readPage(
  { limit, after }: PagePart,
  select: (part: PagePart) => Promise<readonly RecordRow[]>,
): Promise<Page> {
  const rows: RecordRow[] = [];
  let next = after;
  for (let size = 0; rows.length < limit && size < MAX_ANSWER_BYTES;) {
    const wanted = Math.min(limit - rows.length, CHUNK_ROWS);
    // One more than requested shows whether there are more, without counting.
    const found = await select({ after: next, limit: wanted + 1 });
    const chunk = found.slice(0, wanted);
    rows.push(...chunk);
    size += chunk.reduce((sum, row) => sum + sizeOf(row), 0);
    const last = chunk.at(-1);
    next = last !== undefined && chunk.length < found.length ? positionOf(last) : undefined;
    if (next === undefined) break;
  }
  return { rows, next };
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
export function sizeOf(row: RecordRow): number {
  return Object.values(row).reduce<number>(
    (size, value) => size + (typeof value === 'string' ? value.length : 0),
    0,
  );
}

/** Where a row is in the order of a list. */
export function positionOf(row: RecordRow): Position {
  return { createdAt: instantFromSql(String(row['created_at'])), id: String(row['id']) };
}
