import type pg from 'pg';

import type { RecordDefinition } from '../domain/records/definition.ts';
import { instantFromSql, quoteIdentifier } from './sql.ts';

/** A row as the driver leaves it: text, numbers as decimal text, JSON as text, booleans. */
export type RecordRow = Readonly<Record<string, string | number | boolean | null>>;

/** The place of a row in a list, newest first. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

export interface Page {
  readonly rows: readonly RecordRow[];
  /** Where the next page begins; undefined on the last one. */
  readonly next: Position | undefined;
}

export interface RecordReader {
  /** One page, newest first. Pages are complete and without repeats while writers go on. */
  selectPage(definition: RecordDefinition, limit: number, after: Position | undefined): Promise<Page>;
  /** Throws when the database does not answer. */
  ping(): Promise<void>;
}

export function createRecordReader(pool: pg.Pool): RecordReader {
  return {
    async selectPage(definition, limit, after) {
      const { rows } = await pool.query<Record<string, string | number | boolean | null>>({
        name: `select-page-${definition.table}`,
        text: pageStatement(definition),
        // One more than asked for tells whether there is a next page, without counting.
        values: [after?.createdAt ?? 'infinity', after?.id ?? LAST_ID, limit + 1],
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return { rows: page, next: rows.length > limit && last !== undefined ? positionOf(last) : undefined };
    },
    async ping() {
      await pool.query('select 1');
    },
  };
}

const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

function pageStatement(definition: RecordDefinition): string {
  return `
    select ${definition.columns.map(({ name }) => quoteIdentifier(name)).join(', ')}
    from ${quoteIdentifier(definition.table)}
    where (created_at, id) < ($1::timestamptz, $2::uuid)
    order by created_at desc, id desc
    limit $3::integer`;
}

function positionOf(row: RecordRow): Position {
  return { createdAt: instantFromSql(String(row['created_at'])), id: String(row['id']) };
}
