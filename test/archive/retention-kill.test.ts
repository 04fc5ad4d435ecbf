import pg from 'pg';
import { expect, inject, test } from 'vitest';

import type { ArchiveContext, ArchivePoint } from '../../src/archive/archive-context.ts';
import { RETENTION_POINTS } from '../../src/archive/archive-context.ts';
import { TableLockedError } from '../../src/database/months/table-locks.ts';
import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { instantOf } from '../../src/domain/instant.ts';
import { createLogger } from '../../src/observability/logger.ts';
import {
  killProcessAt,
  loseConnectionsAt,
  repeatUntilDone,
  useArchiveStage,
} from '../support/archive-stage.ts';
import { executionObservation } from '../support/observations.ts';
import { runRetention } from '../support/retention.ts';
import { someOf } from '../support/soak.ts';

const ROWS = 12;
const MAX_ATTEMPTS = 20;
const POINTS = someOf(RETENTION_POINTS, 4);

const stage = useArchiveStage({ after: '2018-12-01', rows: ROWS });

/** Every row is in the archive, verified, and nowhere else. */
async function expectArchivedOnce(): Promise<void> {
  expect(await stage.places()).toEqual(['absent']);
  // Broken off wherever it was: what was exported before is used again and leaves nothing behind.
  expect(await stage.verify()).toMatchObject({ faults: [], rows: 2 * ROWS, orphans: [] });
}

const runUntilDone = (changes: Partial<ArchiveContext> = {}): Promise<unknown[]> =>
  repeatUntilDone(MAX_ATTEMPTS, () => stage.run(changes));

test.each(POINTS)(
  'a process killed when it is %s leaves a month that the next one finishes',
  async (point) => {
    await killProcessAt(
      stage,
      point,
      `const { retentionSteps, runRetention } = await import(source('test/support/retention.ts'));
       await runRetention(retentionSteps(setting, { reached }), month);`,
    );
    await runUntilDone();
    await expectArchivedOnce();
  },
);

test.each(POINTS)('connections lost when it is %s only delay a month', async (point) => {
  await runUntilDone(loseConnectionsAt(stage, point));
  await expectArchivedOnce();
});

test.each(POINTS)('a store that goes away when it is %s only delays a month', async (point) => {
  const honest = stage.store;
  let refusals = 0;
  let left = 1;
  const away = <T>(call: () => Promise<T>): Promise<T> => {
    if (refusals === 0) return call();
    refusals -= 1;
    return Promise.reject(new Error('connect ECONNREFUSED'));
  };
  stage.store = {
    ...honest,
    put: (name, body) => away(() => honest.put(name, body)),
    download: (name, path) => away(() => honest.download(name, path)),
    read: (name) => away(() => honest.read(name)),
    list: (prefix) => away(() => honest.list(prefix)),
  };
  const goesAway = (at: ArchivePoint): Promise<void> => {
    if (at === point && left > 0) {
      left -= 1;
      refusals = 3;
    }
    return Promise.resolve();
  };
  await runUntilDone({ reached: goesAway });
  refusals = 0;
  stage.store = honest;
  await expectArchivedOnce();
});

test('a long reader and a writer go on: no statement waits longer than the lock timeout', async () => {
  const reader = new pg.Client({
    connectionString: stage.database.url('audit_reader'),
    application_name: 'a long reader',
  });
  // Whoever waits longer for a lock gets an error, and the record below is then thrown.
  const admin = new pg.Client({ connectionString: inject('postgresUrl') });
  await admin.connect();
  await admin.query(`alter database ${stage.database.name} set lock_timeout = '500ms'`);
  await admin.end();
  const writer = createPool({
    connectionString: stage.database.url('audit_writer'),
    applicationName: 'writer',
    statementTimeoutMs: 10_000,
    logger: createLogger('silent', 'test'),
  });
  await reader.connect();
  const stop = new AbortController();
  const records = createRecordStore(writer);
  const writing = (async () => {
    let written = 0;
    while (!stop.signal.aborted) {
      const [outcome] = await records.record([executionObservation({ createdAt: instantOf(Date.now()) })]);
      expect(outcome?.status).toBe('stored');
      written += 1;
    }
    return written;
  })();
  try {
    await reader.query('begin isolation level repeatable read');
    await reader.query('select count(*) from workflow_execution_audit');
    const steps = stage.steps();
    const waiting = await runRetention(steps, stage.month).catch((error: unknown) => error);
    expect(waiting).toBeInstanceOf(TableLockedError);
    expect((waiting as Error).message).toMatch(
      /^cannot detach \w+: the lock is held by a long reader \(pid \d+, audit_reader, AccessShareLock/,
    );
    // Still waiting, and still nobody behind it.
    await expect(runRetention(steps, stage.month)).rejects.toBeInstanceOf(TableLockedError);
    await reader.query('commit');
    await runUntilDone();
  } finally {
    stop.abort();
    await reader.end();
  }
  expect(await writing).toBeGreaterThan(0);
  await writer.end();
  await expectArchivedOnce();
});

test('a drop that a lock keeps out says who holds it, and is done once it is gone', async () => {
  const holder = new pg.Client({
    connectionString: stage.database.url('audit_owner'),
    application_name: 'somebody at a terminal',
  });
  await holder.connect();
  let blocked = false;
  try {
    await holder.query('begin');
    const failures = await runUntilDone({
      reached: async (point) => {
        // Its plan looks at the table too: the lock is there only when the drop begins.
        if (point !== 'verified-again' || blocked) return;
        blocked = true;
        await holder.query(
          `lock table audit_ledger_${stage.month.slice(0, 7).replace('-', '_')} in access share mode`,
        );
        setTimeout(() => void holder.query('commit'), 1_500);
      },
    });
    const [first] = failures;
    expect(first).toBeInstanceOf(TableLockedError);
    expect((first as Error).message).toMatch(
      /cannot drop month \d{4}-\d\d: the lock is held by somebody at a terminal \(pid \d+, audit_owner, AccessShareLock on audit_ledger/,
    );
  } finally {
    await holder.end();
  }
  await expectArchivedOnce();
});
