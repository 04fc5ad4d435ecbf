import type { PlayedRemediation } from '../dev/simulator/play.ts';
import { runSimulator } from '../dev/simulator/simulator.ts';
import { statesOf } from '../dev/simulator/states.ts';
import { SECOND_MS } from '../src/domain/time.ts';
import { connectTemporal } from '../src/temporal/connection.ts';
import { RECORDING_QUEUE } from '../src/temporal/identifiers.ts';
import { until } from '../test/support/until.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { summarise } from './harness.ts';
import { peakResidentBytes, watchMemory } from './process-memory.ts';
import { recordingDelays } from './recording-delay.ts';
import { quantile } from './statistics.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';
import type { WatchedWorld } from './watched-world.ts';
import { PROCESSES, processorSeconds, withWatchedWorld } from './watched-world.ts';

const BENCH = 'storm';
const BRANCH = 'remediated';
const GENERATION = 'G3';
const SEED = 21;
const REMEDIATIONS = 200;
/** In which that many remediations happen; fewer of them happen in less, so that as much comes in a second. */
const WINDOW_MS = 300_000;
/** As by default, for that many; a run of fewer is not waited for so long. */
const LATE_GRACE_SECONDS = 60;
const LEAST_GRACE_SECONDS = 3;
const DRAIN_DEADLINE_MS = 1_800_000;
const BARE_SIGNALS = 100;
const WARM_UPS = 5;
const MIB = 1_024 * 1_024;

export const stormBench: Bench = {
  name: BENCH,
  question: 'How late is a storm of alerts recorded, and what does it take?',
  rowsAre: 'remediations of 49 states, all begun at once',
  defaultRows: REMEDIATIONS,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withWatchedWorld({ name: BENCH, report, env: graceOf(rows) }, async (world) => {
    const memory = watchMemory(world.pids.postgres);
    const before = await processorSeconds(world);
    const played = await playStorm(world, rows);
    report(`${played.length} remediations are played, ${world.writtenAtMs.size} states written`);
    await untilDrained(world);
    const used = await processorSeconds(world);
    const delays = await recordingDelays(
      world,
      played.map(({ uid }) => uid),
    );
    report(`${delays.length} observations are recorded`);
    return [
      ...(await delayFigures(world, delays)),
      ...(await memoryFigures(world, await memory.stop())),
      ...PROCESSES.map((name) =>
        summarise({ bench: BENCH, metric: `processor time by remediation, ${name}`, unit: 'ms' }, [
          (((used.get(name) ?? 0) - (before.get(name) ?? 0)) * SECOND_MS) / played.length,
        ]),
      ),
    ];
  });
}

function graceOf(remediations: number): Readonly<Record<string, string>> {
  const seconds = Math.round((LATE_GRACE_SECONDS * Math.min(remediations, REMEDIATIONS)) / REMEDIATIONS);
  return { REMEDIATION_AUDIT_LATE_GRACE_SECONDS: String(Math.max(seconds, LEAST_GRACE_SECONDS)) };
}

/** At the pace at which the slowest of them ends with the window. */
async function playStorm(
  { sandbox }: WatchedWorld,
  remediations: number,
): Promise<readonly PlayedRemediation[]> {
  const states = statesOf(BRANCH, GENERATION, SEED);
  const lifeMs = (states.at(-1)?.writtenAt ?? 0) - (states[0]?.writtenAt ?? 0);
  const windowMs = (WINDOW_MS * remediations) / REMEDIATIONS;
  const report = await runSimulator({
    cluster: { url: sandbox.url, token: sandbox.token },
    ...{ seed: SEED, generation: GENERATION, branches: [BRANCH], speed: lifeMs / windowMs },
    ...{ burst: true, count: remediations, concurrency: remediations },
  });
  return report.remediations;
}

/** Every run has ended: nothing waits any more. */
async function untilDrained({ access }: WatchedWorld): Promise<void> {
  const { client, close } = await connectTemporal(access);
  const query = `TaskQueue = '${RECORDING_QUEUE}' AND ExecutionStatus = 'Running'`;
  try {
    await until(
      async () => (await client.workflow.count(query)).count === 0,
      'every run has ended',
      DRAIN_DEADLINE_MS,
    );
  } finally {
    await close();
  }
}

/** The ceiling is a bare signal to an empty activity, one after the other, once the storm is over. */
async function delayFigures({ access }: WatchedWorld, delays: readonly number[]): Promise<readonly Figure[]> {
  await using ceiling = await openTemporalCeiling({ access });
  const bare = (await ceiling.latencies(BARE_SIGNALS + WARM_UPS)).slice(WARM_UPS);
  return [0.5, 0.9, 0.99].map((share) => ({
    ...summarise(
      { bench: BENCH, metric: `API write to row, p${share * 100}`, unit: 'ms' },
      [quantile(delays, share)],
      [quantile(bare, share)],
    ),
    n: delays.length,
  }));
}

async function memoryFigures({ pids }: WatchedWorld, postgresBytes: number): Promise<readonly Figure[]> {
  const figure = (name: string, bytes: number): Figure =>
    summarise({ bench: BENCH, metric: `peak memory, ${name}`, unit: 'MiB' }, [bytes / MIB]);
  const alone = PROCESSES.filter((name) => name !== 'postgres');
  return [
    ...(await Promise.all(alone.map(async (name) => figure(name, await peakResidentBytes(pids[name]))))),
    figure('postgres', postgresBytes),
  ];
}
