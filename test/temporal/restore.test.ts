import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createRestoreActivities } from '../../src/activities/restore.ts';
import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { selectMonth } from '../../src/database/months/month-states.ts';
import type { RestoreRequest } from '../../src/database/months/restore-requests.ts';
import { insertRestoreRequest } from '../../src/database/months/restore-requests.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRestores, type Restores, type RestoreStatus } from '../../src/temporal/restores.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { restoreSteps, rowsOfMonth } from '../support/restore.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';

const DEADLINE_MS = 110_000;
const metrics = createMetrics();

let temporal: TestTemporal;
let restores: Restores;
let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let store: ObjectStore;

beforeAll(async () => {
  temporal = await connectTestTemporal();
  restores = createRestores(temporal.client, { taskQueue: temporal.taskQueue });
  database = await createTestDatabase();
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  store = createFolderStore(folder.file('archive'));
});
afterAll(async () => {
  await temporal.close();
  await database.close();
  await folder.remove();
});

const setting = () => ({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path });

function activities(given: Partial<ArchiveContext> = {}) {
  return createRestoreActivities({
    metrics: metrics.maintenance,
    logger: createLogger('silent', 'test'),
    steps: restoreSteps(setting(), given),
  });
}

async function requests(): Promise<unknown[]> {
  const { rows } = await database.owner.query<{ month: string }>(
    'select month::text as month from audit_restore_request',
  );
  return rows;
}

async function archived(month: string): Promise<Record<string, string[]>> {
  await recordExecutions(database, month, 12);
  const before = await rowsOfMonth(database.owner, month);
  await runRetention(retentionSteps(setting()), month);
  return before;
}

/** As the service does it: the request is in the database before Temporal starts anything. */
async function start(
  request: RestoreRequest,
  { writer }: Pick<TestDatabase, 'writer'> = database,
): Promise<string> {
  await insertRestoreRequest(writer, request);
  return restores.start(request);
}

async function ended(month: string): Promise<RestoreStatus | undefined> {
  let status: RestoreStatus | undefined;
  const isOver = async (): Promise<boolean> => {
    status = await restores.status(month);
    return status?.status !== 'running';
  };
  await until(isOver, `the restore of ${month} has ended`, DEADLINE_MS);
  return status;
}

test('a month that was asked for waits for a worker, shows its progress, and is restored', async () => {
  const month = '2021-01-01';
  const before = await archived(month);
  expect(await restores.status(month)).toBeUndefined();
  const id = await start({ month, days: 7, by: 'auditor' });
  expect(await start({ month, days: 70, by: 'somebody else' })).toBe(id);
  expect(await restores.status(month)).toEqual({
    status: 'running',
    detail: 'waiting for a worker of the queue audit-maintenance',
  });
  let seen = '';
  const worker = await temporal.startWorker(
    activities({
      reached: async (point) => {
        if (point === 'checked') seen = (await restores.status(month))?.detail ?? '';
      },
    }),
  );
  try {
    const status = await ended(month);
    expect(status?.status).toBe('done');
    expect(status?.detail).toMatch(/^restored until \d{4}-/);
  } finally {
    await worker.stop();
  }
  expect(seen).toMatch(/^table \d of \d, \w+; \d+ rows loaded before$/);
  expect(await rowsOfMonth(database.owner, month)).toEqual(before);
  expect(await selectMonth(database.owner, month)).toMatchObject({
    state: 'restored',
    restoredBy: 'somebody else',
  });
  expect(await requests()).toEqual([]);
});

