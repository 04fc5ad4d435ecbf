import type { Config } from '../config/config.ts';
import type { Logger } from '../observability/logger.ts';
import { createClosing } from '../services/running-service.ts';
import { archiveChecks } from './archive-checks.ts';
import { type Finding, runChecks } from './check.ts';
import { clusterChecks } from './cluster-checks.ts';
import { databaseChecks } from './database-checks.ts';
import { keyChecks } from './key-checks.ts';
import { temporalChecks } from './temporal-checks.ts';

interface ExaminationOptions {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Default: the clock of this machine. */
  readonly nowMs?: () => number;
  /** Longest time of a check that names none of its own. Default 10 s. */
  readonly limitMs?: number;
}

/** Asks every dependency that the configuration names. Never rejects because one of them is away. */
export async function examine(
  config: Config,
  { logger, signal, nowMs = Date.now, limitMs }: ExaminationOptions,
): Promise<readonly Finding[]> {
  const closing = createClosing();
  const examined = { config, logger, closing, nowMs };
  try {
    const checks = [databaseChecks, temporalChecks, clusterChecks, archiveChecks, keyChecks];
    return await runChecks(
      checks.flatMap((checksOf) => checksOf(examined)),
      signal,
      limitMs,
    );
  } finally {
    // A connection that hangs does not hold the findings back; it ends with the process.
    closing.run().catch((error: unknown) => {
      logger.debug({ err: error }, 'not every connection of the checks could be closed');
    });
  }
}
