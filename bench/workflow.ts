import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Observation } from '../src/domain/observation.ts';
import { prepareDatabase } from '../src/embedded/database.ts';
import { startPostgres } from '../src/embedded/postgres.ts';
import { startTemporal } from '../src/embedded/temporal-server.ts';
import { createLogger } from '../src/observability/logger.ts';
import { installRuntime } from '../src/worker/runtime.ts';
import type { PlayedRemediation } from '../test/support/remediations.ts';
import { cacheDir, resolveServer } from '../test/support/servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure, Run } from './harness.ts';
import { compare, elapsedMs, ratePerSecond } from './harness.ts';
import { processorFigures, type ProcessorTime, processorTimeOf } from './processor-time.ts';
import { median } from './statistics.ts';
import { emptyActivities, openSide, storingActivities, type WorkflowSide } from './workflow-side.ts';

const BENCH = 'workflow';
const AT_ONCE = 50;
/** As many as a remediation without surprises has. */
const OBSERVATIONS = 8;
const RESOURCES = 5;
const ROUNDS = 5;
/** Latencies are taken one at a time: fewer of them measure as well. */
const LATENCY_SHARE = 20;

export const workflowBench: Bench = {
  name: BENCH,
  question: 'What does recording cost a workflow, against the same workflow with empty activities?',
  rowsAre: 'observations per round',
  defaultRows: 1_600,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  const logger = createLogger('error', BENCH);
  const runtime = installRuntime(logger);
  try {
    await using postgres = await startPostgres({
      dataDir: join(dataDir, 'postgres'),
      port: 0,
      cacheDir,
      report,
    });
    const { writerUrl } = await prepareDatabase(postgres, 1, logger);
    await using temporal = await startTemporal({
      binary: await resolveServer('temporal'),
      dataDir: join(dataDir, 'temporal'),
      port: 0,
      uiPort: 0,
      headless: true,
      searchAttributes: {},
      report,
    });
    const access = { connectionOptions: { address: temporal.address }, namespace: temporal.namespace };
    await using storing = storingActivities(writerUrl, logger);
    await using ours = await openSide({ access, taskQueue: 'bench', activities: storing });
    await using empty = await openSide({ access, taskQueue: 'empty', activities: emptyActivities() });
    return await measureAll({ ours, empty }, rows, report);
  } finally {
    await runtime.shutdown();
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Sides {
  readonly ours: WorkflowSide;
  readonly empty: WorkflowSide;
}

async function measureAll(
  { ours, empty }: Sides,
  rows: number,
  report: BenchOptions['report'],
): Promise<readonly Figure[]> {
  const remediations = Math.max(1, Math.round(rows / OBSERVATIONS));
  const samples = Math.max(2, Math.round(rows / LATENCY_SHARE));
  const rounds = rows < 1_000 ? 1 : ROUNDS;
  const compared = async (metric: string, unit: string, of: (side: WorkflowSide) => Run): Promise<Figure> => {
    const figure = await compare({
      bench: BENCH,
      metric,
      unit,
      rounds,
      figure: of(ours),
      ceiling: of(empty),
    });
    report(`${metric}: ${figure.value.toFixed(1)} ${unit}, ceiling ${figure.ceiling?.toFixed(1) ?? ''}`);
    return figure;
  };
  const spent = new Map<WorkflowSide, ProcessorTime[]>([
    [ours, []],
    [empty, []],
  ]);
  const playMeasured = async (side: WorkflowSide): Promise<void> => {
    spent.get(side)?.push(await processorTimeOf(() => playMany(side, remediations)));
  };
  // Not the warm-up, which comes first.
  const counted = (side: WorkflowSide): ProcessorTime[] => spent.get(side)?.slice(1) ?? [];
  return [
    await compared(
      `rate, ${AT_ONCE} remediations at once`,
      'observations/s',
      (side) => () => ratePerSecond(remediations * OBSERVATIONS, () => playMeasured(side)),
    ),
    ...processorFigures({ bench: BENCH, unit: 'ms' }, remediations * OBSERVATIONS, {
      ours: counted(ours),
      ceiling: counted(empty),
    }),
    await compared(
      'rate, 1 remediation',
      'observations/s',
      (side) => () => ratePerSecond(samples * OBSERVATIONS, () => playLong(side, samples * OBSERVATIONS)),
    ),
    await compared('signal to row, 1 remediation', 'ms', (side) => () => latencyOf(side, samples)),
  ];
}

function observationsOf(play: PlayedRemediation): Observation[] {
  return [
    play.progress(1, 'Pending'),
    play.progress(2, 'Executing'),
    play.execution(3, 'Pending'),
    play.execution(4, 'Running'),
    play.execution(5, 'Completed'),
    play.progress(6, 'Verifying'),
    play.progress(7, 'Completed'),
    play.closure(8),
  ];
}

/** Remediations one after the other in as many lines as there are at once. */
async function playMany(side: WorkflowSide, remediations: number): Promise<void> {
  let left = remediations;
  const line = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const play = side.newRemediation();
      await recordInOrder(side, play, observationsOf(play));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, remediations) }, line));
}

/** One remediation with five resources that change all the time. */
async function playLong(side: WorkflowSide, observations: number): Promise<void> {
  const play = side.newRemediation();
  const resources = Array.from({ length: RESOURCES }, (_resource, resource) =>
    Array.from({ length: observations / RESOURCES }, (_version, version) =>
      play.execution(version + 1, 'Running', `we-${resource}`),
    ),
  );
  await Promise.all(resources.map((states) => recordInOrder(side, play, states)));
  await recordInOrder(side, play, [play.closure(observations + 1)]);
}

/** Sent one after the other, without waiting for their rows; then for all of them. */
async function recordInOrder(
  side: WorkflowSide,
  play: PlayedRemediation,
  observations: readonly Observation[],
): Promise<void> {
  const recorded = observations.map((observation) => side.recorded(observation));
  for (const observation of observations) await play.send(observation);
  await Promise.all(recorded);
}

async function latencyOf(side: WorkflowSide, samples: number): Promise<number> {
  const play = side.newRemediation();
  await recordInOrder(side, play, [play.progress(1, 'Executing')]);
  const latencies: number[] = [];
  for (let version = 2; version < samples + 2; version += 1) {
    const states = [play.execution(version, 'Running')];
    latencies.push(await elapsedMs(() => recordInOrder(side, play, states)));
  }
  await recordInOrder(side, play, [play.closure(samples + 2)]);
  return median(latencies);
}
