import pg from 'pg';

import type { Logger } from '../observability/logger.ts';
import { classifyError } from './sqlstate.ts';

/*
 * Database: everything that is said to PostgreSQL. recording/ writes observations, reading/ answers questions, months/ creates
 * and retires partitions, holds/ and embeddings/ serve what their names say; on this floor stand connections (here),
 * the classes of errors (sqlstate.ts), quoting (sql.ts) and the schema (migrate.ts).
 *
 * Must stay true: every statement of a pool has a time limit; what throws inside a transaction rolls it back; no statement of a
 * transaction is sent behind its commit, although commits are sent before earlier answers have come; a broken connection
 * never returns to the pool; instants, decimals and JSON cross this border as text.
 */

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
  /** Sends a query before the one before it is answered. Not for COPY or cursors. Default false. */
  pipeline?: boolean;
  /** Memory of one sort or hash before it spills to disk, for example `64MB`. Default: the server's, 4 MB. */
  workMem?: string;
  logger: Logger;
}

/** For connections that answer reports: percentiles over a month sort more than the server's 4 MB. */
export const REPORT_WORK_MEM = '64MB';

/** How much longer than the server's own limit an answer is waited for, so that the server's error comes first. */
const ANSWER_GRACE_MS = 1_000;

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
    pipeline: options.pipeline ?? false,
    types: keptAsText,
    statement_timeout: options.statementTimeoutMs,
    // The server's limit does not help on a half-open connection, where its answer never arrives.
    query_timeout: options.statementTimeoutMs + ANSWER_GRACE_MS,
    // A session left open in a transaction would hold a DETACH CONCURRENTLY for ever.
    idle_in_transaction_session_timeout: options.statementTimeoutMs,
    options: sessionSettings(options),
  });
  // Without a listener the loss of an idle connection ends the process; the next query opens a new one.
  pool.on('error', (error) => {
    options.logger.warn(
      { server: 'database', reason: error.message },
      'an idle database connection was lost',
    );
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
  return onOneClient(pool, async (client) => {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  });
}

/** What the first part of a transaction leaves to do. */
export type LastPart<T> =
  /** Statements whose answers decide nothing. This module sends them, so that none can follow the commit. */
  | { readonly statements: readonly pg.QueryConfig[]; readonly result: T }
  /** Work that reads its answers. The commit is sent when it has ended. */
  | { readonly work: (client: pg.PoolClient) => Promise<T> };

export interface PipelinedTransaction<F, T> {
  /** `begin` is sent when it is called, but perhaps not answered yet. */
  readonly first: (client: pg.PoolClient) => Promise<F>;
  /** Must not be given the client: a query that it sent after an `await` would run behind the commit, on its own. */
  readonly last: (found: F) => LastPart<T>;
}

/**
 * The same in two answers instead of four where the pool has `pipeline`: `begin` travels with the first part, the commit
 * with the last. A commit behind a query that failed rolls back.
 */
export async function inPipelinedTransaction<F, T>(
  pool: pg.Pool,
  parts: PipelinedTransaction<F, T>,
): Promise<T> {
  return onOneClient(pool, async (client) => {
    const begun = client.query('begin');
    if (!client.pipeline) await begun;
    const [found] = await Promise.all([parts.first(client), begun]);
    const last = parts.last(found);
    if ('statements' in last) {
      await sendStatements(client, [...last.statements, { text: 'commit' }]);
      return last.result;
    }
    const result = await last.work(client);
    await client.query('commit');
    return result;
  });
}

/** A transaction of statements whose answers decide nothing: one exchange with the server where the pool has `pipeline`. */
export async function inOneExchange(pool: pg.Pool, statements: readonly pg.QueryConfig[]): Promise<void> {
  await onOneClient(pool, (client) =>
    sendStatements(client, [{ text: 'begin' }, ...statements, { text: 'commit' }]),
  );
}

function sendStatements(client: pg.PoolClient, statements: readonly pg.QueryConfig[]): Promise<void> {
  return sendInOrder(
    client,
    statements.map((statement) => () => client.query(statement)),
  );
}

/**
 * Each step sends its queries behind those of the one before it where the connection allows that, otherwise after their
 * answers. Throws only when no step sends anything any more: a query behind the rollback would be a transaction of its own.
 */
export async function sendInOrder(
  client: pg.PoolClient,
  steps: readonly (() => Promise<unknown>)[],
): Promise<void> {
  if (!client.pipeline) {
    for (const step of steps) await step();
    return;
  }
  const ends = await Promise.allSettled(steps.map((step) => step()));
  const failed = ends.find((end) => end.status === 'rejected');
  // The first one is the cause; those behind it only met an aborted transaction.
  if (failed !== undefined) throw failed.reason;
}

/** What throws rolls back. */
async function onOneClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  // The pool listens to idle connections only. One that breaks while it is lent emits here; without a listener it would end
  // the process. The next query on it fails, which is how `work` learns of it.
  client.on('error', ignoreLoss);
  let broken: Error | undefined;
  try {
    return await work(client);
  } catch (error: unknown) {
    broken = await rollBack(client, error);
    throw error;
  } finally {
    client.release(broken);
    client.off('error', ignoreLoss);
  }
}

function ignoreLoss(): void {
  // Nothing to do: see where it is attached.
}

/**
 * A connection that was lost, or that leads to a server which only reads, is dropped from the pool, and so is one that
 * cannot even roll back; the cause is thrown by the caller.
 */
async function rollBack(client: pg.PoolClient, cause: unknown): Promise<Error | undefined> {
  if (cause instanceof Error && classifyError(cause) === 'connection') return cause;
  try {
    await client.query('rollback');
    return undefined;
  } catch (error: unknown) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
