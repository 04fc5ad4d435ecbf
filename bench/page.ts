import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

import type { FastifyInstance } from 'fastify';
import type pg from 'pg';

import { createHttpServer } from '../src/api/http/http-server.ts';
import { readOrCreateSigningKey } from '../src/archive/manifest/signing-key.ts';
import { createArchiveReader } from '../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../src/archive/store/folder-store.ts';
import { createPool, REPORT_WORK_MEM } from '../src/database/pool.ts';
import { addMonths, instantOf, monthOf } from '../src/domain/instant.ts';
import { createLogger } from '../src/observability/logger.ts';
import { REPORTS } from '../src/query/reports/reports.ts';
import { testApiOptions } from '../test/support/api.ts';
import { archiveMonth, MONTHS_BACK, trustedBy } from './archive-tier.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, elapsedMs, formatJson } from './harness.ts';
import { loadPageRows } from './page-rows.ts';
import { withScratchDatabase } from './scratch-database.ts';
import { quantile } from './statistics.ts';

const BENCH = 'page';
const MONTHS = 12;
const ROUNDS = 3;
/** Pages of one round: its figure is the p95 of them. Of those that take longer there are fewer. */
const PAGES = 40;
const SLOW_PAGES = 10;
const SLOWEST_PAGES = 3;
const TIMEOUT_MS = 120_000;

export const pageBench: Bench = {
  name: BENCH,
  question: 'How long do the views of the page take, out of the database and out of the archive?',
  rowsAre: 'records in five tables over 12 months',
  defaultRows: 5_000_000,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withScratchDatabase(BENCH, report, async ({ ownerUrl, writerUrl, readerUrl, folder }) => {
    const owner = openPool(ownerUrl);
    await loadPageRows(owner, { rows, months: MONTHS, until: instantOf(Date.now()), report });
    const month = addMonths(monthOf(instantOf(Date.now())), -MONTHS_BACK);
    const [recent, old] = [
      await someRemediations(owner, addMonths(monthOf(instantOf(Date.now())), -1)),
      await someRemediations(owner, month),
    ];
    await owner.end();
    await mkdir(folder, { recursive: true });
    const key = await readOrCreateSigningKey(join(folder, 'key.pem'));
    const store = createFolderStore(join(folder, 'archive'));
    const database = { writer: openPool(writerUrl), reader: openPool(readerUrl) };
    const figures = await measureViews(createServer(database), viewsOf(recent), report);
    await archiveMonth({ ownerUrl, folder }, { store, key, month });
    report(`${month.slice(0, 7)} is in the archive`);
    const reader = createArchiveReader({
      store,
      trustedKeys: () => Promise.resolve(trustedBy(key)),
      folder: await mkdtemp(join(folder, 'cache-')),
      ...{ cacheBytes: Number.MAX_SAFE_INTEGER, memoryLimit: '512MB', concurrency: 2, timeoutMs: TIMEOUT_MS },
    });
    const archived = await measureViews(
      createServer(database, { reader }),
      archivedViewsOf(old, month),
      report,
    );
    await reader.close();
    await Promise.all([database.writer.end(), database.reader.end()]);
    return [...figures, ...archived];
  });
}

function openPool(connectionString: string): pg.Pool {
  return createPool({
    connectionString,
    applicationName: `remediation-audit bench ${BENCH}`,
    statementTimeoutMs: TIMEOUT_MS,
    workMem: REPORT_WORK_MEM,
    logger: createLogger('error', BENCH),
  });
}

function createServer(
  database: Readonly<Record<'writer' | 'reader', pg.Pool>>,
  archive?: { readonly reader: ReturnType<typeof createArchiveReader> },
): FastifyInstance {
  return createHttpServer(testApiOptions(database, archive === undefined ? {} : { archive })).fastify;
}

