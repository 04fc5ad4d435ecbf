import type { AddressInfo } from 'node:net';

import { request } from 'undici';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import type {
  ArchiveReader,
  ArchiveReaderOptions,
  ArchiveResult,
} from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { createTestApi } from '../support/api.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { recordExecutions, retentionSteps, runRetention } from '../support/retention.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';
import { until } from '../support/until.ts';

/** One part takes more than the share of the time after which a page ends, and leaves a busy machine the rest. */
const [SLOW_MS, TIMEOUT_MS] = [2_100, 5_000];
const URL_OF_ALL = '/api/v1/audit/workflow-execution?limit=1000';

let database: TestDatabase;
let folder: TestFolder;
let key: SigningKey;
let store: ObjectStore;
let results: ArchiveResult[];
let caches = 0;

beforeAll(async () => {
  database = await createTestDatabase({ monthsAhead: 1 });
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
  store = createFolderStore(folder.file('archive'));
  for (const month of ['2020-01-01', '2020-02-01', '2020-03-01']) await recordExecutions(database, month, 12);
  await runRetention(
    retentionSteps({ ownerUrl: database.url('audit_owner'), store, key, folder: folder.path }),
  );
});
afterAll(async () => {
  await database.close();
  await folder.remove();
});
beforeEach(() => {
  results = [];
});

/** A store that delivers parts only on request. */
function heldStore(): { held: ObjectStore; release: () => void; waiting: () => number } {
  let release: () => void = () => undefined;
  let waiting = 0;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const held: ObjectStore = {
    ...store,
    download: async (name, path) => {
      waiting += 1;
      await gate;
      await store.download(name, path);
    },
  };
  return { held, release, waiting: () => waiting };
}

/** With a cache of its own, so that parts are downloaded. */
function readerOf(from: ObjectStore, given: Partial<ArchiveReaderOptions> = {}): ArchiveReader {
  caches += 1;
  const observe = {
    question: (result: ArchiveResult) => void results.push(result),
    part: () => undefined,
  };
  return testArchiveReader(
    { store: from, key, folder: folder.file(`cache-${caches}`) },
    { observe, ...given },
  ).reader;
}

test('questions beyond the limit wait for their turn, and more than may wait are turned away', async () => {
  const { held, release, waiting } = heldStore();
  const reader = readerOf(held, { concurrency: 1 });
  const api = createTestApi(database, { archive: { reader } });
  const asked = Array.from({ length: 20 }, () => api.inject({ url: URL_OF_ALL }));
  await until(() => results.includes('refused'), 'somebody is turned away');
  await until(() => waiting() === 1, 'one is being answered');
  release();
  const answers = await Promise.all(asked);
  const refused = answers.filter(({ statusCode }) => statusCode === 503);
  expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(17);
  expect(refused).toHaveLength(3);
  expect(refused[0]?.json()).toMatchObject({ type: 'urn:remediation-audit:problem:archive-busy' });
  expect(refused[0]?.headers['retry-after']).toBeDefined();
  await api.close();
  await reader.close();
});

test('a store that does not deliver in time is named, and the turn is free when it does', async () => {
  const { held, release } = heldStore();
  const reader = readerOf(held, { concurrency: 1, timeoutMs: 3_000 });
  const api = createTestApi(database, { archive: { reader } });
  const answer = await api.inject({ url: URL_OF_ALL });
  expect(answer.json()).toMatchObject({
    status: 503,
    type: 'urn:remediation-audit:problem:archive-unavailable',
    detail: expect.stringMatching(/archive\/? did not deliver table=.* in time/) as string,
  });
  release();
  await until(
    async () => (await api.inject({ url: URL_OF_ALL })).statusCode === 200,
    'the next question is answered',
    10_000,
  );
  await api.close();
  await reader.close();
});

test('a question whose client is gone is given up, and its turn is free', async () => {
  const { held, release, waiting } = heldStore();
  const reader = readerOf(held, { concurrency: 1 });
  const api = createTestApi(database, { archive: { reader } });
  await api.listen({ host: '127.0.0.1', port: 0 });
  const { port } = api.server.address() as AddressInfo;
  const leaving = new AbortController();
  const abandoned = request(`http://127.0.0.1:${port}${URL_OF_ALL}`, { signal: leaving.signal });
  await until(() => waiting() === 1, 'the part is being waited for');
  leaving.abort();
  await expect(abandoned).rejects.toThrow(/abort/i);
  await until(() => results.includes('abandoned'), 'the question is given up');
  release();
  const next = await request(`http://127.0.0.1:${port}${URL_OF_ALL}`);
  expect(next.statusCode).toBe(200);
  await next.body.dump();
  await api.close();
  await reader.close();
});

test('a page that takes long ends early, and the next one goes on behind it', async () => {
  const slow: ObjectStore = {
    ...store,
    download: async (name, path) => {
      const begun = performance.now();
      await until(() => performance.now() - begun > SLOW_MS, 'the store has been slow');
      await store.download(name, path);
    },
  };
  const reader = readerOf(slow, { timeoutMs: TIMEOUT_MS });
  const api = createTestApi(database, { archive: { reader } });
  const seen: string[] = [];
  let pages = 0;
  let cursor: string | null = '';
  while (cursor !== null) {
    const answer = await api.inject({ url: `${URL_OF_ALL}&cursor=${cursor}` });
    expect(answer.statusCode, answer.body).toBe(200);
    const page: { items: { id: string }[]; next_cursor: string | null } = answer.json();
    seen.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
    pages += 1;
  }
  expect(pages).toBeGreaterThan(2);
  expect(seen).toHaveLength(36);
  expect(new Set(seen).size).toBe(36);
  await api.close();
  await reader.close();
});

test('the cache lets the least used parts go, and never those that a question reads', async () => {
  const reader = readerOf(store, { cacheBytes: 1, concurrency: 4 });
  const api = createTestApi(database, { archive: { reader } });
  const answers = await Promise.all(Array.from({ length: 8 }, () => api.inject({ url: URL_OF_ALL })));
  for (const answer of answers) expect(answer.statusCode, answer.body).toBe(200);
  for (const answer of answers) expect(answer.json<{ items: unknown[] }>().items).toHaveLength(36);
  await api.close();
  await reader.close();
});

test('a question that needs more memory than there is says so', async () => {
  const reader = readerOf(store);
  await expect(
    reader.ask(new AbortController().signal, ({ duckdb }) =>
      duckdb.rows(
        "select md5(string_agg(repeat(md5(n::varchar), 100), '')) from range(10000000) as numbers (n)",
      ),
    ),
  ).rejects.toThrow(/memory/i);
  expect(results).toEqual(['failed']);
  await reader.close();
});
