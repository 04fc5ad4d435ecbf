import { withServers } from '../test/support/started-servers.ts';
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
  return withServers({ name: BENCH, temporal: 'postgres', report }, async ({ access }) => {
    await using ceiling = await openTemporalCeiling({ access });
    return await ceilingFigures({ bench: BENCH, ceiling, observations: rows, report });
  });
}
