import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';

import { createPool, inTransaction } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { ErrorClass } from '../../src/database/sqlstate.ts';
import { classifyError } from '../../src/database/sqlstate.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { recordId } from '../../src/identity/identities.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { entryKeyOf, inspectRecords } from '../support/record-checks.ts';
import { until } from '../support/until.ts';

/** What the tests do to their database must not reach the session that undoes it. */
const ADMIN_SETTINGS = '-c default_transaction_read_only=off -c timezone=UTC';

let database: TestDatabase;
/** The superuser, in the test's own database: neither limits nor locks keep it out. */
let admin: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  const address = new URL(inject('postgresUrl'));
  address.pathname = `/${database.name}`;
  address.searchParams.set('options', ADMIN_SETTINGS);
  admin = poolOf({ url: address.href });
});
afterAll(async () => {
  await admin.end();
  await database.close();
});
afterEach(async () => {
  expect((await inspectRecords(admin)).contradictions).toEqual([]);
});

interface Given {
  url?: string;
  statementTimeoutMs?: number;
  /** A setting of its sessions, `name=value`. */
  setting?: string;
}

function poolOf(given: Given): pg.Pool {
  const address = new URL(given.url ?? database.url('audit_writer'));
  if (given.setting !== undefined) address.searchParams.set('options', `-c timezone=UTC -c ${given.setting}`);
  return createPool({
    connectionString: address.href,
    applicationName: 'in trouble',
    statementTimeoutMs: given.statementTimeoutMs ?? 30_000,
    max: 3,
    logger: createLogger('silent', 'test'),
  });
}

/** A pool of its own, because settings of a database or a role count for new sessions only. */
async function withPool(given: Given, work: (pool: pg.Pool) => Promise<void>): Promise<void> {
  const pool = poolOf(given);
  try {
    await work(pool);
  } finally {
    await pool.end();
  }
}

const someObservations = (): Observation[] =>
  Array.from({ length: 4 }, () => executionObservation()).sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));

function idOf({ table, cluster, key }: Observation): string {
  return recordId(table, cluster, key);
}

async function countEntriesOf(observations: readonly Observation[]): Promise<number> {
  const keys = new Set(observations.map(entryKeyOf));
  return (await inspectRecords(admin)).entries.filter((entry) => keys.has(entry)).length;
}

async function expectStored(pool: pg.Pool, observations: readonly Observation[]): Promise<void> {
  const outcomes = await createRecordStore(pool).record(observations);
  expect(outcomes).toMatchObject(observations.map(() => ({ status: 'stored' })));
  expect(await countEntriesOf(observations)).toBe(observations.length);
}

interface Trouble {
  code: string;
  means: ErrorClass;
}

/** Thrown to the caller, which tries again; nothing is stored, and nothing is held against any of them. */
async function expectThrown(
  pool: pg.Pool,
  observations: readonly Observation[],
  { code, means }: Trouble,
): Promise<void> {
  const error: unknown = await createRecordStore(pool)
    .record(observations)
    .catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code });
  expect(classifyError(error)).toBe(means);
  expect(await countEntriesOf(observations)).toBe(0);
}

/** The sessions of the database, of the store and of the test, that wait for a lock. */
async function waitingBackends(): Promise<readonly number[]> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity
     where application_name = 'in trouble' and datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows.map(({ pid }) => pid);
}

const untilWaiting = (sessions = 1): Promise<void> =>
  until(async () => (await waitingBackends()).length === sessions, `${sessions} sessions wait for a lock`);

const LOCK_ROW = 'select from workflow_execution_audit where id = $1::uuid for update';

/** Stores the first versions, then holds the row of one of them while `work` goes on. */
async function withRowHeld(
  observations: readonly Observation[],
  held: number,
  work: (holder: pg.PoolClient) => Promise<void>,
): Promise<void> {
  await expectStored(database.writer, observations);
  const holder = await admin.connect();
  try {
    await holder.query('begin');
    await lockRow(holder, observations[held]);
    await work(holder);
  } finally {
    // Not back into the pool: whatever it still holds or has set ends here.
    holder.release(true);
  }
}

async function lockRow(holder: pg.PoolClient, observation: Observation | undefined): Promise<void> {
  if (observation === undefined) throw new RangeError('no such observation');
  const { rowCount } = await holder.query(LOCK_ROW, [idOf(observation)]);
  expect(rowCount).toBe(1);
}

const newer = (observations: readonly Observation[]): Observation[] =>
  observations.map((observation) => ({ ...observation, sourceVersion: '2' }));

