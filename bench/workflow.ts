import { withServers } from '../test/support/started-servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, elapsedMs, ratePerSecond, summarise } from './harness.ts';
import { inLines } from './lines.ts';
import { OBSERVATION_BYTES, observationsOf, sendInSignals } from './played-observations.ts';
import { quantile } from './statistics.ts';
import { SHAPES } from './temporal-ceiling-figures.ts';
import type { Shape, TemporalCeiling } from './temporal-ceiling.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';
import { openSide, storingActivities, type WorkflowSide } from './workflow-side.ts';

const BENCH = 'workflow';
const AT_ONCE = 50;
const ROUNDS = 3;
const FEW_OBSERVATIONS = 1_000;
/** Latencies are taken one at a time: fewer of them measure as well. */
const LATENCY_SHARE = 20;
const WARM_UPS = 5;

export const workflowBench: Bench = {
  name: BENCH,
  question: 'How fast is recording through Temporal, against a workflow of ten lines with an empty activity?',
  rowsAre: 'observations per round',
  defaultRows: 1_600,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withServers({ name: BENCH, temporal: 'development', report }, async (servers) => {
    const { access, database, logger } = servers;
    await using activities = storingActivities(database.writerUrl, logger);
    await using ours = await openSide({ access, taskQueue: 'bench', activities });
    await using ceiling = await openTemporalCeiling({ access, observationBytes: OBSERVATION_BYTES });
    return await recordingFigures({ bench: BENCH, ours, ceiling, observations: rows, report });
  });
}

export interface RecordingRequest {
  readonly bench: string;
  readonly ours: WorkflowSide;
  readonly ceiling: TemporalCeiling;
  /** Per round and shape. */
  readonly observations: number;
  readonly report: (line: string) => void;
}

/** Signal to row with whole remediations, for each shape, and one signal at a time; the ceiling in the same rounds. */
export async function recordingFigures(request: RecordingRequest): Promise<readonly Figure[]> {
  const { bench, ours, ceiling, observations, report } = request;
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    const remediations = Math.max(1, Math.round(observations / shape.observations));
    const count = remediations * shape.observations;
    const figure = await compare({
      bench,
      metric: `${AT_ONCE} remediations at once, ${shape.observations} observations in ${shape.signals} signals`,
      unit: 'observations/s',
      rounds: observations < FEW_OBSERVATIONS ? 1 : ROUNDS,
      figure: () => ratePerSecond(count, () => playMany(ours, remediations, shape)),
      ceiling: () => ratePerSecond(count, () => ceiling.record(remediations, shape)),
    });
    report(`${figure.metric}: ${figure.value.toFixed(1)}/s, ceiling ${figure.ceiling?.toFixed(1) ?? ''}/s`);
    figures.push(figure);
  }
  return [...figures, ...(await latencyFigures(request))];
}

async function latencyFigures({ bench, ours, ceiling, observations }: RecordingRequest): Promise<Figure[]> {
  const samples = Math.max(2, Math.round(observations / LATENCY_SHARE)) + WARM_UPS;
  const [taken, bare] = [await latenciesOf(ours, samples), await ceiling.latencies(samples)];
  return [0.5, 0.99].map((share) => ({
    ...summarise(
      { bench, metric: `signal to row, 1 remediation, p${share * 100}`, unit: 'ms' },
      [quantile(taken.slice(WARM_UPS), share)],
      [quantile(bare.slice(WARM_UPS), share)],
    ),
    n: samples - WARM_UPS,
  }));
}

async function playMany(side: WorkflowSide, remediations: number, shape: Shape): Promise<void> {
  await inLines(AT_ONCE, remediations, async () => {
    const play = side.newRemediation();
    const observations = observationsOf(play, shape.observations);
    const recorded = observations.map((observation) => side.recorded(observation));
    await sendInSignals(play, observations, shape.signals);
    await Promise.all(recorded);
  });
}

async function latenciesOf(side: WorkflowSide, samples: number): Promise<number[]> {
  const play = side.newRemediation();
  const taken: number[] = [];
  for (const observation of observationsOf(play, samples)) {
    const recorded = side.recorded(observation);
    taken.push(await elapsedMs(() => Promise.all([play.send(observation), recorded])));
  }
  return taken;
}
