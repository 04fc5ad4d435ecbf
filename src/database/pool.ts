import pg from 'pg';

import type { Logger } from '../observability/logger.ts';

export interface PoolOptions {
  /** Connection string, with the role to work as. */
  connectionString: string;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  /** Connections at most. Default 4: batching makes more of them slower. */
  max?: number;
  /** Longest a statement may run, in milliseconds. Below an activity's start-to-close timeout. */
  statementTimeoutMs: number;
  /** Longest wait for a connection, in milliseconds. Default 5,000. */
  connectTimeoutMs?: number;
  /** Memory of one sort or hash before it spills to disk, for example `64MB`. Default: the server's, 4 MB. */
  workMem?: string;
  logger: Logger;
}

/** For connections that answer reports: percentiles over a month sort more than the server's 4 MB. */
export const REPORT_WORK_MEM = '64MB';

const { TIMESTAMPTZ, TIMESTAMP, DATE, INTERVAL, JSON, JSONB } = pg.types.builtins;

/** Types whose text JavaScript would damage: times below the millisecond, intervals, integers and decimals inside JSON. */
const keptAsText = new pg.TypeOverrides();
for (const type of [TIMESTAMPTZ, TIMESTAMP, DATE, INTERVAL, JSON, JSONB]) {
  keptAsText.setTypeParser(type, (text: string) => text);
}

export function createPool(options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.connectionString,
    application_name: options.applicationName,
    max: options.max ?? 4,
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    keepAlive: true,
    types: keptAsText,
    statement_timeout: options.statementTimeoutMs,
    // A session left open in a transaction would hold a DETACH CONCURRENTLY for ever.
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    options: sessionSettings(options),
  });
  // Without a listener the loss of an idle connection ends the process; the next query opens a new one.
  pool.on('error', (error) => {
    options.logger.warn({ error: error.message }, 'an idle database connection was lost');
  });
  return pool;
}

function sessionSettings({ workMem }: PoolOptions): string {
  return `-c timezone=UTC -c intervalstyle=postgres${workMem === undefined ? '' : ` -c work_mem=${workMem}`}`;
}

/** Runs `work` in one transaction on one connection; whatever `work` throws rolls it back. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error: unknown) {
    broken = await rollBack(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** A connection that cannot even roll back is dropped from the pool; the cause is thrown by the caller. */
async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback');
    return undefined;
  } catch (error: unknown) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
