import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createPartitionActivities } from '../../src/activities/partitions.ts';
import { createRetentionActivities } from '../../src/activities/retention.ts';
import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { partitionsOf } from '../../src/database/months/month-detach.ts';
import { selectMonth } from '../../src/database/months/month-states.ts';
import { instantOf } from '../../src/domain/instant.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { exportTables, recordExecutions, retentionSteps } from '../support/retention.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';

const RULES = { hotDays: 90, dropGraceHours: 0, requireApproval: false };
const logger = createLogger('silent', 'test');
const metrics = createMetrics();

let temporal: TestTemporal;
let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;

beforeAll(async () => {
  temporal = await connectTestTemporal();
  database = await createTestDatabase();
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
});
afterAll(async () => {
  await temporal.close();
  await database.close();
  await folder.remove();
});

function activities(store: ObjectStore, given: Partial<ArchiveContext> = {}) {
  const setting = { ownerUrl: database.url('audit_owner'), store, key, folder: folder.path };
  return {
    ...createPartitionActivities({
      pool: database.writer,
      monthsAhead: 4,
      metrics: metrics.maintenance,
      logger,
    }),
    ...createRetentionActivities({
      rules: RULES,
      metrics: metrics.maintenance,
      redactText: (text) => createRedactor().redactText(text).value,
      logger,
      steps: retentionSteps(setting, given),
    }),
  };
}

const startRetention = () =>
  temporal.client.workflow.start('retention', {
    workflowId: `retention-${randomUUID()}`,
    taskQueue: temporal.taskQueue,
    args: [],
  });

async function runRetention(): Promise<string[]> {
  return (await (await startRetention()).result()) as string[];
}

/** A run that stops when it has verified a part, until it is released. */
async function startHalted(archive: string) {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const store = createFolderStore(folder.file(archive));
  const worker = await temporal.startWorker(
    activities(store, { reached: (point) => (point === 'verified' ? released : Promise.resolve()) }),
  );
  return { handle: await startRetention(), worker, release };
}

test('a run of the rollover makes the months and says how many are ahead', async () => {
  const worker = await temporal.startWorker(activities(createFolderStore(folder.file('none'))));
  try {
    const result: unknown = await temporal.client.workflow.execute('partitionRollover', {
      workflowId: `rollover-${randomUUID()}`,
      taskQueue: temporal.taskQueue,
      args: [],
    });
    expect(result).toBe(4);
    const { values } = await metrics.maintenance.partitionsAhead.get();
    expect(values[0]?.value).toBe(4);
  } finally {
    await worker.stop();
  }
});

test('a run of retention drops what is due and says what it did', async () => {
  await recordExecutions(database, '2020-01-01', 12);
  await recordExecutions(database, '2020-02-01', 3);
  await recordExecutions(database, instantOf(Date.now()), 1);
  const worker = await temporal.startWorker(activities(createFolderStore(folder.file('archive'))));
  try {
    expect(await runRetention()).toEqual(['2020-01: dropped', '2020-02: dropped']);
    expect(await runRetention()).toEqual([]);
  } finally {
    await worker.stop();
  }
  expect((await selectMonth(database.owner, '2020-02-01'))?.state).toBe('dropped');
});

test('a month with a damaged archive stops with an alarm and does not keep the next one from going on', async () => {
  await recordExecutions(database, '2020-03-01', 2);
  await recordExecutions(database, '2020-04-01', 2);
  const honest = createFolderStore(folder.file('lying'));
  const lying: ObjectStore = {
    ...honest,
    put: (name, body) =>
      name.includes('month=2020-03') ? Promise.resolve('stored') : honest.put(name, body),
  };
  const worker = await temporal.startWorker(activities(lying));
  try {
    const [stopped, next] = await runRetention();
    expect(stopped).toMatch(
      /^2020-03: STOPPED: the archive of 2020-03 is not what was written: .+ is missing/,
    );
    expect(next).toBe('2020-04: dropped');
  } finally {
    await worker.stop();
  }
  const month = await selectMonth(database.owner, '2020-03-01');
  expect(month?.fault).toMatch(/is missing/);
  const places = (await partitionsOf(database.owner, '2020-03-01')).map(({ attachment }) => attachment);
  expect(new Set(places)).toEqual(new Set(['attached']));
  const { values } = await metrics.maintenance.archiveAlarms.get();
  expect(values).toMatchObject([{ labels: { reason: 'mismatch' }, value: 1 }]);
});

