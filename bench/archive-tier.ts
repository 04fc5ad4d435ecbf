import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';

import type pg from 'pg';

import { RetentionSteps } from '../src/archive/export/retention-steps.ts';
import { createManifestChain } from '../src/archive/manifest/manifest.ts';
import { readOrCreateSigningKey, type SigningKey } from '../src/archive/manifest/signing-key.ts';
import { PART_ROWS } from '../src/archive/parquet/table-rows.ts';
import { createArchiveReader } from '../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../src/archive/store/object-store.ts';
import { addMonths, instantOf, monthOf } from '../src/domain/instant.ts';
import type { Column } from '../src/domain/records/definition.ts';
import { workflowExecutionAudit } from '../src/domain/records/workflow-execution-audit.ts';
import type { ArchiveAccess } from '../src/query/combined-answer.ts';
import type { RecordFinder } from '../src/query/record-finder.ts';
import { createRecordFinder } from '../src/query/record-finder.ts';
import { runCombinedReport } from '../src/query/reports/combined-report.ts';
import { createReportLanes } from '../src/query/reports/report-lanes.ts';
import type { BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, elapsedMs } from './harness.ts';

/** The tier of source 001 beyond 90 days: one month of a year is archived, and asked for. */
export interface ArchiveTier {
  readonly bench: string;
  readonly ownerUrl: string;
  readonly pool: pg.Pool;
  readonly folder: string;
  readonly report: BenchOptions['report'];
}

/** Counted back from this month: older than 90 days whatever day it is. */
export const MONTHS_BACK = 5;
const ROUNDS = 5;
const TIMEOUT_MS = 120_000;

export async function measureArchiveTier(tier: ArchiveTier): Promise<Figure[]> {
  const month = addMonths(monthOf(instantOf(Date.now())), -MONTHS_BACK);
  const key = await readOrCreateSigningKey(join(tier.folder, 'key.pem'));
  const store = createFolderStore(join(tier.folder, 'archive'));
  const known = await tier.pool.query<{ id: string; remediation_uid: string }>({
    text: `
      select id, remediation_uid
      from workflow_execution_audit
      where created_at >= $1::timestamptz
      order by created_at
      limit 1`,
    values: [`${month}T00:00:00Z`],
  });
  await archiveMonth(tier, { store, key, month });
  tier.report(`${month.slice(0, 7)} is in the archive`);
  const questions = questionsAbout(month, known.rows[0]?.remediation_uid ?? '');
  const figures: Figure[] = [];
  for (const [metric, ask] of questions) figures.push(await measure(tier, { store, key, metric, ask }));
  return figures;
}

/** Archives a month and drops it from the database, without the waits between the steps. */
export async function archiveMonth(
  { ownerUrl, folder }: Pick<ArchiveTier, 'ownerUrl' | 'folder'>,
  { store, key, month }: { store: ObjectStore; key: SigningKey; month: string },
): Promise<void> {
  const steps = new RetentionSteps({
    ownerUrl,
    lockTimeoutMs: 5_000,
    store,
    chain: createManifestChain(store, key, trustedBy(key)),
    trusted: trustedBy(key),
    rules: { hotDays: 90, dropGraceHours: 0, requireApproval: false, archiveDays: 0 },
    // Its rows are made without a ledger.
    requireEqualLedger: () => Promise.resolve(),
    workFolder: folder,
    schemaVersion: 0,
    partRows: PART_ROWS,
  });
  const of = { month, run: 'bench' };
  await steps.freeze(of);
  for (const table of steps.tables) {
    await steps.exportTable(of, table);
    await steps.verifyTable(of, table);
  }
  await steps.seal(of);
  await steps.detach(month);
  await steps.drop(month);
}

export function trustedBy({ keyId, publicKey }: SigningKey) {
  return new Map([[keyId, publicKey]]);
}

interface Means {
  readonly finder: RecordFinder;
  readonly pool: pg.Pool;
  readonly archive: ArchiveAccess;
}

type Ask = (means: Means) => Promise<unknown>;

const asked = { signal: new AbortController().signal, includeArchive: true };

function questionsAbout(month: string, uid: string): readonly (readonly [string, Ask])[] {
  const window = { since: `${month}T00:00:00.000000Z`, until: `${addMonths(month, 1)}T00:00:00.000000Z` };
  const newest = { ...window, order: 'newest' as const, limit: 1_000 };
  const ofRemediation = workflowExecutionAudit.columns
    .filter((column: Column) => column.name === 'remediation_uid')
    .map((column: Column) => ({ column, is: 'equal' as const, value: uid }));
  return [
    [
      'archive, executions of one remediation',
      ({ finder }) => finder.selectPage(workflowExecutionAudit, { ...newest, filters: ofRemediation }, asked),
    ],
    [
      'archive, newest thousand of a month',
      ({ finder }) => finder.selectPage(workflowExecutionAudit, { ...newest, filters: [] }, asked),
    ],
    ...(['success-rate-by-target', 'duration-by-action'] as const).map((name): readonly [string, Ask] => [
      `archive, ${name} over all months`,
      ({ pool, archive: access }) =>
        runCombinedReport(
          { lanes: createReportLanes(pool), archive: access },
          { name, args: { since: 'all' } },
          asked,
        ),
    ]),
  ];
}

/** Each round with an empty cache: the download is part of the answer. */
function measure(
  { bench, pool, folder }: ArchiveTier,
  { store, key, metric, ask }: { store: ObjectStore; key: SigningKey; metric: string; ask: Ask },
): Promise<Figure> {
  const once = async (): Promise<number> => {
    await mkdir(folder, { recursive: true });
    const reader = createArchiveReader({
      store,
      trustedKeys: () => Promise.resolve(trustedBy(key)),
      folder: await mkdtemp(join(folder, 'cache-')),
      cacheBytes: Number.MAX_SAFE_INTEGER,
      memoryLimit: '512MB',
      concurrency: 2,
      timeoutMs: TIMEOUT_MS,
    });
    const means = { pool, archive: { reader }, finder: createRecordFinder(pool, { reader }) };
    const elapsed = await elapsedMs(() => ask(means));
    await reader.close();
    return elapsed;
  };
  return compare({ bench, metric, unit: 'ms', rounds: ROUNDS, figure: once });
}