/** Paths of remediations of a month, spread over it. */
async function someRemediations(pool: pg.Pool, month: string): Promise<readonly string[]> {
  const { rows } = await pool.query<{ path: string }>({
    text: `
      select concat_ws('/', cluster, namespace, remediation_id) as path
      from remediation_audit
      where created_at >= $1::timestamptz and created_at < $2::timestamptz
      order by md5(remediation_uid)
      limit $3::integer`,
    values: [`${month}T00:00:00Z`, `${addMonths(month, 1)}T00:00:00Z`, PAGES],
  });
  return rows.map(({ path }) => path);
}

/** A view by its addresses, and what the API answers of the same. */
interface View {
  readonly metric: string;
  readonly pages: readonly string[];
  readonly api: readonly string[];
  readonly count: number;
}

/** The cheap ones first: what is seen of a run that is broken off is as much as possible. */
function viewsOf(remediations: readonly string[]): readonly View[] {
  return [
    { metric: 'one remediation', ...pathsOf(remediations), count: PAGES },
    historyOf('history', ''),
    historyOf('history, failed', 'overall_phase=Failed'),
    historyOf('history of a target', 'target_namespace=namespace-7&target_name=service-7'),
    historyOf('history of a target by its name', 'target_name=service-7'),
    historyOf('history, no such target', 'target_name=nothing'),
    { metric: 'retention', pages: ['/retention'], api: ['/api/v1/retention/plan'], count: PAGES },
    { metric: 'reports', pages: ['/reports'], api: ['/api/v1/reports'], count: PAGES },
    // The answer of the API counts all that is recorded, too.
    { metric: 'now', pages: ['/'], api: ['/api/v1/completeness'], count: SLOWEST_PAGES },
    historyOf('history, no such workflow', 'workflow_name=nothing', SLOWEST_PAGES),
    ...REPORTS.map(({ name }) => ({
      metric: `report ${name}`,
      ...{ pages: [`/reports/${name}`], api: [`/api/v1/reports/${name}`] },
      count: SLOWEST_PAGES,
    })),
  ];
}

function historyOf(metric: string, filter: string, count = PAGES): View {
  return {
    metric,
    ...{ pages: [`/history?${filter}`], api: [`/api/v1/remediations?limit=50&${filter}`] },
    count,
  };
}

function archivedViewsOf(remediations: readonly string[], month: string): readonly View[] {
  const window = `since=${month}T00:00:00Z&until=${addMonths(month, 1)}T00:00:00Z`;
  return [
    { metric: 'archive, one remediation', ...pathsOf(remediations), count: SLOW_PAGES },
    historyOf('archive, history of a month', window, SLOW_PAGES),
    historyOf('archive, history of a target in a month', `${window}&target_name=service-7`, SLOW_PAGES),
    historyOf('archive, nothing found in a month', `${window}&target_name=nothing`, SLOW_PAGES),
  ];
}

function pathsOf(remediations: readonly string[]): Pick<View, 'pages' | 'api'> {
  return {
    pages: remediations.map((path) => `/remediations/${path}`),
    api: remediations.map((path) => `/api/v1/remediations/${path}`),
  };
}

async function measureViews(
  server: FastifyInstance,
  views: readonly View[],
  report: BenchOptions['report'],
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { metric, pages, api, count } of views) {
    const figure = await compare({
      ...{ bench: BENCH, metric: `${metric}, p95`, unit: 'ms', rounds: ROUNDS },
      figure: () => p95Of(server, pages, count),
      ceiling: () => p95Of(server, api, count),
    });
    figures.push(figure);
    report(formatJson(figure));
  }
  await server.close();
  return figures;
}

/** One after the other, as one person opens them. */
async function p95Of(server: FastifyInstance, addresses: readonly string[], count: number): Promise<number> {
  const samples: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const url = addresses[index % addresses.length] ?? '/';
    samples.push(await elapsedMs(() => ask(server, url)));
  }
  return quantile(samples, 0.95);
}

async function ask(server: FastifyInstance, url: string): Promise<void> {
  const { statusCode, body } = await server.inject({ url });
  if (statusCode !== 200) throw new Error(`${url} is answered with ${statusCode}: ${body.slice(0, 300)}`);
}
