import { join } from 'node:path';

import { createPool } from '../src/database/pool.ts';
import { connectTemporal } from '../src/temporal/connection.ts';
import { startWorker } from '../src/worker/start-worker.ts';
import { measureRuns } from '../test/support/runs.ts';
import { type StartedServers, withServers } from '../test/support/started-servers.ts';
import type { StoryCost } from '../test/support/story-costs.ts';
import { playStories } from '../test/support/story-costs.ts';
import { until } from '../test/support/until.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { summarise } from './harness.ts';
import { openTemporalCeiling } from './temporal-ceiling.ts';
import { storingActivities } from './workflow-side.ts';

const BENCH = 'temporal-cost';
const QUEUE = 'bench';
const CEILING_QUEUE = 'bench-ceiling';

export const temporalCostBench: Bench = {
  name: BENCH,
  question: 'What does recording each story of the simulator cost Temporal, counted in its histories?',
  rowsAre: 'times faster than life',
  defaultRows: 10,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withServers({ name: BENCH, temporal: 'development', report }, async (servers) => {
    const costs = await playedWith(servers, rows);
    const least = await leastCosts(servers, costs);
    report(`\n${tableOf(costs)}\n`);
    return [...totals(costs, least), ...costs.flatMap((cost, index) => figuresOf(cost, least[index]))];
  });
}

async function playedWith(
  { access, database, folder, logger }: StartedServers,
  speed: number,
): Promise<readonly StoryCost[]> {
  const { client, close } = await connectTemporal(access);
  await using activities = storingActivities(database.writerUrl, logger);
  const worker = await startWorker({
    temporal: access,
    queues: [{ taskQueue: QUEUE, activities }],
    shutdownGraceSeconds: 1,
  });
  const pool = createPool({
    connectionString: database.ownerUrl,
    applicationName: BENCH,
    statementTimeoutMs: 10_000,
    logger,
  });
  try {
    const file = join(folder, 'kubeconfig');
    return await playStories({ access, client, taskQueue: QUEUE, database: pool, file, speed });
  } finally {
    await worker.stop();
    await Promise.all([close(), pool.end()]);
  }
}

type Counts = Omit<StoryCost, 'branch'>;

/** The minimal batched workflow with as many observations in as many signals, one after the other. */
async function leastCosts(
  { access }: StartedServers,
  costs: readonly StoryCost[],
): Promise<readonly Counts[]> {
  await using ceiling = await openTemporalCeiling({ access, taskQueue: CEILING_QUEUE, atOnce: 1 });
  const known = new Set<string>();
  const least: Counts[] = [];
  for (const { observations, signals } of costs) {
    await ceiling.record(1, { observations, signals });
    await until(async () => {
      const runs = await measureRuns(access, CEILING_QUEUE);
      const run = runs.find(({ workflowId, status }) => status === 'COMPLETED' && !known.has(workflowId));
      if (run === undefined) return false;
      known.add(run.workflowId);
      least.push({ ...run, observations });
      return true;
    }, 'the minimal batched workflow has ended');
  }
  return least;
}

/** What is counted, and its unit per observation. */
const COUNTED = {
  signals: 'signals',
  activities: 'activities',
  events: 'history events',
  stateTransitions: 'state transitions',
  actions: 'billed actions',
  historySize: 'bytes of history',
} as const satisfies Partial<Record<keyof StoryCost, string>>;
type Counted = keyof typeof COUNTED;
const COUNTED_KEYS = Object.keys(COUNTED) as readonly Counted[];

/** All stories together, by observation; and the most that one story takes. */
function totals(costs: readonly StoryCost[], least: readonly Counts[]): readonly Figure[] {
  const perObservation = (those: readonly Counts[], count: Counted): number =>
    sum(those, count) / sum(those, 'observations');
  const most = (those: readonly Counts[], count: Counted): number =>
    Math.max(...those.map((cost) => cost[count]));
  return COUNTED_KEYS.flatMap((count) => [
    summarise(
      { bench: BENCH, metric: `all ${costs.length} stories, by observation`, unit: COUNTED[count] },
      [perObservation(costs, count)],
      [perObservation(least, count)],
    ),
    summarise(
      { bench: BENCH, metric: 'the costliest story', unit: COUNTED[count] },
      [most(costs, count)],
      [most(least, count)],
    ),
  ]);
}

function sum(those: readonly Counts[], count: keyof Counts): number {
  return those.reduce((total, cost) => total + cost[count], 0);
}

function figuresOf(cost: StoryCost, least: Counts | undefined): readonly Figure[] {
  const measured = COUNTED_KEYS.filter((count) => cost[count] > 0);
  return measured.map((count) =>
    summarise(
      { bench: BENCH, metric: cost.branch, unit: COUNTED[count] },
      [cost[count]],
      least === undefined ? undefined : [least[count]],
    ),
  );
}

/** One line for each story; the figures have one for each count. */
function tableOf(costs: readonly StoryCost[]): string {
  const headings = ['story', 'observations', ...Object.values(COUNTED), 'events by observation'];
  const rows = costs.map((cost) => [
    cost.branch,
    String(cost.observations),
    ...COUNTED_KEYS.map((count) => String(cost[count])),
    (cost.events / cost.observations).toFixed(2),
  ]);
  const widths = headings.map((_heading, column) =>
    Math.max(...[headings, ...rows].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0),
      )
      .join('  ');
  return [headings, ...rows].map(line).join('\n');
}
