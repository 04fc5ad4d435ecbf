import type pg from 'pg';

import type { Config } from '../config/config.ts';
import { readProcessConfig } from '../config/config.ts';
import { SettingsError } from '../config/settings.ts';
import { createPool } from '../database/pool.ts';
import { createLogger } from '../observability/logger.ts';

type Connection = 'url' | 'ownerUrl' | 'readerUrl';

const VARIABLES: Readonly<Record<Connection, string>> = {
  url: 'DATABASE_URL',
  ownerUrl: 'DATABASE_OWNER_URL',
  readerUrl: 'DATABASE_READER_URL',
};

interface CommandPool {
  /** For errors, and in pg_stat_activity. */
  readonly command: string;
  /** The first of these that is configured is used. */
  readonly as: readonly [Connection, ...Connection[]];
  /** Default: that of the configuration. */
  readonly statementTimeoutMs?: number;
  readonly workMem?: string;
  /** Whether the work asks the database nothing, such as help. Default false. */
  readonly mayBeUnset?: boolean;
}

/**
 * One connection for one command, closed when the command ends. No connection is opened before the first query, so a wrong
 * argument costs none.
 */
export async function withCommandPool(
  { command, as, mayBeUnset = false, ...options }: CommandPool,
  work: (pool: pg.Pool, config: Config) => Promise<void>,
): Promise<void> {
  const config = readProcessConfig();
  const url = as.map((name) => config.database[name]).find((one) => one !== '');
  if (url === undefined && !mayBeUnset)
    throw new SettingsError([
      `${as.map((name) => VARIABLES[name]).join(' or ')} is not set; \`${command}\` reads PostgreSQL`,
    ]);
  const pool = createPool({
    connectionString: url ?? '',
    applicationName: `remediation-audit ${command}`,
    max: 1,
    statementTimeoutMs: config.database.statementTimeoutMs,
    logger: createLogger(config.logLevel, command),
    ...options,
  });
  try {
    await work(pool, config);
  } finally {
    await pool.end();
  }
}