describe('contention', () => {
  test('57014: a statement that runs too long is tried again, then thrown', async () => {
    const first = someObservations();
    await withPool({ statementTimeoutMs: 150 }, async (pool) => {
      await withRowHeld(first, 2, () =>
        expectThrown(pool, newer(first), { code: '57014', means: 'contention' }),
      );
      await expectStored(pool, newer(first));
    });
  });

  test('57014: and stored in a later attempt when the way is free by then', async () => {
    const first = someObservations();
    await withPool({ statementTimeoutMs: 300 }, async (pool) => {
      let storing: Promise<void> | undefined;
      await withRowHeld(first, 2, async () => {
        storing = expectStored(pool, newer(first));
        await untilWaiting();
        await until(async () => (await waitingBackends()).length === 0, 'it gives up');
      });
      await storing;
    });
  });

  test('55P03: a lock that is not to be had is tried again, then thrown', async () => {
    const first = someObservations();
    await withPool({ setting: 'lock_timeout=50ms' }, async (pool) => {
      await withRowHeld(first, 2, () =>
        expectThrown(pool, newer(first), { code: '55P03', means: 'contention' }),
      );
      await expectStored(pool, newer(first));
    });
  });

  test('40P01: a deadlock with a stranger is tried again and ends in one row each', async () => {
    const first = someObservations();
    const before = await count('deadlocks');
    // The store is held up behind its first row; the stranger waits for that row; then the store comes to the row of the
    // stranger. It waits last and looks for deadlocks soon, so it is the store that is turned away.
    await withPool({}, async (pool) => {
      let storing: Promise<void> | undefined;
      await withRowHeld(first, 3, async (stranger) => {
        await stranger.query(`set deadlock_timeout = '1min'`);
        const barrier = await admin.connect();
        await barrier.query('begin');
        await lockRow(barrier, first[1]);
        storing = expectStored(pool, newer(first));
        await untilWaiting();
        const locked = lockRow(stranger, first[0]);
        await untilWaiting(2);
        barrier.release(true);
        await locked;
      });
      await storing;
    });
    await until(async () => (await count('deadlocks')) === before + 1, 'the deadlock is counted');
  });

  test('40001: a serialization failure is tried again and ends in one row each', async () => {
    const first = someObservations();
    const before = await count('xact_rollback');
    await withPool({ setting: 'default_transaction_isolation=serializable' }, async (pool) => {
      let storing: Promise<void> | undefined;
      await withRowHeld(first, 1, async (stranger) => {
        await stranger.query('update workflow_execution_audit set updated_at = updated_at where id = $1', [
          first.map(idOf)[1],
        ]);
        storing = expectStored(pool, newer(first));
        await untilWaiting();
        await stranger.query('commit');
      });
      await storing;
    });
    await until(async () => (await count('xact_rollback')) > before, 'the failed attempt is counted');
  });

  /** Sessions hand in their counts when they end. */
  async function count(what: 'deadlocks' | 'xact_rollback'): Promise<number> {
    const { rows } = await admin.query<{ count: number }>(
      `select ${what}::integer as count from pg_stat_database where datname = current_database()`,
    );
    return rows[0]?.count ?? 0;
  }
});

describe('a server that is not there, or not for us, now', () => {
  test('25006: a read-only server is left, so that the next attempt finds the one that writes', async () => {
    await withPool({}, async (pool) => {
      const observations = someObservations();
      await admin.query(`alter database ${database.name} set default_transaction_read_only = on`);
      try {
        await expectThrown(pool, observations, { code: '25006', means: 'connection' });
      } finally {
        await admin.query(`alter database ${database.name} reset default_transaction_read_only`);
      }
      // The same pool: had it kept its session, that one would still only read.
      await expectStored(pool, observations);
    });
  });

  test('53300: too many connections', async () => {
    const observations = someObservations();
    await withPool({}, async (pool) => {
      await admin.query(`alter database ${database.name} connection limit 0`);
      try {
        await expectThrown(pool, observations, { code: '53300', means: 'connection' });
      } finally {
        await admin.query(`alter database ${database.name} connection limit -1`);
      }
      await expectStored(pool, observations);
    });
  });

  test('57P01: a session that an administrator ends in the middle', async () => {
    const first = someObservations();
    await withPool({}, async (pool) => {
      await withRowHeld(first, 2, async () => {
        const storing = expectThrown(pool, newer(first), { code: '57P01', means: 'connection' });
        await untilWaiting();
        const [pid] = await waitingBackends();
        await admin.query('select pg_terminate_backend($1)', [pid]);
        await storing;
      });
      await expectStored(pool, newer(first));
    });
  });

  test('25P03: a session that was left in a transaction for too long', async () => {
    await withPool({ statementTimeoutMs: 100 }, async (pool) => {
      const idle = inTransaction(pool, async (client) => {
        await new Promise((resolve) => client.once('end', resolve));
        await client.query('select 1');
      });
      const error: unknown = await idle.catch((caught: unknown) => caught);
      expect(classifyError(error)).toBe('connection');
      await expectStored(pool, someObservations());
    });
  });
});
