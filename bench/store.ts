import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type pg from 'pg';

import { prepareDatabase } from '../dev/servers/postgres/database.ts';
import { startPostgres } from '../dev/servers/postgres/postgres.ts';
import { createPool } from '../src/database/pool.ts';
import { createRecordStore } from '../src/database/recording/record-store.ts';
import { createLogger } from '../src/observability/logger.ts';
import { cacheDir } from '../test/support/servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, ratePerSecond } from './harness.ts';
import { prepareFlush, writeByHand } from './store-ceiling.ts';
import { createMonthOfYesterday, newObservations } from './store-rows.ts';

const BENCH = 'store';
const FLUSH_SIZES = [1, 100, 1_000];
const CONNECTIONS = [1, 2, 8];
const ROUNDS = 5;
/** Single observations are forty times slower: fewer of them measure as well. */
const SINGLE_SHARE = 20;

export const storeBench: Bench = {
  name: BENCH,
  question:
    'How many observations does the store take per second, against the same write by hand-written SQL?',
  rowsAre: 'observations per round',
  defaultRows: 20_000,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  try {
    // fsync stays on: what is measured is what is promised.
    await using postgres = await startPostgres({ dataDir, port: 0, cacheDir, report });
    const logger = createLogger('error', BENCH);
    const { writerUrl, ownerUrl } = await prepareDatabase(postgres, 1, logger);
    const figures: Figure[] = [];
    for (const connections of CONNECTIONS) {
      const open = (connectionString: string): pg.Pool =>
        createPool({
          connectionString,
          applicationName: BENCH,
          max: connections,
          statementTimeoutMs: 60_000,
          logger,
        });
      // The writer may not write by hand: the ceiling is what the owner could do at best.
      const [pool, byHand] = [open(writerUrl), open(ownerUrl)];
      await createMonthOfYesterday(byHand);
      for (const size of FLUSH_SIZES) {
        figures.push(await measure(pool, byHand, { connections, size, rows }));
        report(`${figures.at(-1)?.metric ?? ''}: ${figures.at(-1)?.value.toFixed(0) ?? ''}/s`);
      }
      await Promise.all([pool.end(), byHand.end()]);
    }
    return figures;
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Cell {
  readonly connections: number;
  readonly size: number;
  readonly rows: number;
}

function measure(pool: pg.Pool, byHand: pg.Pool, { connections, size, rows }: Cell): Promise<Figure> {
  const store = createRecordStore(pool);
  const count = size === 1 ? Math.max(1, Math.round(rows / SINGLE_SHARE)) : rows;
  return compare({
    bench: BENCH,
    metric: `${size} per flush, ${connections} connections`,
    unit: 'observations/s',
    rounds: rows < 1_000 ? 1 : ROUNDS,
    figure: () => {
      const flushes = inFlushes(newObservations(count), size);
      return ratePerSecond(count, () => concurrently(connections, flushes, (flush) => store.record(flush)));
    },
    ceiling: () => {
      const flushes = inFlushes(newObservations(count), size).map(prepareFlush);
      return ratePerSecond(count, () =>
        concurrently(connections, flushes, (flush) => writeByHand(byHand, flush)),
      );
    },
  });
}

function inFlushes<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

async function concurrently<T>(
  workers: number,
  tasks: readonly T[],
  run: (task: T) => Promise<unknown>,
): Promise<void> {
  const queue = [...tasks].reverse();
  const worker = async (): Promise<void> => {
    for (let task = queue.pop(); task !== undefined; task = queue.pop()) await run(task);
  };
  await Promise.all(Array.from({ length: workers }, worker));
}
