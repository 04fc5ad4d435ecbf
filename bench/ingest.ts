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
import { compare, ratePerSecond, summarise } from './harness.ts';
import { postAll, requestOf } from './http-load.ts';
import { type AuthorizedService, measureAuthorized, startAuthorizedService } from './ingest-authorized.ts';
import { commitOneByOne } from './ingest-ceiling.ts';
import { inChunks, newPosts } from './post-rows.ts';
import { type ProcessSample, readProcessTree } from './process-tree.ts';
import { startService } from './service-process.ts';
import { createMonthOfYesterday, newObservations } from './store-rows.ts';

const BENCH = 'ingest';
const PATH = '/api/v1/audit/workflow-execution';
const CLIENTS = [1, 8, 64, 512];
const BATCHES = [100, 1_000];
const BATCH_CLIENTS = 4;
const PLAIN_CONNECTIONS = 32;
const STORE_CONNECTIONS = 2;
const ROUNDS = 5;
/** One client waits for each commit: fewer records measure as well. */
const ONE_CLIENT_SHARE = 8;

export const ingestBench: Bench = {
  name: BENCH,
  question:
    'How many records does the service take per second, against plain commits, bare HTTP and the store?',
  rowsAre: 'records per round',
  defaultRows: 16_000,
  run,
};

