import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startPostgres } from '../src/embedded/postgres.ts';
import { startTemporalOnPostgres } from '../src/embedded/temporal-server-postgres.ts';
import { createLogger } from '../src/observability/logger.ts';
import { installRuntime } from '../src/worker/runtime.ts';
import { cacheDir, resolveServer } from '../test/support/servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';
import { ceilingFigures } from './temporal-ceiling-figures.ts';

const BENCH = 'temporal-postgres';

export const temporalPostgresBench: Bench = {
  name: BENCH,
  question: 'What does temporal-server on PostgreSQL give to a workflow of ten lines?',
  rowsAre: 'observations per round',
  defaultRows: 1_600,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  const runtime = installRuntime(createLogger('error', BENCH));
  try {
    await using postgres = await startPostgres({
      dataDir: join(dataDir, 'postgres'),
      port: 0,
      cacheDir,
      report,
    });
    await using temporal = await startTemporalOnPostgres({
      binaries: {
        server: await resolveServer('temporal-server'),
        sqlTool: await resolveServer('temporal-sql-tool'),
      },
      postgres,
      dataDir: join(dataDir, 'temporal'),
      port: 0,
      searchAttributes: {},
      report,
    });
    const { address, namespace } = temporal;
    const access = { connectionOptions: { address }, namespace };
    await using ceiling = await openTemporalCeiling({ access });
    return await ceilingFigures({ bench: BENCH, ceiling, observations: rows, report });
  } finally {
    await runtime.shutdown();
    await rm(dataDir, { recursive: true, force: true });
  }
}
