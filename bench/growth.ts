import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type pg from 'pg';

import { prepareDatabase } from '../dev/servers/postgres/database.ts';
import { startPostgres } from '../dev/servers/postgres/postgres.ts';
import { createMonth } from '../src/database/months/partitions.ts';
import { createPool } from '../src/database/pool.ts';
import { createRecordStore } from '../src/database/recording/record-store.ts';
import { addMonths, instantOf, monthOf } from '../src/domain/instant.ts';
import { HOUR_MS } from '../src/domain/time.ts';
import { createLogger } from '../src/observability/logger.ts';
import { cacheDir } from '../test/support/servers.ts';
import type { Bench, BenchOptions } from './bench.ts';
import type { Figure } from './harness.ts';
import { compare, elapsedMs } from './harness.ts';
import { newObservations } from './store-rows.ts';

const BENCH = 'growth';
const FEW_ROWS = 1_000;
const FEW_MONTHS = 2;
/** Three years, and ten: the oldest month that exists at all is not far before. */
const MANY_MONTHS = [35, 119];
const FLUSH = 100;
const FLUSHES = 20;
const ROUNDS = 7;
/** A page in a hundred records is noise; right after a checkpoint it is seven pages per record. */
const STEADY_PAGES_PER_FLUSH = 10;
/** Of 5 million rows nearly all pages have been touched after 120,000 records. */
const MAX_WARM_UPS = 100;
/** As a server of that size is run: with the defaults a checkpoint every gigabyte would be measured, not the store. */
const SERVER = {
  shared_buffers: '2GB',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  maintenance_work_mem: '1GB',
};

export const growthBench: Bench = {
  name: BENCH,
  question: 'Does a record cost more when many are there already, or in many months?',
  rowsAre: 'rows that are there',
  defaultRows: 1_000_000,
  run,
};

/**
 * Two servers, measured alternately: the ceiling is the small one, the ratio what growth costs.
 *
 * After each checkpoint PostgreSQL writes every page in full when it is first touched. Ids are hashes, so a record touches
 * one page of each index, of which a large database has many and a small one has few. That cost is of the checkpoint,
 * paid once per page however many records follow: it has a line of its own, and the growth is measured after it.
 */
