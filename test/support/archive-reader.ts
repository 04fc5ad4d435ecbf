import { join } from 'node:path';

import type { ArchiveReader, ArchiveReaderOptions } from '../../src/archive/reader/archive-reader.ts';
import { createArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import type { RetentionSetting } from './retention.ts';

/** Reads what `retentionSteps` of the same setting wrote, and keeps the tables of the parts that it opened. */
export function testArchiveReader(
  { store, key, folder }: Omit<RetentionSetting, 'ownerUrl'>,
  given: Partial<ArchiveReaderOptions> = {},
): { readonly reader: ArchiveReader; readonly opened: string[] } {
  const opened: string[] = [];
  const reader = createArchiveReader({
    store,
    trustedKeys: () => Promise.resolve(new Map([[key.keyId, key.publicKey]])),
    folder: join(folder, 'parts'),
    cacheBytes: 100_000_000,
    memoryLimit: '256MB',
    concurrency: 2,
    timeoutMs: 60_000,
    observe: {
      question: () => undefined,
      part: (table) => {
        opened.push(table);
      },
    },
    ...given,
  });
  return { reader, opened };
}
