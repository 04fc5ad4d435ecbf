import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { programFlags, repositoryPath } from '../test/support/repository.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, formatJson, ratePerSecond, summarise } from './harness.ts';
import type { WatchMeasures, WatchTask } from './watch-child.ts';
import type { PreparedCluster } from './watch-resources.ts';
import { startPreparedCluster } from './watch-resources.ts';

const BENCH = 'watch';
const ROUNDS = 7;
/** What is that large is measured well in fewer rounds. */
const [LARGE, ROUNDS_OF_LARGE] = [50_000, 3];
const EVENTS = 10_000;
/** A watcher lists for weeks; the compiler is done with it after some 30,000 resources. */
const WARM_UPS = 3;
const LIVES = 3;
const MIB = 1_024 * 1_024;

/** The memory of the chart. Node takes half of it for its heap; a watcher that needs more ends, and with it the bench. */
const CONTAINER_MIB = 512;
const US_PER_SECOND = 1_000_000;

export const watchBench: Bench = {
  name: BENCH,
  question: 'How fast is a full list read and projected, and what does it cost meanwhile?',
  rowsAre: 'resources of 13 kB',
  defaultRows: 10_000,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  await using cluster = await startPreparedCluster(rows);
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, cluster.kubeconfig);
  try {
    const args = [kubeconfig, String(rows)];
    const figures: Figure[] = [];
    for (const measure of [measureSpeed, measureEvents, measureMemory]) {
      const measured = await measure(args, cluster, rows);
      for (const figure of measured) report(formatJson(figure));
      figures.push(...measured);
    }
    return figures;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureSpeed(
  args: readonly string[],
  cluster: PreparedCluster,
  rows: number,
): Promise<readonly Figure[]> {
  using child = startChild(args, []);
  const blocks: number[] = [];
  const rounds = rows > LARGE ? ROUNDS_OF_LARGE : ROUNDS;
  const rateOf = async (task: WatchTask): Promise<number> => {
    const { seconds, longestBlockMs } = await child.ask(task);
    blocks.push(longestBlockMs);
    return rows / seconds;
  };
  const speed = await compare({
    bench: BENCH,
    metric: 'listed and projected; ceiling: JSON.parse',
    unit: 'resources/s',
    rounds,
    warmupRounds: rows > LARGE ? 1 : WARM_UPS,
    figure: () => rateOf('list'),
    ceiling: () => ratePerSecond(rows, () => parseAll(cluster.pages())),
  });
  const sent: number[] = [];
  for (let round = 0; round < rounds; round += 1) sent.push(await rateOf('send'));
  return [
    speed,
    summarise({ bench: BENCH, metric: 'sent, redaction included', unit: 'resources/s' }, sent),
    summarise({ bench: BENCH, metric: 'longest block of the event loop', unit: 'ms' }, blocks),
  ];
}

/** Events of a watch that come all at once, until the last one is sent. The watcher may leave out what a later one replaces. */
async function measureEvents(
  args: readonly string[],
  cluster: PreparedCluster,
  rows: number,
): Promise<readonly Figure[]> {
  // One of each resource at most: what changes again and again is held back for a minute.
  const count = Math.min(EVENTS, rows);
  using child = startChild(args, []);
  await child.ask('follow');
  const processorTimes: number[] = [];
  const figure = await compare({
    bench: BENCH,
    metric: 'events of a watch read and sent; ceiling: JSON.parse',
    unit: 'events/s',
    rounds: ROUNDS_OF_LARGE,
    figure: () => {
      const { lines, lastVersion } = cluster.events(count);
      return ratePerSecond(count, async () => {
        cluster.send(lines);
        const { processorSeconds } = await child.ask({ until: lastVersion });
        processorTimes.push((processorSeconds * US_PER_SECOND) / count);
      });
    },
    ceiling: () => {
      const { lines } = cluster.events(count);
      return ratePerSecond(count, () => parseAll(String(lines).trimEnd().split('\n')));
    },
  });
  return [
    figure,
    summarise({ bench: BENCH, metric: 'processor time of an event', unit: 'µs' }, processorTimes),
  ];
}

/**
 * Of a process that begins with sending everything, as the first one in a cluster does, with the heap that Node takes in such a container and the flags
 * of the program. On a large machine garbage lies until there is a reason to sweep, and a peak says more about the machine than about the watcher.
 */
async function measureMemory(args: readonly string[]): Promise<readonly Figure[]> {
  const peaks: number[] = [];
  for (let life = 0; life < LIVES; life += 1) {
    using child = startChild(args, [`--max-old-space-size=${CONTAINER_MIB / 2}`, ...programFlags()]);
    await child.ask('send');
    const { peakBytes } = await child.ask('list');
    peaks.push(peakBytes / MIB);
  }
  return [
    summarise(
      { bench: BENCH, metric: `peak memory in a container of ${CONTAINER_MIB} MiB`, unit: 'MiB' },
      peaks,
    ),
  ];
}

interface Child extends Disposable {
  ask(task: WatchTask): Promise<WatchMeasures>;
}

function startChild(args: readonly string[], execArgv: string[]): Child {
  const child = fork(repositoryPath('bench/watch-child.ts'), args, { execArgv });
  const ended = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`the watcher ended with ${String(code ?? signal)}, out of memory perhaps`);
  });
  // Seen where an answer is waited for; at its own end nobody waits.
  ended.catch(() => undefined);
  return {
    async ask(task) {
      child.send(task);
      const [answer] = (await Promise.race([once(child, 'message'), ended])) as [WatchMeasures];
      return answer;
    },
    [Symbol.dispose]: () => child.kill(),
  };
}

function parseAll(texts: readonly (Buffer | string)[]): Promise<void> {
  for (const text of texts) JSON.parse(String(text));
  return Promise.resolve();
}
