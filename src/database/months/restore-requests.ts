import type pg from 'pg';

/**
 * A restore that somebody requested. The service or the command stores it before anything else, and the steps of the restore
 * read it: Temporal decides when a step runs, the database whether, for whom and for how long.
 */
export interface RestoreRequest {
  /** First day of the month. */
  readonly month: string;
  /** How long retention leaves it alone. */
  readonly days: number;
  /** Who wants it: stored with the month. */
  readonly by: string;
}

/** No restore of the month was requested, or the one that was requested is over. */
export class RestoreNotRequestedError extends Error {
  readonly month: string;

  constructor(month: string) {
    const name = month.slice(0, 7);
    super(
      `cannot restore ${name}: nobody requested it, its restore is over, or none began within a day of the request; ` +
        `POST /api/v1/archives/${name}/restore requests it, and \`remediation-audit archive restore ${name}\` restores it`,
    );
    this.name = 'RestoreNotRequestedError';
    this.month = month;
  }
}

const COLUMNS = 'month::text as month, days, requested_by as by';

/** Of two requests for a month the later one holds. */
export async function insertRestoreRequest(
  client: pg.Pool | pg.ClientBase,
  { month, days, by }: RestoreRequest,
): Promise<void> {
  await client.query({
    text: 'select audit_request_restore($1::date, $2::integer, $3::text)',
    values: [month, days, by],
  });
}

/**
 * The request that is in force, for a step of its restore, which keeps it in force: a restore waits for days for a store that is
 * away. A request that has ended stays as a row until the next one, and counts for nothing.
 */
export async function continueRestoreRequest(
  client: pg.ClientBase,
  month: string,
): Promise<RestoreRequest | undefined> {
  const { rows } = await client.query<RestoreRequest>({
    text: `
      update audit_restore_request
      set expires_at = greatest(expires_at, clock_timestamp() + interval '7 days')
      where month = $1::date
        and expires_at > clock_timestamp()
      returning ${COLUMNS}`,
    values: [month],
  });
  return rows[0];
}

/** For a restore that failed for good. */
export async function deleteRestoreRequest(client: pg.ClientBase, month: string): Promise<void> {
  await client.query({
    text: 'delete from audit_restore_request where month = $1::date',
    values: [month],
  });
}

/** Takes the request away, and answers it: in the transaction that ends the restore. */
export async function takeRestoreRequest(client: pg.ClientBase, month: string): Promise<RestoreRequest> {
  const { rows } = await client.query<RestoreRequest>({
    text: `
      delete from audit_restore_request
      where month = $1::date
        and expires_at > clock_timestamp()
      returning ${COLUMNS}`,
    values: [month],
  });
  if (rows[0] === undefined) throw new RestoreNotRequestedError(month);
  return rows[0];
}
