import { mkdir, readFile, writeFile } from 'node:fs/promises';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { ManifestPart } from '../../src/archive/manifest/manifest.ts';
import { createPartCache } from '../../src/archive/reader/part-cache.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import { hashFile } from '../../src/archive/store/object-store.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

const PARTS = 6;
const QUESTIONS = 20;

let folder: TestFolder;

beforeAll(async () => {
  folder = await createTestFolder();
});
afterAll(() => folder.remove());

async function archivedParts(): Promise<readonly ManifestPart[]> {
  await mkdir(folder.file('archive'));
  return Promise.all(
    Array.from({ length: PARTS }, async (_, index) => {
      const key = `part-${index}`;
      await writeFile(folder.file(`archive/${key}`), key.repeat(1_000));
      const { sha256, sizeBytes } = await hashFile(folder.file(`archive/${key}`));
      return {
        key,
        sha256,
        sizeBytes,
        table: 'ai_analysis_audit',
        rows: 1,
        digest: '',
        rowHashes: { key: '', sha256: '' },
        first: '',
        last: '',
      };
    }),
  );
}

test('a cache smaller than one part serves many questions at once that read many parts each', async () => {
  const parts = await archivedParts();
  const cache = createPartCache({
    store: createFolderStore(folder.file('archive')),
    folder: folder.file('cache'),
    maxBytes: 1,
  });
  const ask = async (question: number): Promise<void> => {
    const into = folder.file(`question-${question}`);
    await mkdir(into);
    for (const [index] of parts.entries()) {
      const part = parts[(index + question) % PARTS] ?? expect.unreachable();
      expect(await readFile(await cache.fetch(part, into), 'utf8')).toBe(part.key.repeat(1_000));
    }
  };
  await Promise.all(Array.from({ length: QUESTIONS }, (_, question) => ask(question)));
});
