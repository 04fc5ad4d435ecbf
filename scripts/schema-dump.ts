import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { prepareDatabase } from '../dev/servers/postgres/database.ts';
import { startPostgres } from '../dev/servers/postgres/postgres.ts';
import { readProcessConfig } from '../src/config/config.ts';
import { createPool } from '../src/database/pool.ts';
import { createLogger } from '../src/observability/logger.ts';
import { describeSchema } from '../test/support/describe-schema.ts';

/** `npm run schema:dump`: migrates an empty database and writes what came of it to test/schema.sql. */
const SCHEMA_FILE = fileURLToPath(new URL('../test/schema.sql', import.meta.url));

const logger = createLogger('warn', 'schema-dump');
const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-schema-'));
const report = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const { cacheDir } = readProcessConfig().embedded;
const postgres = await startPostgres({ dataDir, port: 0, cacheDir, report, settings: { fsync: 'off' } });
try {
  const { ownerUrl } = await prepareDatabase(postgres, 1, logger);
  const pool = createPool({
    connectionString: ownerUrl,
    applicationName: 'schema-dump',
    statementTimeoutMs: 30_000,
    logger,
  });
  await writeFile(SCHEMA_FILE, await describeSchema(pool));
  await pool.end();
} finally {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
