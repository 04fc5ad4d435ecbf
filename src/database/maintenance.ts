import pg from 'pg';

export interface MaintenanceOptions {
  /** PostgreSQL as role audit_owner. */
  readonly connectionString: string;
  /** Longest wait for a lock, in milliseconds. */
  readonly lockTimeoutMs: number;
}

/** What ends a connection that hangs in a half-open state, instead of a limit on how long a COPY may take. */
const KEEP_ALIVE_DELAY_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Runs `work` on a connection of its own, as owner. Not from a pool: DETACH CONCURRENTLY and session settings need one
 * connection, and a COPY of a month takes longer than any statement of the service may.
 */
export async function withMaintenanceClient<T>(
  { connectionString, lockTimeoutMs }: MaintenanceOptions,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString,
    application_name: 'remediation-audit maintenance',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
    options: `-c timezone=UTC -c intervalstyle=postgres -c datestyle=ISO -c bytea_output=hex -c work_mem=64MB -c lock_timeout=${lockTimeoutMs}`,
  });
  // A lost connection shows in the query that is under way, or in the next one; unheard, it would end the process.
  client.on('error', ignoreLoss);
  await client.connect();
  try {
    return await work(client);
  } finally {
    // A client in the middle of a COPY would wait for its end.
    await client.end();
  }
}

function ignoreLoss(): void {
  // See where it is attached.
}
