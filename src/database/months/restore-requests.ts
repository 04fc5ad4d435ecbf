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
      `cannot restore ${name}: nobody requested it, or its restore is over; ` +
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

export async function selectRestoreRequest(
  client: pg.ClientBase,
  month: string,
): Promise<RestoreRequest | undefined> {
  const { rows } = await client.query<RestoreRequest>({
    text: `select ${COLUMNS} from audit_restore_request where month = $1::date`,
    values: [month],
  });
  return rows[0];
}

/** Takes the request away, and answers it: in the transaction that ends the restore. */
export async function deleteRestoreRequest(
  client: pg.ClientBase,
  month: string,
): Promise<RestoreRequest | undefined> {
  const { rows } = await client.query<RestoreRequest>({
    text: `delete from audit_restore_request where month = $1::date returning ${COLUMNS}`,
    values: [month],
  });
  return rows[0];
}

/** As above, for what must not go on without a request. */
export async function takeRestoreRequest(client: pg.ClientBase, month: string): Promise<RestoreRequest> {
  const request = await deleteRestoreRequest(client, month);
  if (request === undefined) throw new RestoreNotRequestedError(month);
  return request;
}
