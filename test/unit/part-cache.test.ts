import { chmod, chown, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { ManifestPart } from '../../src/archive/manifest/manifest.ts';
import { createPartCache } from '../../src/archive/reader/part-cache.ts';
import { openPrivateFolder } from '../../src/archive/reader/private-folder.ts';
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

async function archivedParts(archive = 'archive'): Promise<readonly ManifestPart[]> {
  await mkdir(folder.file(archive));
  return Promise.all(
    Array.from({ length: PARTS }, async (_, index) => {
      const key = `part-${index}`;
      await writeFile(folder.file(`${archive}/${key}`), key.repeat(1_000));
      const { sha256, sizeBytes } = await hashFile(folder.file(`${archive}/${key}`));
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

test('a file of the cache with the name and the size of a part, but other content, is not used', async () => {
  const [part = expect.unreachable()] = await archivedParts('forged');
  const options = {
    store: createFolderStore(folder.file('forged')),
    folder: folder.file('forged-cache'),
    maxBytes: 1_000_000,
  };
  const into = folder.file('forged-question');
  await mkdir(into);
  await mkdir(options.folder, { mode: 0o700 });
  const path = join(options.folder, `${part.sha256}.parquet`);
  await writeFile(path, 'x'.repeat(part.sizeBytes));

  const cache = createPartCache(options);
  expect(await readFile(await cache.fetch(part, into), 'utf8')).toBe(part.key.repeat(1_000));
  // Another file in its place, while the process runs.
  await rm(into, { recursive: true });
  await mkdir(into);
  await rm(path);
  await writeFile(path, 'y'.repeat(part.sizeBytes));
  expect(await readFile(await cache.fetch(part, into), 'utf8')).toBe(part.key.repeat(1_000));
});

describe('the folder of the cache', () => {
  const fetchInto = async (name: string): Promise<string> => {
    const [part = expect.unreachable()] = await archivedParts(`${name}-archive`);
    const cache = createPartCache({
      store: createFolderStore(folder.file(`${name}-archive`)),
      folder: folder.file(name),
      maxBytes: 1_000_000,
    });
    const into = folder.file(`${name}-question`);
    await mkdir(into);
    return cache.fetch(part, into);
  };
  const modeOf = async (name: string): Promise<number> => (await stat(folder.file(name))).mode & 0o777;

  test('is for its user alone, also where an earlier version made it', async () => {
    await fetchInto('new');
    expect(await modeOf('new')).toBe(0o700);
    await mkdir(folder.file('earlier'), { mode: 0o755 });
    await fetchInto('earlier');
    expect(await modeOf('earlier')).toBe(0o700);
  });

  test('is refused with a remedy when others may write to it', async () => {
    await mkdir(folder.file('shared'));
    await chmod(folder.file('shared'), 0o777);
    await expect(fetchInto('shared')).rejects.toThrow(
      /shared: other users may write to it, .*REMEDIATION_AUDIT_ARCHIVE_WORK_DIR$/,
    );
  });

  test('is refused when it is a link', async () => {
    await mkdir(folder.file('elsewhere'));
    await symlink(folder.file('elsewhere'), folder.file('link'));
    await expect(fetchInto('link')).rejects.toThrow(/link: it is no directory/);
  });

  test('is refused when it belongs to another user', async () => {
    // Only root may give a folder away; everybody else has one of root's in front of them.
    const isRoot = process.getuid?.() === 0;
    const foreign = isRoot ? folder.file('foreign') : '/';
    if (isRoot) {
      await mkdir(foreign, { mode: 0o700 });
      await chown(foreign, 65_534, 65_534);
    }
    await expect(openPrivateFolder(foreign)).rejects.toThrow(
      `${foreign}: it belongs to user ${isRoot ? 65_534 : 0}`,
    );
  });
});

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
