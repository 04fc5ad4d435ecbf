import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { prepareDatabase } from '../dev/servers/postgres/database.ts';
import { startPostgres } from '../dev/servers/postgres/postgres.ts';
import { createLogger } from '../src/observability/logger.ts';
import { cacheDir } from '../test/support/servers.ts';
import type { BenchOptions } from './bench.ts';

export interface ScratchDatabase {
  readonly ownerUrl: string;
  readonly writerUrl: string;
  readonly readerUrl: string;
  /** Beside the data of PostgreSQL, for files of the bench; removed with them. */
  readonly folder: string;
}

/** Runs a bench on a PostgreSQL of its own, with our schema, that is removed afterwards. */
export async function withScratchDatabase<T>(
  bench: string,
  report: BenchOptions['report'],
  measure: (database: ScratchDatabase) => Promise<T>,
): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  try {
    // Made anew for each run: nothing is lost by not waiting for the disk while the rows are loaded.
    await using postgres = await startPostgres({
      dataDir: join(dataDir, 'postgres'),
      port: 0,
      cacheDir,
      report,
      settings: { fsync: 'off' },
    });
    const { ownerUrl, writerUrl, readerUrl } = await prepareDatabase(
      postgres,
      1,
      createLogger('error', bench),
    );
    return await measure({ ownerUrl, writerUrl, readerUrl, folder: join(dataDir, 'work') });
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}