test('who reaches Temporal restores nothing that nobody requested, and names neither caller nor days nor manifest', async () => {
  const month = '2021-05-01';
  await archived(month);
  const worker = await temporal.startWorker(activities());
  const forged = { month, days: 3_650, by: 'the CISO', manifest: { key: 'mine', sha256: '00' } };
  try {
    await restores.start(forged);
    expect(await ended(month)).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/^cannot restore 2021-05: nobody requested it/) as string,
    });
    expect(await selectMonth(database.owner, month)).toMatchObject({ state: 'dropped', restoredBy: null });
    await insertRestoreRequest(database.writer, { month, days: 7, by: 'auditor' });
    await restores.start(forged);
    expect(await ended(month)).toMatchObject({ status: 'done' });
  } finally {
    await worker.stop();
  }
  const row = await selectMonth(database.owner, month);
  expect(row).toMatchObject({ state: 'restored', restoredBy: 'auditor' });
  expect(Date.parse(row?.restoredUntil ?? '')).toBeLessThan(Date.now() + 8 * DAY_MS);
});

test('a database that never had a month gets it from the archive, and an error for one that no archive has', async () => {
  const [month, nowhere] = ['2021-07-01', '2021-08-01'];
  const before = await archived(month);
  const other = await createTestDatabase();
  const worker = await temporal.startWorker(activities({ ownerUrl: other.url('audit_owner') }));
  try {
    for (const asked of [month, nowhere]) await start({ month: asked, days: 7, by: 'auditor' }, other);
    expect(await ended(month)).toMatchObject({ status: 'done' });
    expect(await rowsOfMonth(other.owner, month)).toEqual(before);
    const status = await ended(nowhere);
    expect(status?.status).toBe('failed');
    expect(status?.detail).toMatch(/neither the database nor file:.+ has it/);
  } finally {
    await worker.stop();
    await other.close();
  }
});

test('a store that is away for a while only delays a restore', async () => {
  const month = '2021-02-01';
  const before = await archived(month);
  let refusals = 3;
  const flaky: ObjectStore = {
    ...store,
    download: (name, path) => {
      refusals -= 1;
      return refusals > 0 ? Promise.reject(new Error('connect ECONNREFUSED')) : store.download(name, path);
    },
  };
  const worker = await temporal.startWorker(activities({ store: flaky }));
  try {
    await start({ month, days: 7, by: 'auditor' });
    expect(await ended(month)).toMatchObject({ status: 'done' });
  } finally {
    await worker.stop();
  }
  expect(await rowsOfMonth(database.owner, month)).toEqual(before);
});

test('a damaged archive fails a restore with an alarm and the name of the file', async () => {
  const month = '2021-03-01';
  await archived(month);
  const [part = ''] = await store.list('table=audit_ledger/month=2021-03/');
  await rm(join(folder.file('archive'), part));
  const worker = await temporal.startWorker(activities());
  try {
    await start({ month, days: 7, by: 'auditor' });
    const status = await ended(month);
    expect(status?.status).toBe('failed');
    expect(status?.detail).toContain(`${part}: is missing`);
  } finally {
    await worker.stop();
  }
  expect((await selectMonth(database.owner, month))?.state).toBe('dropped');
  expect(await requests()).toEqual([]);
  const { rows } = await database.owner.query(
    "select from pg_class where relname like 'restoring%' and relkind = 'r'",
  );
  expect(rows).toEqual([]);
  const { values } = await metrics.maintenance.archiveAlarms.get();
  expect(values).toMatchObject([{ labels: { reason: 'mismatch' }, value: 1 }]);
});

test('a restore begins anew when retention archives a late record of its month meanwhile', async () => {
  const month = '2021-04-01';
  await archived(month);
  let late = 1;
  const worker = await temporal.startWorker(
    activities({
      reached: async (point) => {
        if (point !== 'staged' || late === 0) return;
        late -= 1;
        await recordExecutions(database, month, 1);
        await runRetention(retentionSteps(setting()), month);
      },
    }),
  );
  try {
    await start({ month, days: 7, by: 'auditor' });
    expect(await ended(month)).toMatchObject({ status: 'done' });
  } finally {
    await worker.stop();
  }
  expect((await rowsOfMonth(database.owner, month))['audit_ledger']).toHaveLength(13);
});
