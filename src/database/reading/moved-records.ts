import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import type { Position, RecordQuery } from './record-query.ts';

/** Records of one table whose old row is in the archive, in the order of a list. */
interface MovedQuestion extends Pick<RecordQuery, 'order' | 'limit' | 'after'> {
  readonly table: string;
  /** First days of the months from which they were moved. */
  readonly months: readonly string[];
}

interface PositionRow {
  id: string;
  from_created_at: string;
}

/**
 * Where rows of these months are in the archive although their records are elsewhere: a resource moved them after the months
 * had been archived (ADR 42). What reads the archive leaves these positions out. Reading them in the snapshot of the answer
 * makes it exact: a record that moves later has no row of its new location in that snapshot either.
 */
export async function selectMovedPositions(
  client: pg.Pool | pg.ClientBase,
  { table, months, order, limit, after }: MovedQuestion,
): Promise<readonly Position[]> {
  if (months.length === 0) return [];
  const [direction, sign] = order === 'newest' ? ['desc', '<'] : ['asc', '>'];
  const { rows } = await client.query<PositionRow>({
    name: `select-moved-positions-${order}`,
    text: `
      select move.id, move.from_created_at
      from unnest($2::date[]) as wanted (month)
      join record_move as move
        on move.left_behind
        and move.table_name = $1::text
        and move.from_created_at >= wanted.month::timestamp at time zone 'UTC'
        and move.from_created_at < (wanted.month + interval '1 month') at time zone 'UTC'
        and ($4::timestamptz is null or (move.from_created_at, move.id) ${sign} ($4::timestamptz, $5::uuid))
      order by move.from_created_at ${direction}, move.id ${direction}
      limit $3::integer`,
    values: [table, months, limit, after?.createdAt ?? null, after?.id ?? null],
  });
  return rows.map(({ id, from_created_at }) => ({ id, createdAt: instantFromSql(from_created_at) }));
}

/** From where the record was moved while that was in the archive; undefined for every other record. */
export async function selectMovedFrom(
  client: pg.Pool | pg.ClientBase,
  id: string,
): Promise<Position | undefined> {
  const { rows } = await client.query<PositionRow>({
    name: 'select-moved-from',
    text: `
      select id, from_created_at
      from record_move
      where id = $1::uuid
        and left_behind`,
    values: [id],
  });
  return rows[0] && { id, createdAt: instantFromSql(rows[0].from_created_at) };
}
