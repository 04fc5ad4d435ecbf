import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { createPool } from '../../src/database/pool.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestApi } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/until.ts';

const SLOW = '/api/v1/reports/namespace-actions';
const OTHER = '/api/v1/reports/lock-effectiveness';

let database: TestDatabase;
let quick: pg.Pool;
let slow: pg.Pool;
let blocker: pg.PoolClient;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

function openPool(applicationName: string, statementTimeoutMs: number): pg.Pool {
  return createPool({
    connectionString: database.url('audit_writer'),
    applicationName,
    max: 1,
    statementTimeoutMs,
    logger: createLogger('silent', 'test'),
  });
}

beforeEach(async () => {
  quick = openPool('quick reports', 200);
  slow = openPool('slow reports', 30_000);
  blocker = await database.owner.connect();
  await blocker.query('begin');
  await blocker.query('lock table kubernetes_execution_audit in access exclusive mode');
});
afterEach(async () => {
  await blocker.query('rollback');
  blocker.release();
  await quick.end();
  await slow.end();
});

/** Sessions that wait for the lock. */
async function waiting(applicationName: string): Promise<number> {
  const { rows } = await database.writer.query<{ count: number }>(
    `select count(*)::integer as count from pg_stat_activity
    where datname = current_database() and application_name = $1 and wait_event_type = 'Lock'`,
    [applicationName],
  );
  return rows[0]?.count ?? 0;
}

test('a report is answered while more reports take their time than there are connections for them', async () => {
  const api = createTestApi(database, { reports: quick, slowReports: slow });
  const late = [SLOW, SLOW, '/api/v1/completeness'].map((url) => api.inject({ url }));
  await until(async () => (await waiting('slow reports')) === 1, 'a report waits where it may take its time');

  const meanwhile = await api.inject({ url: OTHER });
  expect(meanwhile.statusCode, meanwhile.body).toBe(200);

  await blocker.query('rollback');
  for (const answer of await Promise.all(late)) expect(answer.statusCode, answer.body).toBe(200);
  await api.close();
});

test('more reports than may wait are refused, and nobody says that the database is away', async () => {
  const api = createTestApi(database, { reports: slow });
  // One is answered, 16 wait.
  const answers = Array.from({ length: 17 }, () => api.inject({ url: SLOW }));
  await until(async () => (await waiting('slow reports')) === 1, 'a report waits for the lock');
  const refused = await api.inject({ url: OTHER });
  expect(refused.statusCode, refused.body).toBe(503);
  expect(refused.json()).toMatchObject({
    type: 'urn:remediation-audit:problem:reports-busy',
    detail: 'too many reports are running; try again',
  });
  expect(refused.headers['retry-after']).toBe('5');

  await blocker.query('rollback');
  for (const answer of await Promise.all(answers)) expect(answer.statusCode, answer.body).toBe(200);
  await api.close();
});
