import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { ArchiveContext } from '../../src/archive/archive-context.ts';
import { applyStoreHolds } from '../../src/archive/expiry/store-holds.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { ObjectHeldError } from '../../src/archive/store/object-store.ts';
import { createS3Store } from '../../src/archive/store/s3-store.ts';
import type { HoldScope } from '../../src/database/holds/holds.ts';
import {
  describeHold,
  describeHoldInArchive,
  listHolds,
  placeHold,
  releaseHold,
} from '../../src/database/holds/holds.ts';
import { withMaintenanceClient } from '../../src/database/maintenance.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createHoldReconciler } from '../../src/services/hold-reconciler.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import {
  archiveContext,
  exportTables,
  recordExecutions,
  retentionSteps,
  runRetention,
} from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';
import { startVersitygw, type Versitygw } from '../support/versitygw.ts';

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let s3: Versitygw;
let month = '2017-12-01';
let store: ObjectStore;

beforeAll(async () => {
  [database, folder, s3] = await Promise.all([
    createTestDatabase({ monthsAhead: 1 }),
    createTestFolder(),
    startVersitygw(),
  ]);
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  for (const [name, headers] of [
    ['plain', {}],
    ['locked', { 'x-amz-bucket-object-lock-enabled': 'true' }],
  ] as const)
    expect((await s3.send({ method: 'PUT', path: `/${name}`, headers })).status).toBe(200);
});
afterAll(async () => {
  await s3.stop();
  await database.close();
  await folder.remove();
});
beforeEach(() => {
  month = addMonths(month, 1);
});

function s3Store(bucket: string): ObjectStore {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const credentials = { accessKeyId, secretAccessKey };
  return createS3Store({ bucket, prefix: month, endpoint, region, pathStyle: true, credentials });
}

const setting = () => ({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path });
const apply = () => applyStoreHolds(archiveContext(setting()));
const steps = (changes: Partial<ArchiveContext> = {}) => retentionSteps(setting(), changes);
const place = (scope: HoldScope) => placeHold(database.writer, scope, { by: 'auditor', reason: 'case 17' });
const release = (id: string) => releaseHold(database.writer, id, 'counsel');
const holdOf = async (id: string) =>
  (await listHolds(database.writer, { released: true })).find((one) => one.id === id);
const wholeMonth = () => ({ from: `${month}T00:00:00Z`, to: `${addMonths(month, 1)}T00:00:00Z` });

/** Which objects of the store cannot be removed; those that can are gone afterwards. */
async function removeAll(): Promise<{ kept: string[]; removed: string[] }> {
  const [kept, removed]: [string[], string[]] = [[], []];
  for (const name of await objects()) {
    const gone = await store.remove(name).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ObjectHeldError) return false;
        throw error;
      },
    );
    (gone ? removed : kept).push(name);
  }
  return { kept, removed };
}

const objects = async () => [
  ...(await store.list('table=')),
  ...(await store.list('row-hashes/')),
  ...(await store.list('manifests/')),
];

async function archive(rows = 12): Promise<void> {
  await recordExecutions(database, month, rows);
  expect(await runRetention(steps(), month)).toEqual([`${month.slice(0, 7)}: dropped`]);
}

