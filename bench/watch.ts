import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { repositoryPath } from '../test/support/repository.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, ratePerSecond, summarise } from './harness.ts';
import type { WatchMeasures, WatchTask } from './watch-child.ts';
import { startPreparedCluster } from './watch-resources.ts';

const BENCH = 'watch';
const ROUNDS = 7;
const MIB = 1_024 * 1_024;

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
  const child = fork(repositoryPath('bench/watch-child.ts'), [kubeconfig, String(rows)]);
  const ask = async (task: WatchTask): Promise<WatchMeasures> => {
    child.send(task);
    const [answer] = (await once(child, 'message')) as [WatchMeasures];
    return answer;
  };
  try {
    const [blocks, peaks]: [number[], number[]] = [[], []];
    const speed = await compare({
      bench: BENCH,
      metric: 'listed and projected; ceiling: JSON.parse',
      unit: 'resources/s',
      rounds: ROUNDS,
      figure: async () => {
        const { seconds, longestBlockMs } = await ask('list');
        blocks.push(longestBlockMs);
        return rows / seconds;
      },
      ceiling: () => ratePerSecond(rows, () => parseAll(cluster.pages())),
    });
    report('listing is measured');
    const told: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { seconds, longestBlockMs, peakBytes } = await ask('tell');
      told.push(rows / seconds);
      blocks.push(longestBlockMs);
      peaks.push(peakBytes / MIB);
    }
    return [
      speed,
      summarise({ bench: BENCH, metric: 'told, redaction included', unit: 'resources/s' }, told),
      summarise({ bench: BENCH, metric: 'longest block of the event loop', unit: 'ms' }, blocks),
      summarise({ bench: BENCH, metric: 'peak memory', unit: 'MiB' }, peaks),
    ];
  } finally {
    child.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

function parseAll(pages: readonly string[]): Promise<void> {
  for (const page of pages) JSON.parse(page);
  return Promise.resolve();
}
