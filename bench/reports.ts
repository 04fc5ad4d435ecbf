import type pg from 'pg';

import { createPool, REPORT_WORK_MEM } from '../src/database/pool.ts';
import { instantOf } from '../src/domain/instant.ts';
import { createLogger } from '../src/observability/logger.ts';
import type { Report } from '../src/query/reports/reports.ts';
import { REPORTS } from '../src/query/reports/reports.ts';
import { runReport } from '../src/query/reports/run-report.ts';
import { measureArchiveTier } from './archive-tier.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, elapsedMs } from './harness.ts';
import { loadReportRows } from './report-rows.ts';
import { withScratchDatabase } from './scratch-database.ts';

const BENCH = 'reports';
const MONTHS = 12;
/** The tiers of source 001 with their goals: below 100 ms, 500 ms and 2 s. */
const WINDOWS = ['7d', '30d', '90d'] as const;
const ROUNDS = 5;
const STATEMENT_TIMEOUT_MS = 600_000;

export const reportsBench: Bench = {
  name: BENCH,
  question:
    'How long do the named reports take over 7, 30 and 90 days of a year, and questions to its archive?',
  rowsAre: 'rows in four tables over 12 months',
  defaultRows: 5_000_000,
  run,
};

async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  return withScratchDatabase(BENCH, report, async ({ ownerUrl, writerUrl, folder }) => {
    const owner = openPool(ownerUrl);
    await loadReportRows(owner, { rows, months: MONTHS, until: instantOf(Date.now()), report });
    await owner.end();
    const pool = openPool(writerUrl);
    const hot = await measureReports(pool, report);
    const cold = await measureArchiveTier({ bench: BENCH, ownerUrl, pool, folder, report });
    await pool.end();
    return [...hot, ...cold];
  });
}

function openPool(connectionString: string): pg.Pool {
  return createPool({
    connectionString,
    applicationName: `remediation-audit bench ${BENCH}`,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    workMem: REPORT_WORK_MEM,
    logger: createLogger('error', BENCH),
  });
}

async function measureReports(pool: pg.Pool, report: BenchOptions['report']): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const asked of REPORTS) {
    for (const since of WINDOWS) figures.push(await measureReport(pool, asked, since));
    report(asked.name);
  }
  return figures;
}

/** The first round fills the caches and is not counted. */
function measureReport(pool: pg.Pool, { name }: Report, since: string): Promise<Figure> {
  return compare({
    bench: BENCH,
    metric: `${name}, ${since}`,
    unit: 'ms',
    rounds: ROUNDS,
    figure: () => elapsedMs(() => runReport(pool, name, { since })),
  });
}