async function run({ rows, report }: BenchOptions): Promise<readonly Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bench-'));
  try {
    await using small = await openSide(join(dataDir, 'small'), report);
    await using large = await openSide(join(dataDir, 'large'), report);
    await small.grow(FEW_ROWS, FEW_MONTHS);
    await large.grow(rows, FEW_MONTHS);
    await Promise.all([small.settle(), large.settle()]);
    report(`${rows} rows are there`);
    const rounds = rows < FEW_ROWS * 10 ? 1 : ROUNDS;
    const named = (metric: string, counted = rounds): Measured => ({ metric, small, large, rounds: counted });
    const first = await measure(
      named(`the first ${FLUSH * FLUSHES} records after a checkpoint, ${rows} rows`, 1),
    );
    report(`large: ${await large.warmUp()}; small: ${await small.warmUp()}`);
    const byRows = await measure(named(`cost of a record, ${rows} rows against ${FEW_ROWS}`));
    const byMonths: Figure[] = [];
    for (const months of MANY_MONTHS) {
      await large.grow(0, months);
      report(`${months + 1} months are there`);
      byMonths.push(await measure(named(`the same, and ${months + 1} months against ${FEW_MONTHS + 1}`)));
    }
    return [byRows, ...byMonths, first];
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Side extends AsyncDisposable {
  /** Milliseconds that storing fresh observations takes. */
  store(): Promise<number>;
  grow(rows: number, months: number): Promise<void>;
  /** Waits until nothing of the load is left to do: rows vacuumed and analysed, pages written down. */
  settle(): Promise<void>;
  /** Stores records until hardly any page is touched for the first time since the checkpoint. Says what that took. */
  warmUp(): Promise<string>;
}

interface Measured {
  readonly metric: string;
  readonly small: Side;
  readonly large: Side;
  readonly rounds: number;
}

function measure({ metric, small, large, rounds }: Measured): Promise<Figure> {
  return compare({
    bench: BENCH,
    metric,
    unit: 'ms per 100',
    rounds,
    // The first touch of a page happens once: a round that is forgotten would have had it.
    ...(rounds === 1 ? { warmupRounds: 0 } : {}),
    figure: () => large.store(),
    ceiling: () => small.store(),
  });
}

async function openSide(dataDir: string, report: (line: string) => void): Promise<Side> {
  const postgres = await startPostgres({ dataDir, port: 0, cacheDir, report, settings: SERVER });
  const logger = createLogger('error', BENCH);
  const { ownerUrl, writerUrl } = await prepareDatabase(postgres, 1, logger);
  const open = (connectionString: string): pg.Pool =>
    createPool({ connectionString, applicationName: BENCH, max: 1, statementTimeoutMs: HOUR_MS, logger });
  const admin = open(postgres.superuserUrl('remediation_audit'));
  const [owner, writer] = [open(ownerUrl), open(writerUrl)];
  const store = createRecordStore(writer);
  const storeFlushes = async (): Promise<number> => {
    const flushes = Array.from({ length: FLUSHES }, () => newObservations(FLUSH));
    const total = await elapsedMs(async () => {
      for (const flush of flushes) await store.record(flush);
    });
    return total / FLUSHES;
  };
  return {
    store: storeFlushes,
    grow: (rows, months) => grow({ owner, admin, rows, months }),
    async settle() {
      await admin.query('vacuum (analyze)');
      await admin.query('checkpoint');
    },
    warmUp: () => warmUp(writer, storeFlushes),
    async [Symbol.asyncDispose]() {
      await Promise.all([owner.end(), writer.end(), admin.end()]);
      await postgres.stop();
    },
  };
}

async function warmUp(writer: pg.Pool, storeFlushes: () => Promise<number>): Promise<string> {
  const atFirst = await pagesInFull(writer);
  let before = atFirst;
  for (let round = 1; ; round += 1) {
    await storeFlushes();
    const now = await pagesInFull(writer);
    if (now - before < STEADY_PAGES_PER_FLUSH * FLUSHES || round === MAX_WARM_UPS)
      return `${now - atFirst} pages were written in full for ${round * FLUSHES * FLUSH} records`;
    before = now;
  }
}

async function pagesInFull(writer: pg.Pool): Promise<number> {
  // The session that wrote them reports them on request, otherwise after a while.
  await writer.query('select pg_stat_force_next_flush()');
  const { rows } = await writer.query<{ pages: string }>('select wal_fpi as pages from pg_stat_wal');
  return Number(rows[0]?.pages);
}

interface Growth {
  readonly owner: pg.Pool;
  readonly admin: pg.Pool;
  readonly rows: number;
  readonly months: number;
}

/** Rows with their homes and ledger entries, spread over the months that end now, made by the server itself. */
async function grow({ owner, admin, rows, months }: Growth): Promise<void> {
  const now = instantOf(Date.now());
  for (let back = 0; back <= months; back += 1) await createMonth(owner, addMonths(monthOf(now), -back));
  if (rows === 0) return;
  await withIndexesBuiltAfterwards(admin, () => insertRows(owner, rows, months));
}

const LOADED = `relkind = 'r' and (relname ~ '^(workflow_execution_audit|audit_ledger)_' or relname = 'record_home')`;

/** Three times faster, and the only way to many millions: an index of random ids that is filled row by row is read from disk. */
async function withIndexesBuiltAfterwards(admin: pg.Pool, load: () => Promise<void>): Promise<void> {
  await admin.query(
    `update pg_index set indisready = false, indisvalid = false from pg_class as loaded where loaded.oid = indrelid and ${LOADED}`,
  );
  await load();
  const { rows } = await admin.query<{ relname: string }>(`select relname from pg_class where ${LOADED}`);
  for (const { relname } of rows) await admin.query(`reindex table ${relname}`);
}

async function insertRows(owner: pg.Pool, rows: number, months: number): Promise<void> {
  const place = `
    select md5('growth' || i)::uuid as id, now() - make_interval(secs => (i % 86400) * $2::integer * 30) as at, i
    from generate_series(1, $1::integer) as i`;
  const values = [rows, months];
  await owner.query(
    `insert into record_home (id, table_name, created_at, is_final) select id, 'workflow_execution_audit', at, true from (${place}) as place`,
    values,
  );
  await owner.query(
    `insert into workflow_execution_audit (id, remediation_id, workflow_id, target_resource, phase, outcome, started_at,
       completed_at, created_at, created_at_source, cluster, remediation_uid, correlation_id, source_version, revision, extra)
     select id, 'rr-' || md5('rr' || i), 'workflow-' || i % 40, 'payments/Deployment/api-' || i % 500, 'Completed', 'Success',
       at, at, at, 'resource', 'bench', md5('uid' || i), 'rr-' || md5('rr' || i), i, 1,
       jsonb_build_object('rationale', repeat('because of memory pressure ', 8))
     from (${place}) as place`,
    values,
  );
  await owner.query(
    `insert into audit_ledger (record_id, created_at, source_version, content_hash, observed_at, table_name, cluster,
       remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
     select id, at, i, sha256(id::text::bytea), at, 'workflow_execution_audit', 'bench', md5('uid' || i), 'execution', 'watcher',
       repeat('{"phase":"Completed"}', 30), substring(sha256(id::text::bytea) for 16), sha256(id::text::bytea),
       sha256(id::text::bytea)
     from (${place}) as place`,
    values,
  );
}
