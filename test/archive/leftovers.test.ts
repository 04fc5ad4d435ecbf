import { mkdir, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';

import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { DAY_MS } from '../../src/domain/time.ts';
import { testArchiveReader } from '../support/archive-reader.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const DAYS = { ago: 2, off: 3 };

let folder: TestFolder;
let key: SigningKey;
/** Where the readers of a test have their folders. */
let parent: string;
let count = 0;

beforeAll(async () => {
  folder = await createTestFolder();
  key = await readOrCreateSigningKey(folder.file('key.pem'));
});
afterAll(() => folder.remove());
beforeEach(async () => {
  count += 1;
  parent = folder.file(`work-${count}/parts`);
  await mkdir(parent, { recursive: true });
});
afterEach(() => {
  vi.useRealTimers();
});

function createReader(memoryLimit = '256MB'): ArchiveReader {
  const setting = { store: createFolderStore(folder.file('archive')), key, folder: join(parent, '..') };
  return testArchiveReader(setting, { memoryLimit }).reader;
}

/** A folder that was used so many days ago, by the clock of the file system. */
async function leave(name: string, daysAgo = 0): Promise<void> {
  const path = join(parent, name);
  await mkdir(path);
  const { mtimeMs } = await stat(path);
  const then = new Date(mtimeMs - daysAgo * DAY_MS);
  await utimes(path, then, then);
}

const ask = (reader: ArchiveReader, sql: string) =>
  reader.ask(new AbortController().signal, ({ duckdb }) => duckdb.rows(sql));

test.each([
  ['is right', 0],
  ['is days ahead', DAYS.off],
  ['is days behind', -DAYS.off],
])(
  'what killed processes left is removed and what others use stays, when our clock %s',
  async (_name, days) => {
    await leave('question-killed', DAYS.ago);
    await leave('spill-killed', DAYS.ago);
    await leave('spill-other');
    await leave('not-ours', DAYS.ago);
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * DAY_MS });
    const reader = createReader();
    await ask(reader, 'select 1');
    await reader.close();
    expect((await readdir(parent)).sort()).toEqual(['not-ours', 'spill-other']);
  },
);

test('two readers of one process have folders of their own, which go with them', async () => {
  const [first, second] = [createReader(), createReader()];
  await Promise.all([ask(first, 'select 1'), ask(second, 'select 1')]);
  expect(await readdir(parent)).toHaveLength(2);
  await first.close();
  expect(await readdir(parent)).toHaveLength(1);
  await second.close();
  expect(await readdir(parent)).toEqual([]);
});

test('a reader whose folder another process took for a leftover still answers, also what has to spill', async () => {
  const reader = createReader('64MB');
  await ask(reader, 'select 1');
  for (const name of await readdir(parent)) await rm(join(parent, name), { recursive: true });
  const hashes = 'select distinct md5(n::varchar) from range(1500000) as numbers (n)';
  expect(await ask(reader, `select count(*)::varchar as hashes from (${hashes})`)).toEqual([
    { hashes: '1500000' },
  ]);
  await reader.close();
});