interface Stage {
  readonly service: URL;
  /** The same service without a database. */
  readonly bare: URL;
  readonly servicePid: number;
  /** The service again, where a cluster says who may post. */
  readonly authorized: AuthorizedService;
  /** 32 plain connections. */
  readonly plain: pg.Pool;
  /** What the store needs. */
  readonly few: pg.Pool;
  readonly rows: number;
  readonly report: (line: string) => void;
}

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  try {
    // fsync stays on: what is measured is what is promised.
    await using postgres = await startPostgres({ dataDir, port: 0, cacheDir, report });
    const logger = createLogger('error', BENCH);
    const { writerUrl, ownerUrl } = await prepareDatabase(postgres, 1, logger);
    const openPool = (connectionString: string, max: number): pg.Pool =>
      createPool({
        connectionString,
        applicationName: BENCH,
        max,
        statementTimeoutMs: 60_000,
        logger,
      });
    // The writer may not write by hand: the ceiling is what the owner could do at best.
    const plain = openPool(ownerUrl, PLAIN_CONNECTIONS);
    await createMonthOfYesterday(plain);
    const few = openPool(writerUrl, STORE_CONNECTIONS);
    const [service, bare] = [startService(writerUrl), startService(writerUrl, 'nothing')];
    try {
      await using authorized = await startAuthorizedService(writerUrl);
      return await measureAll({
        service: await service.url,
        authorized,
        bare: await bare.url,
        servicePid: service.child.pid ?? 0,
        plain,
        few,
        rows,
        report,
      });
    } finally {
      await Promise.all([service.stop(), bare.stop(), plain.end(), few.end()]);
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measureAll(stage: Stage): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const add = (...more: Figure[]): void => {
    for (const figure of more) stage.report(`${figure.metric}: ${figure.value.toFixed(1)} ${figure.unit}`);
    figures.push(...more);
  };
  for (const clients of CLIENTS) add(...(await measureSingle(stage, clients)));
  add(await measureBareHttp(stage));
  for (const size of BATCHES) add(...(await measureBatch(stage, size)));
  const { service, token } = stage.authorized;
  add(
    ...(await measureAuthorized({
      bench: BENCH,
      path: PATH,
      authorized: await service.url,
      open: stage.service,
      token,
      rows: stage.rows,
      rounds: roundsFor(stage),
    })),
  );
  return figures;
}

/** Records one by one, against commits of single rows without an answer to a client. */
async function measureSingle(stage: Stage, clients: number): Promise<Figure[]> {
  const count = clients === 1 ? Math.max(1, Math.round(stage.rows / ONE_CLIENT_SHARE)) : stage.rows;
  const latencies: { p50: number[]; p99: number[] } = { p50: [], p99: [] };
  const spent = processorTime();
  const name = `single, ${clients} clients`;
  const rate = await compare({
    bench: BENCH,
    metric: name,
    unit: 'records/s',
    rounds: roundsFor(stage),
    figure: async () => {
      const requests = newPosts(count).map((body) => requestOf(stage.service, PATH, body));
      return ratePerSecond(count, () =>
        spent.of(stage, count, async () => {
          const { latenciesMs } = await postAll(stage.service, requests, clients);
          latencies.p50.push(latenciesMs[Math.floor(count * 0.5)] ?? 0);
          latencies.p99.push(latenciesMs[Math.floor(count * 0.99)] ?? 0);
        }),
      );
    },
    ceiling: () => {
      const observations = newObservations(count);
      return ratePerSecond(count, () => commitOneByOne(stage.plain, observations, PLAIN_CONNECTIONS));
    },
  });
  const also = (metric: string, unit: string, samples: readonly number[]): Figure =>
    // The first run only warmed up.
    summarise({ bench: BENCH, metric: `${name}, ${metric}`, unit }, samples.slice(1));
  return [rate, also('p50', 'ms', latencies.p50), also('p99', 'ms', latencies.p99), ...spent.figures(name)];
}

/** The same posts on a service that stores nothing. */
function measureBareHttp(stage: Stage): Promise<Figure> {
  const clients = 64;
  const rateOf = (target: URL): Promise<number> => {
    const requests = newPosts(stage.rows).map((body) => requestOf(target, PATH, body));
    return ratePerSecond(stage.rows, () => postAll(target, requests, clients));
  };
  return compare({
    bench: BENCH,
    metric: `single, ${clients} clients, against HTTP alone`,
    unit: 'records/s',
    rounds: roundsFor(stage),
    figure: () => rateOf(stage.service),
    ceiling: () => rateOf(stage.bare),
  });
}

/** Batches, against the store given the same number at once. */
async function measureBatch(stage: Stage, size: number): Promise<Figure[]> {
  const count = Math.max(stage.rows, size);
  const spent = processorTime();
  const name = `batches of ${size}, ${BATCH_CLIENTS} clients`;
  const rate = await compare({
    bench: BENCH,
    metric: name,
    unit: 'records/s',
    rounds: roundsFor(stage),
    figure: () => {
      const requests = inChunks(newPosts(count), size).map((bodies) =>
        requestOf(stage.service, `${PATH}/batch`, `[${bodies.join(',')}]`),
      );
      return ratePerSecond(count, () =>
        spent.of(stage, count, () => postAll(stage.service, requests, BATCH_CLIENTS)),
      );
    },
    ceiling: () => {
      const store = createRecordStore(stage.few);
      const flushes = inChunks(newObservations(count), size);
      return ratePerSecond(count, async () => {
        const writer = async (): Promise<void> => {
          for (let flush = flushes.pop(); flush !== undefined; flush = flushes.pop())
            await store.record(flush);
        };
        await Promise.all(Array.from({ length: STORE_CONNECTIONS }, writer));
      });
    },
  });
  return [rate, ...spent.figures(name)];
}

function roundsFor({ rows }: Stage): number {
  return rows < 1_000 ? 1 : ROUNDS;
}

interface ProcessorTime {
  /** Does the work and notes what it took of the service and of PostgreSQL. */
  of(stage: Stage, records: number, work: () => Promise<unknown>): Promise<void>;
  figures(name: string): Figure[];
}

/** Microseconds of a processor for each record: what says how far more cores would reach. */
function processorTime(): ProcessorTime {
  const samples: Record<Spender, number[]> = { 'the service': [], PostgreSQL: [] };
  return {
    async of({ servicePid }, records, work) {
      const before = await secondsSpent(servicePid);
      await work();
      const after = await secondsSpent(servicePid);
      for (const who of SPENDERS) samples[who].push(((after[who] - before[who]) / records) * 1e6);
    },
    figures: (name) =>
      SPENDERS.map((who) =>
        // The first run only warmed up.
        summarise(
          { bench: BENCH, metric: `${name}, processor time of ${who}`, unit: 'µs/record' },
          samples[who].slice(1),
        ),
      ),
  };
}

const SPENDERS = ['the service', 'PostgreSQL'] as const;
type Spender = (typeof SPENDERS)[number];

async function secondsSpent(servicePid: number): Promise<Record<Spender, number>> {
  const tree = await readProcessTree(process.pid);
  // With those that ended: a connection that was idle for long takes its server process with it.
  const sum = (isWanted: (sample: ProcessSample) => boolean): number =>
    tree.filter(isWanted).reduce((seconds, one) => seconds + one.cpuSeconds + one.endedChildrenCpuSeconds, 0);
  return {
    'the service': sum(({ pid }) => pid === servicePid),
    PostgreSQL: sum(({ name }) => name === 'postgres'),
  };
}
