import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { requireSchema, SchemaTooNewError } from '../database/migrate.ts';
import { createPool } from '../database/pool.ts';
import { isConnectionFailure } from '../database/sqlstate.ts';
import { reasonOf } from '../domain/errors.ts';
import type { Logger } from '../observability/logger.ts';
import { databaseOf, type ServiceName } from './depended-servers.ts';
import type { ServiceContext } from './running-service.ts';

const SCHEMA_RETRY_MS = 2_000;
/** A schema that is too new should end the start and not the process later. */
const FIRST_CHECK_MS = 1_000;

/**
 * A pool on a database whose schema fits. Waits for a database that is not up or not migrated yet: both come
 * by themselves. Rejects when the signal ends the wait, or when the schema is newer than the program; the
 * pool is closed then. As audit_writer, unless another connection is named.
 */
export async function openDatabase(
  service: ServiceName,
  context: ServiceContext,
  connectionString?: string,
): Promise<pg.Pool> {
  const pool = openPool(service, context, connectionString);
  try {
    await untilSchemaFits(pool, context.logger, context.signal);
    return pool;
  } catch (error: unknown) {
    await pool.end();
    throw error;
  }
}

interface OpenedDatabase {
  /** Usable at once: queries fail while the database is away, and succeed when it is back. */
  readonly pool: pg.Pool;
  /** Settles when the schema fits, or when it is closed; rejects when the schema never will fit. */
  readonly fits: Promise<void>;
  /** Ends the checks, then the pool. */
  readonly close: () => Promise<void>;
}

/**
 * The same for a process that does something without the database too: it checks for a second, and goes on
 * checking meanwhile. Whoever opened it waits for `fits` and calls `close`.
 */
export async function openDatabaseMeanwhile(
  service: ServiceName,
  context: ServiceContext,
  connectionString: string,
): Promise<OpenedDatabase> {
  const pool = openPool(service, context, connectionString);
  // Not the signal of the process alone: a start that fails elsewhere closes the pool, and what goes on checking through
  // a closed pool keeps the process alive for ever.
  const closing = new AbortController();
  const signal = AbortSignal.any([context.signal, closing.signal]);
  const fits = untilSchemaFits(pool, context.logger, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  const close = async (): Promise<void> => {
    closing.abort();
    // A schema that does not fit is the business of whoever waits for `fits`.
    await Promise.all([pool.end(), fits.catch(() => undefined)]);
  };
  try {
    await Promise.race([fits, delay(FIRST_CHECK_MS)]);
    return { pool, fits, close };
  } catch (error: unknown) {
    await close();
    throw error;
  }
}

function openPool(
  service: ServiceName,
  { config, logger, outages }: ServiceContext,
  connectionString?: string,
): pg.Pool {
  const pool = createPool({
    connectionString: connectionString ?? config.database.url,
    applicationName: `remediation-audit ${service}`,
    max: config.database.poolSize,
    statementTimeoutMs: config.database.statementTimeoutMs,
    logger,
  });
  outages.watch('database', databaseOf(service, pool));
  return pool;
}

/**
 * A schema that is too old is waited for, because `migrate` may be on its way; one that is too new is an
 * error at once.
 */
async function untilSchemaFits(pool: pg.Pool, logger: Logger, signal: AbortSignal): Promise<void> {
  let lastReason: string | undefined;
  for (;;) {
    try {
      await requireSchema(pool);
      return;
    } catch (error: unknown) {
      if (error instanceof SchemaTooNewError) throw error;
      const reason = reasonOf(error);
      // A schema that `migrate` has to bring up to date may take its time; a database that is away is logged by Outages.
      if (isConnectionFailure(error) || reason !== lastReason)
        logger.warn({ server: 'database', reason }, 'waiting for the database');
      lastReason = reason;
    }
    await delay(SCHEMA_RETRY_MS, undefined, { signal });
  }
}
