import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { ColdQuestion } from '../../src/archive/cold-query.ts';
import { queryArchive } from '../../src/archive/cold-query.ts';
import type { DuckDb } from '../../src/archive/duckdb.ts';
import { openDuckDb } from '../../src/archive/duckdb.ts';
import { createFolderStore } from '../../src/archive/folder-store.ts';
import type { Manifest } from '../../src/archive/manifest.ts';
import type { ObjectStore } from '../../src/archive/object-store.ts';
import { createPartCache } from '../../src/archive/part-cache.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/signing-key.ts';
import { newestByMonth, readChain } from '../../src/archive/verify-archive.ts';
import { createRecordStore } from '../../src/database/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const TABLE = 'workflow_execution_audit';

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let store: ObjectStore;
let duckdb: DuckDb;
let rowsBefore: { id: string; row: string }[];
let manifests: readonly Manifest[];

/** What is left of a record is one observation; the other one is archived already. */
const observed: Observation = executionObservation({
  createdAt: '2020-02-03T04:05:06.700000Z',
  sourceVersion: '7',
  columns: { remediation_id: 'parted', phase: 'Running', started_at: '2020-02-03T04:05:07.120000Z' },
});

const retain = (): Promise<string[]> =>
  runRetention(retentionSteps({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path }));

async function readManifests(): Promise<readonly Manifest[]> {
  const chain = await readChain(store, new Map([[key.keyId, key.publicKey]]));
  return [...newestByMonth(chain.manifests).values()];
}

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  store = createFolderStore(folder.file('archive'));
  duckdb = await openDuckDb({ folder: folder.path });
  await recordExecutions(database, '2020-01-01', 25);
  await recordExecutions(database, '2020-02-01', 5);
  await createRecordStore(database.writer).record([observed]);
  const { rows } = await database.owner.query<{ id: string; row: string }>(
    `select id::text, row(created_at, remediation_id, phase)::text as row from ${TABLE} order by created_at desc, id desc`,
  );
  rowsBefore = rows;
  await retain();
  manifests = await readManifests();
});
afterAll(async () => {
  duckdb.close();
  await database.close();
  await folder.remove();
});

const ask = (question: Partial<ColdQuestion> = {}) =>
  queryArchive(
    { duckdb, cache: createPartCache({ store, folder: folder.file('cache'), maxBytes: 1_000_000 }) },
    manifests,
    { table: TABLE, order: 'desc', limit: 1_000, ...question },
  );

test('the archive gives the rows that the table had, in its order', async () => {
  const { rows, unreadable } = await ask();
  expect(unreadable).toEqual([]);
  expect(rows.map(({ id }) => id)).toEqual(rowsBefore.map(({ id }) => id));
  expect(Object.keys(rows[0] ?? {})).toContain('source_version');
});

test('pages by cursor give every row once', async () => {
  const seen: unknown[] = [];
  let after: ColdQuestion['after'];
  for (;;) {
    const { rows } = await ask({ limit: 7, ...(after === undefined ? {} : { after }) });
    seen.push(...rows.map(({ id }) => id));
    const last = rows.at(-1);
    if (last === undefined) break;
    after = { createdAt: String(last['created_at']), id: String(last['id']) };
  }
  expect(seen).toEqual(rowsBefore.map(({ id }) => id));
});

test('a window and a column choose the rows', async () => {
  const window = { since: '2020-02-01T00:00:00.000000Z', until: '2020-03-01T00:00:00.000000Z' };
  expect((await ask(window)).rows).toHaveLength(6);
  expect((await ask({ ...window, equal: { remediation_id: 'parted' } })).rows).toHaveLength(1);
  expect((await ask({ equal: { remediation_id: "it's nobody" } })).rows).toEqual([]);
  await expect(ask({ equal: { '1 = 1 or id': 'x' } })).rejects.toThrow(/has no column/);
});

test('parts outside the window are not even fetched', async () => {
  const fetched: string[] = [];
  const cache = {
    fetch: (part: { key: string }) => {
      fetched.push(part.key);
      return Promise.reject(new Error('not now'));
    },
  };
  const question = { table: TABLE, order: 'asc' as const, limit: 1, until: '2020-02-01T00:00:00.000000Z' };
  const { unreadable } = await queryArchive({ duckdb, cache }, manifests, question);
  expect(fetched.every((name) => name.includes('month=2020-01'))).toBe(true);
  expect(unreadable.map((part) => part.key)).toEqual(fetched);
  expect(fetched).toHaveLength(3);
});

test('a record whose observations lie in several parts is one row, folded in the order of versions', async () => {
  // Older than what is archived: it fills what the newer one left open and overrides nothing.
  await createRecordStore(database.writer).record([
    {
      ...observed,
      sourceVersion: '3',
      columns: { remediation_id: 'parted', phase: 'Pending', workflow_id: 'late' },
    },
  ]);
  await retain();
  manifests = await readManifests();
  const { rows } = await ask({ equal: { remediation_id: 'parted' } });
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatchObject({
    created_at: '2020-02-03 04:05:06.7+00',
    started_at: '2020-02-03 04:05:07.12+00',
    phase: 'Running',
    workflow_id: 'late',
    revision: '2',
    source_version: '7',
  });
  expect((await ask()).rows).toHaveLength(rowsBefore.length);
});

test('a part that is damaged or gone makes the answer say so', async () => {
  await rm(folder.file('cache'), { recursive: true, force: true });
  const [damaged, gone] = manifests.flatMap(({ parts }) => parts).filter(({ table }) => table === TABLE);
  await chmod(join(folder.file('archive'), damaged?.key ?? ''), 0o644);
  await writeFile(join(folder.file('archive'), damaged?.key ?? ''), 'no parquet');
  await rm(join(folder.file('archive'), gone?.key ?? ''));
  const { rows, unreadable } = await ask();
  expect(rows.length).toBeLessThan(rowsBefore.length);
  expect(unreadable.map((part) => part.key)).toEqual([damaged?.key, gone?.key]);
});
