import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startTemporal } from '../src/embedded/temporal-server.ts';
import { createLogger } from '../src/observability/logger.ts';
import { installRuntime } from '../src/worker/runtime.ts';
import { resolveServer } from '../test/support/servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';
import { ceilingFigures } from './temporal-ceiling-figures.ts';

const BENCH = 'temporal';

export const temporalBench: Bench = {
  name: BENCH,
  question: 'What does the embedded Temporal server give to a workflow of ten lines?',
  rowsAre: 'observations per round',
  defaultRows: 1_600,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  const runtime = installRuntime(createLogger('error', BENCH));
  try {
    await using temporal = await startTemporal({
      binary: await resolveServer('temporal'),
      dataDir,
      port: 0,
      uiPort: 0,
      headless: true,
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
