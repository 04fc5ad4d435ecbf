import { expect, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { databaseOf } from '../../src/services/depended-servers.ts';
import { startTestPostgres } from '../support/postgres-server.ts';
import { until } from '../support/until.ts';

const { signal } = new AbortController();

test('the database is away when it takes no connections, and not when all of the pool are busy', async () => {
  await using postgres = await startTestPostgres();
  const pool = createPool({
    connectionString: postgres.superuserUrl,
    applicationName: 'test',
    max: 1,
    statementTimeoutMs: 10_000,
    logger: createLogger('silent', 'test'),
  });
  const { probe } = databaseOf('serve', pool);
  const busy = await pool.connect();
  await probe(signal);

  // A smart shutdown: who is connected stays.
  postgres.signal('SIGTERM');
  let reason = '';
  const isRefused = (): Promise<boolean> =>
    Promise.resolve(probe(signal)).then(
      () => false,
      (error: unknown) => {
        reason = String(error);
        return true;
      },
    );
  await until(isRefused, 'the server takes no connections');
  expect(reason).toContain('the database system is shutting down');
  await busy.query('select 1');
  busy.release();
  await pool.end();
});
