import { setTimeout as delay } from 'node:timers/promises';

import { runSimulator } from '../dev/simulator/simulator.ts';
import type { Branch } from '../dev/simulator/stories.ts';
import { SECOND_MS } from '../src/domain/time.ts';
import { until } from '../test/support/until.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { summarise } from './harness.ts';
import { recordingDelays } from './recording-delay.ts';
import { quantile } from './statistics.ts';
import type { WatchedWorld } from './watched-world.ts';
import { PROCESSES, processorSeconds, withWatchedWorld } from './watched-world.ts';

const BENCH = 'flapping';
const NEIGHBOURS = 5;
/** Life until a status flaps, and of a neighbour, is ten minutes at most. */
const LIFE_SECONDS = 720;
const STORY_SPEED = 200;
/** Longer than anything waits for more to be stored with. */
const SETTLE_MS = 15_000;
/** It goes on until the bench has seen enough. */
const SPARE_SECONDS = 120;
const FLAP_DEADLINE_MS = 120_000;
const COALESCE_SECONDS = 60;
const HOUR_SECONDS = 3_600;
const MANY_FLAPS = 50;

export const flappingBench: Bench = {
  name: BENCH,
  question: 'What does a status cost that changes 27 times a second, and do its neighbours notice?',
  rowsAre: 'seconds',
  defaultRows: 600,
  run,
};

/** The ceiling is the same neighbours for as long, in the same world, while nothing flaps. */
async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withWatchedWorld({ name: BENCH, report }, async (world) => {
    const quiet = await measured(world, rows, 1);
    report(`quiet: ${quiet.corePercent.toFixed(1)} % of a core`);
    const stopping = new AbortController();
    const flapping = play(world, {
      ...{ branch: 'notification-flapping', seed: 2, count: 1, speed: STORY_SPEED },
      flapMs: (rows + SPARE_SECONDS) * SECOND_MS,
      signal: stopping.signal,
    });
    const uid = await untilFlapping(world);
    const before = world.writtenAtMs.size;
    const fromMs = Date.now();
    const loud = await measured(world, rows, 3);
    const writes = world.writtenAtMs.size - before;
    report(`flapping: ${loud.corePercent.toFixed(1)} % of a core, ${writes} states written`);
    const entries = await entriesSince(world, uid, fromMs);
    stopping.abort();
    await flapping;
    return figuresOf({ quiet, loud, entries, writes });
  });
}

interface Measured {
  /** Of one core, `watch`, `work`, Temporal and PostgreSQL together. */
  readonly corePercent: number;
  readonly elapsedSeconds: number;
  /** API write to row of the neighbours, in milliseconds. */
  readonly delays: readonly number[];
}

/** Neighbours live through the time, and their last states are recorded. */
async function measured(world: WatchedWorld, seconds: number, seed: number): Promise<Measured> {
  const startedAt = performance.now();
  const before = await processorSeconds(world);
  const speed = LIFE_SECONDS / seconds;
  const uids = await play(world, { branch: 'remediated', seed, count: NEIGHBOURS, speed });
  // A trial of a few seconds measures nothing anyway.
  await delay(Math.min(SETTLE_MS, (seconds * SECOND_MS) / 2));
  const after = await processorSeconds(world);
  const elapsedSeconds = (performance.now() - startedAt) / SECOND_MS;
  const used = PROCESSES.reduce((sum, name) => sum + (after.get(name) ?? 0) - (before.get(name) ?? 0), 0);
  return {
    corePercent: (used / elapsedSeconds) * 100,
    elapsedSeconds,
    delays: await recordingDelays(world, uids),
  };
}

interface Play {
  readonly branch: Branch;
  readonly seed: number;
  readonly count: number;
  readonly speed: number;
  readonly flapMs?: number;
  readonly signal?: AbortSignal;
}

/** Answers which remediations were played. */
async function play({ sandbox }: WatchedWorld, { branch, count, ...rest }: Play): Promise<readonly string[]> {
  const { remediations } = await runSimulator({
    cluster: { url: sandbox.url, token: sandbox.token },
    ...{ branches: [branch], burst: true, count, concurrency: count, ...rest },
  });
  return remediations.map(({ uid }) => uid);
}

/** The uid of the remediation with the flapping status. */
async function untilFlapping({ sandbox }: WatchedWorld): Promise<string> {
  const states = new Map<string, number>();
  const unsubscribe = sandbox.store.subscribe(({ object }) => {
    const { uid } = object.metadata;
    states.set(uid, (states.get(uid) ?? 0) + 1);
  });
  const flapping = (): string | undefined => [...states].find(([, count]) => count > MANY_FLAPS)?.[0];
  await until(() => flapping() !== undefined, 'a status flaps', FLAP_DEADLINE_MS);
  unsubscribe();
  return flapping() ?? '';
}

/** How long after the beginning each ledger entry of the remediation was made, in seconds. */
async function entriesSince({ reader }: WatchedWorld, uid: string, fromMs: number): Promise<number[]> {
  const { rows } = await reader.query<{ second: number }>(
    `select extract(epoch from recorded_at)::float8 - $2::float8 as second
     from audit_ledger
     where remediation_uid = $1::text`,
    [uid, fromMs / SECOND_MS],
  );
  return rows.map(({ second }) => second).filter((second) => second >= 0);
}

interface Outcome {
  readonly quiet: Measured;
  readonly loud: Measured;
  readonly entries: readonly number[];
  readonly writes: number;
}

function figuresOf({ quiet, loud, entries, writes }: Outcome): readonly Figure[] {
  const seconds = loud.elapsedSeconds;
  const one = (metric: string, unit: string, value: number): Figure =>
    summarise({ bench: BENCH, metric, unit }, [value]);
  return [
    one('states written while it flaps, neighbours included', 'states/s', writes / seconds),
    one('what flapping takes of a core', '%', loud.corePercent - quiet.corePercent),
    one('ledger entries by hour of it', 'entries', entriesByHour(entries, seconds)),
    ...[0.5, 0.99].map((share) =>
      summarise(
        { bench: BENCH, metric: `API write to row of its neighbours, p${share * 100}`, unit: 'ms' },
        [quantile(loud.delays, share)],
        [quantile(quiet.delays, share)],
      ),
    ),
  ];
}

/** Until it is seen to flap every change is an entry; after that one for each interval. */
function entriesByHour(entries: readonly number[], seconds: number): number {
  const first = entries.filter((second) => second < COALESCE_SECONDS).length;
  if (seconds <= COALESCE_SECONDS) return first;
  const later = entries.filter((second) => second >= COALESCE_SECONDS).length;
  return first + (later * (HOUR_SECONDS - COALESCE_SECONDS)) / (seconds - COALESCE_SECONDS);
}
