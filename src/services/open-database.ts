import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { requireSchema, SchemaTooNewError } from '../database/migrate.ts';
import { createPool } from '../database/pool.ts';
import type { Logger } from '../observability/logger.ts';
import { SettingsError } from '../settings.ts';
import type { ServiceContext } from './running-service.ts';

const SCHEMA_RETRY_MS = 2_000;

/** A pool on a database whose schema fits. Waits for a database that is not up or not migrated yet: both come by themselves. */
export async function openDatabase(
  service: string,
  { config, logger, signal }: ServiceContext,
): Promise<pg.Pool> {
  if (config.database.url === '') {
    throw new SettingsError([
      `DATABASE_URL is not set; \`${service}\` needs PostgreSQL as role audit_writer`,
    ]);
  }
  const pool = createPool({
    connectionString: config.database.url,
    applicationName: `remediation-audit ${service}`,
    max: config.database.poolSize,
    statementTimeoutMs: config.database.statementTimeoutMs,
    logger,
  });
  try {
    await untilSchemaFits(pool, logger, signal);
    return pool;
  } catch (error: unknown) {
    await pool.end();
    throw error;
  }
}

async function untilSchemaFits(pool: pg.Pool, logger: Logger, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await requireSchema(pool);
      return;
    } catch (error: unknown) {
      if (error instanceof SchemaTooNewError) throw error;
      logger.warn(
        { reason: error instanceof Error ? error.message : String(error) },
        'waiting for the database',
      );
    }
    await delay(SCHEMA_RETRY_MS, undefined, { signal });
  }
}