test('objects that no manifest names are removed at the end of a run; where they cannot be, it says why', async () => {
  const month = '2020-08-01';
  await recordExecutions(database, month, 2);
  const honest = createFolderStore(folder.file('orphans'));
  const setting = { ownerUrl: database.url('audit_owner'), store: honest, key, folder: folder.path };
  const brokenOff = retentionSteps(setting);
  const of = { month, run: 'broken-off' };
  await brokenOff.freeze(of);
  await exportTables(brokenOff, of);
  await recordExecutions(database, month, 1);
  let refuses = true;
  const store: ObjectStore = {
    ...honest,
    remove: (name) => (refuses ? Promise.reject(new Error('access denied')) : honest.remove(name)),
  };
  const archiveDays = 36_500;
  const nowMs = (): number => Date.now() + 8 * DAY_MS;
  const worker = await temporal.startWorker(activities(store, { rules: { ...RULES, archiveDays }, nowMs }));
  try {
    const [stopped, ...months] = (await runRetention()).reverse();
    expect(stopped).toBe('orphans: STOPPED: access denied');
    // The month that the test before this one stops goes too, where that one ran.
    expect(months.filter((outcome) => outcome !== '2020-03: dropped')).toEqual(['2020-08: dropped']);
    refuses = false;
    expect(await runRetention()).toEqual(['orphans: 4 objects that no manifest names were removed']);
    expect(await runRetention()).toEqual([]);
  } finally {
    await worker.stop();
  }
});

test('a store that is away for a while only delays the run', async () => {
  await recordExecutions(database, '2020-05-01', 2);
  const honest = createFolderStore(folder.file('flaky'));
  let refusals = 3;
  const flaky: ObjectStore = {
    ...honest,
    put: (name, body) => {
      refusals -= 1;
      return refusals > 0 ? Promise.reject(new Error('connect ECONNREFUSED')) : honest.put(name, body);
    },
  };
  const worker = await temporal.startWorker(activities(flaky));
  try {
    expect(await runRetention()).toContain('2020-05: dropped');
  } finally {
    await worker.stop();
  }
});

test('a run goes on in another worker when its worker is stopped in the middle of an export', async () => {
  await recordExecutions(database, '2020-06-01', 2);
  const store = createFolderStore(folder.file('moved'));
  let arrived: () => void = () => undefined;
  const inTheMiddle = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const first = await temporal.startWorker(
    activities(store, {
      reached: async (point) => {
        if (point !== 'written') return;
        arrived();
        // The worker goes down around it; this attempt ends with the process, or here.
        await new Promise((_resolve, reject) => {
          setTimeout(() => {
            reject(new Error('stopped'));
          }, 1_500);
        });
      },
    }),
  );
  const result = runRetention();
  await inTheMiddle;
  await first.stop();
  const second = await temporal.startWorker(activities(store));
  try {
    expect(await result).toContain('2020-06: dropped');
  } finally {
    await second.stop();
  }
});

test('the details of a run say what it is at, and afterwards what became of it', async () => {
  await recordExecutions(database, '2020-07-01', 2);
  const { handle, worker, release } = await startHalted('reported');
  const details = async (): Promise<string> =>
    (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? '';
  try {
    await until(async () => /2020-07: verifying \w+/.test(await details()), 'the run says that it verifies');
    release();
    await handle.result();
    expect(await details()).toContain('2020-07: dropped');
  } finally {
    release();
    await worker.stop();
  }
});

test('a step of retention that takes long is kept alive by the worker, and by nothing beside it', async () => {
  await recordExecutions(database, '2020-08-01', 2);
  const { handle, worker, release } = await startHalted('slow');
  const running = async () => (await handle.describe()).raw.pendingActivities?.[0];
  try {
    await until(async () => (await running())?.activityType?.name === 'verifyExport', 'a part is verified');
    await until(async () => Boolean((await running())?.lastHeartbeatTime), 'its worker sent a heartbeat');
    // A second sender would be seen by what it said: the worker says only that it lives.
    const [details] = (await running())?.heartbeatDetails?.payloads ?? [];
    expect(Buffer.from(details?.data ?? '').toString()).toBe('');
  } finally {
    release();
    await handle.result();
    await worker.stop();
  }
});
