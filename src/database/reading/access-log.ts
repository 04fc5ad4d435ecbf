import type pg from 'pg';

/** One read of records: who, what was asked, and how much the answer held. */
export interface AccessEntry {
  readonly caller: string;
  readonly route: string;
  readonly filter: Readonly<Record<string, unknown>>;
  readonly rows: number;
  readonly requestId: string;
}

const INSERT_ACCESS = `
  insert into audit_access (caller, route, filter, rows_returned, request_id)
  values ($1::text, $2::text, $3::jsonb, $4::bigint, $5::text)`;

/** Keeps the trace of a read in `audit_access`. */
export async function insertAccess(pool: pg.Pool, entry: AccessEntry): Promise<void> {
  const { caller, route, filter, rows, requestId } = entry;
  await pool.query({
    name: 'insert-access',
    text: INSERT_ACCESS,
    values: [caller, route, JSON.stringify(filter), rows, requestId],
  });
}