describe.each([
  ['a folder', () => createFolderStore(folder.file(`archive-${month}`))],
  ['S3 with object lock', () => s3Store('locked')],
] as const)('in %s', (_name, create) => {
  beforeEach(() => {
    store = create();
  });

  test('a hold on a dropped month holds each of its objects, until it is released', async () => {
    await archive();
    const { id } = await place(wholeMonth());
    await apply();
    const all = await objects();
    expect(await removeAll()).toEqual({ kept: all, removed: [] });
    expect(await holdOf(id)).toMatchObject({
      archive: [{ month: month.slice(0, 7), state: 'held', objects: all.length }],
      placedBy: 'auditor',
      reason: 'case 17',
    });
    await release(id);
    await apply();
    expect(await holdOf(id)).toMatchObject({
      archive: [{ state: 'released' }],
      placedBy: 'auditor',
      releasedBy: 'counsel',
    });
    expect(await removeAll()).toEqual({ kept: [], removed: all });
  });

  test('of two holds on one month the last one lets it go', async () => {
    await archive();
    const [first, second] = [await place(wholeMonth()), await place(wholeMonth())];
    await apply();
    await release(first.id);
    await apply();
    expect((await removeAll()).removed).toEqual([]);
    expect(await holdOf(first.id)).toMatchObject({ archive: [{ state: 'released' }] });
    expect(await holdOf(second.id)).toMatchObject({ archive: [{ state: 'held' }] });
    await release(second.id);
    await apply();
    expect((await removeAll()).kept).toEqual([]);
  });

  test('a hold that is replaced by another before the store knew of either never lets the month go', async () => {
    await archive();
    const first = await place(wholeMonth());
    await apply();
    await release(first.id);
    const second = await place(wholeMonth());
    const honest = store;
    const calls: boolean[] = [];
    store = {
      ...honest,
      setLegalHold: (name, held) => {
        calls.push(held);
        return honest.setLegalHold(name, held);
      },
    };
    await apply();
    expect(new Set(calls)).toEqual(new Set([true]));
    await release(second.id);
    await apply();
    expect((await removeAll()).kept).toEqual([]);
  });

  test('what is uploaded under a hold is held from its first moment', async () => {
    await recordExecutions(database, month, 12);
    const holds: string[] = [];
    const report = await runRetention(
      steps({
        reached: async (point) => {
          if (point === 'frozen') holds.push((await place(wholeMonth())).id);
        },
      }),
      month,
    );
    expect(report).toEqual([`${month.slice(0, 7)}: kept and attached again because of a hold`]);
    const all = await objects();
    expect(all.length).toBeGreaterThan(2);
    // Nobody brought the hold to the store but the upload.
    expect(await removeAll()).toEqual({ kept: all, removed: [] });
    for (const id of holds) await release(id);
    await apply();
    expect((await removeAll()).kept).toEqual([]);
  });
});

