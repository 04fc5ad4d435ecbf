import { withServers } from '../test/support/started-servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { OBSERVATION_BYTES } from './played-observations.ts';
import { ceilingFigures } from './temporal-ceiling-figures.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';
import { openSide, storingActivities } from './workflow-side.ts';
import { recordingFigures } from './workflow.ts';

const BENCH = 'temporal-postgres';

export const temporalPostgresBench: Bench = {
  name: BENCH,
  question:
    'How fast is recording on temporal-server with PostgreSQL, and what does that server give to a workflow of ten lines?',
  rowsAre: 'observations per round',
  defaultRows: 1_600,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withServers({ name: BENCH, temporal: 'postgres', report }, async (servers) => {
    const { access, database, logger } = servers;
    await using activities = storingActivities(database.writerUrl, logger);
    await using ours = await openSide({ access, taskQueue: 'bench', activities });
    await using ceiling = await openTemporalCeiling({ access, observationBytes: OBSERVATION_BYTES });
    const request = { bench: BENCH, ceiling, observations: rows, report };
    return [...(await ceilingFigures(request)), ...(await recordingFigures({ ...request, ours }))];
  });
}
