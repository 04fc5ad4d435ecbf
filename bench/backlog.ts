import { randomUUID } from 'node:crypto';

import { SECOND_MS } from '../src/domain/time.ts';
import { withServers } from '../test/support/started-servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, elapsedMs } from './harness.ts';
import { inLines } from './lines.ts';
import { OBSERVATION_BYTES, observationsOf, sendInSignals } from './played-observations.ts';
import type { Shape } from './temporal-ceiling.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';
import type { SideOptions } from './workflow-side.ts';
import { openWaitingSide, storingActivities } from './workflow-side.ts';

const BENCH = 'backlog';
const SHAPE: Shape = { observations: 25, signals: 5 };
const SENT_AT_ONCE = 50;
const ROUNDS = 3;
const FEW_OBSERVATIONS = 1_000;

export const backlogBench: Bench = {
  name: BENCH,
  question: 'How fast is recorded what waits when a worker comes late, against a workflow of ten lines?',
  rowsAre: 'observations that wait, 25 of each remediation',
  defaultRows: 10_000,
  run,
};

/** The ceiling is the minimal batched workflow with an empty activity, for which as much waits in as many signals. */
async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const remediations = Math.max(1, Math.round(rows / SHAPE.observations));
  const count = remediations * SHAPE.observations;
  return withServers({ name: BENCH, temporal: 'development', report }, async (servers) => {
    const { access, database, logger } = servers;
    await using activities = storingActivities(database.writerUrl, logger);
    await using ceiling = await openTemporalCeiling({ access, observationBytes: OBSERVATION_BYTES });
    const rate = (side: string, tookMs: number): number => {
      const perSecond = (count / tookMs) * SECOND_MS;
      report(`${side}: ${perSecond.toFixed(1)} observations/s`);
      return perSecond;
    };
    const isShort = rows < FEW_OBSERVATIONS;
    return [
      await compare({
        bench: BENCH,
        metric: `${count} observations of ${remediations} remediations waiting`,
        unit: 'observations/s',
        rounds: isShort ? 1 : ROUNDS,
        warmupRounds: isShort ? 0 : 1,
        figure: async () => {
          const taskQueue = `${BENCH}-${randomUUID()}`;
          return rate('recorded', await drainedMs({ access, taskQueue, activities }, remediations));
        },
        ceiling: async () => rate('ceiling', await ceiling.backlog(remediations, SHAPE)),
      }),
    ];
  });
}

/** Milliseconds from when the worker begins until everything is stored. */
async function drainedMs(options: SideOptions, remediations: number): Promise<number> {
  await using side = await openWaitingSide(options);
  const recorded: Promise<void>[] = [];
  await inLines(SENT_AT_ONCE, remediations, async () => {
    const play = side.newRemediation();
    const observations = observationsOf(play, SHAPE.observations);
    recorded.push(...observations.map((observation) => side.recorded(observation)));
    await sendInSignals(play, observations, SHAPE.signals);
  });
  await side.begin();
  return await elapsedMs(() => Promise.all(recorded));
}