describe('in a folder', () => {
  beforeEach(() => {
    store = createFolderStore(folder.file(`archive-${month}`));
  });

  test('a hold that matches no archived row of a month leaves its objects alone', async () => {
    await archive();
    const others = [
      await place({ namespace: 'nowhere' }),
      await place({ target: 'payments/Deployment/none' }),
      await place({ cluster: 'elsewhere' }),
      await place({ remediationUid: 'not-a-uid' }),
      await place({ from: `${month}T00:00:00Z`, to: `${month}T00:00:01Z`, cluster: 'default' }),
    ];
    await apply();
    for (const { id } of others) {
      expect(await holdOf(id)).toMatchObject({ archive: [] });
      await release(id);
    }
    expect((await removeAll()).kept).toEqual([]);
  });

  test('a hold finds the archived rows that it is about by each member of its scope', async () => {
    const observation = executionObservation({ createdAt: `${month.slice(0, 8)}15T12:00:00.000000Z` });
    await createRecordStore(database.writer).record([observation]);
    const { rows } = await database.owner.query<Record<'cluster' | 'namespace' | 'uid' | 'target', string>>(
      `select cluster, namespace, remediation_uid as uid, target_resource as target
       from workflow_execution_audit where created_at >= $1 and created_at < $2`,
      [month, addMonths(month, 1)],
    );
    const [row] = rows;
    if (row === undefined) throw new Error('no row');
    await runRetention(steps(), month);
    const scopes: HoldScope[] = [
      { remediationUid: row.uid, ...wholeMonth() },
      { cluster: row.cluster, ...wholeMonth() },
      { namespace: row.namespace, ...wholeMonth() },
      { target: row.target, ...wholeMonth() },
      {
        remediationUid: row.uid,
        from: `${month.slice(0, 8)}15T12:00:00Z`,
        to: `${month.slice(0, 8)}15T12:00:00.000001Z`,
      },
    ];
    for (const scope of scopes) {
      const { id } = await place(scope);
      await apply();
      expect(await holdOf(id), JSON.stringify(scope)).toMatchObject({
        archive: [{ month: month.slice(0, 7), state: 'held' }],
      });
      await release(id);
      await apply();
    }
  });

  test('a supplement of a held month is held as soon as it is archived', async () => {
    await archive();
    await recordExecutions(database, month, 1);
    const under = steps();
    const of = { month, run: 'under-way' };
    await under.freeze(of);
    // The month stays live under the hold; archived all the same by a run that was under way.
    const { id } = await place(wholeMonth());
    await apply();
    const before = await objects();
    await exportTables(under, of);
    await under.seal(of);
    expect((await objects()).length).toBeGreaterThan(before.length);
    await apply();
    expect(await holdOf(id)).toMatchObject({
      archive: [{ objects: (await objects()).length, state: 'held' }],
    });
    expect((await removeAll()).removed).toEqual([]);
    await release(id);
    await apply();
  });

  test('a hold reaches a store that was away once it is back, however often it fails on the way', async () => {
    await archive();
    const { id } = await place(wholeMonth());
    const honest = store;
    let calls = 0;
    store = {
      ...honest,
      setLegalHold: (name, held) => {
        calls += 1;
        // Each round gets one object further.
        return calls % 2 === 0
          ? Promise.reject(new Error('connect ECONNREFUSED'))
          : honest.setLegalHold(name, held);
      },
    };
    expect(await apply()).toMatchObject({
      pending: 1,
      troubles: [`${month.slice(0, 7)}: connect ECONNREFUSED`],
    });
    expect(await holdOf(id)).toMatchObject({ archive: [] });
    store = honest;
    expect(await apply()).toMatchObject({ pending: 0 });
    expect((await removeAll()).removed).toEqual([]);
    await release(id);
    await apply();
  });

  test('a month whose manifest cannot be read keeps no other month from being held', async () => {
    await archive();
    const damaged = month;
    month = addMonths(month, 1);
    await archive();
    const { id } = await place({
      from: `${damaged}T00:00:00Z`,
      to: `${addMonths(month, 1)}T00:00:00Z`,
      cluster: 'test',
    });
    const honest = store;
    store = {
      ...honest,
      read: (name) => (name.endsWith('1.json') ? Promise.reject(new Error('read error')) : honest.read(name)),
      list: async (prefix) => (await honest.list(prefix)).filter((name) => !name.endsWith('1.json')),
    };
    expect(await apply()).toMatchObject({ troubles: [`${damaged.slice(0, 7)}: read error`] });
    expect((await holdOf(id))?.archive.map(({ month: held }) => held)).toEqual([month.slice(0, 7)]);
    store = honest;
    expect(await apply()).toMatchObject({ pending: 0, troubles: [] });
    await release(id);
    await apply();
  });

  test('one of several reconcilers works, and when it is lost the next one goes on', async () => {
    await archive();
    const { id } = await place(wholeMonth());
    await withMaintenanceClient(
      { connectionString: database.url('audit_owner'), lockTimeoutMs: 500 },
      async (client) => {
        await client.query("select pg_advisory_lock(hashtext('audit_hold_archive'))");
        expect(await apply()).toBeUndefined();
        expect(await holdOf(id)).toMatchObject({ archive: [] });
      },
    );
    expect(await apply()).toMatchObject({ pending: 0 });
    await release(id);
    await apply();
  });

  test('a reconciler works until it is stopped, and the metrics say what is held', async () => {
    await archive();
    const { id } = await place(wholeMonth());
    const metrics = createMetrics();
    const reconciler = createHoldReconciler({
      context: archiveContext(setting()),
      metrics: metrics.maintenance,
      logger: createLogger('silent', 'test'),
      roundMs: 20,
    });
    reconciler.start();
    const page = /archive_holds\{state="held"\} 1/;
    await until(async () => page.test(await metrics.registry.metrics()), 'the hold is in the store');
    await release(id);
    await until(async () => (await removeAll()).kept.length === 0, 'the hold is gone from the store');
    await reconciler.stop();
  });
});

test('a store without legal holds is reported, and the month is held in the database all the same', async () => {
  store = s3Store('plain');
  await archive();
  const { id } = await place(wholeMonth());
  expect(await apply()).toMatchObject({ unsupported: 1, pending: 0 });
  const hold = await holdOf(id);
  if (hold === undefined) throw new Error('no hold');
  expect(hold.archive).toEqual([{ month: month.slice(0, 7), state: 'unsupported', objects: 0 }]);
  expect(`${describeHold(hold)}; ${describeHoldInArchive(hold) ?? ''}`).toMatch(
    /by auditor: case 17; NOT held in the archive, whose store knows no legal holds: \d{4}-\d\d$/,
  );
  await release(id);
  await apply();
});
