import { withTemporal } from '../test/support/started-servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { ceilingFigures } from './temporal-ceiling-figures.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';

const BENCH = 'temporal';

export const temporalBench: Bench = {
  name: BENCH,
  question: 'What does the embedded Temporal server give to a workflow of ten lines?',
  rowsAre: 'observations per round',
  defaultRows: 1_600,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withTemporal({ name: BENCH, report }, async ({ access }) => {
    await using ceiling = await openTemporalCeiling({ access });
    return await ceilingFigures({ bench: BENCH, ceiling, observations: rows, report });
  });
}
