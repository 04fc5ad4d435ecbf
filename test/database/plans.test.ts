import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { loadReportRows, REPORTED_TABLES } from '../../bench/report-rows.ts';
import { readParameters } from '../../src/query/reports/parameters.ts';
import type { ReportName } from '../../src/query/reports/reports.ts';
import { reportNamed, REPORTS } from '../../src/query/reports/reports.ts';
import { reportStatement } from '../../src/query/reports/run-report.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { indexQuestions } from './index-questions.ts';

/** A thousand rows per table and month: enough for the planner to mean what it chooses. Nothing is switched off. */
const MONTHS = 6;
const ROWS = 24_000;
/** In the month with the fewest. */
const LEAST_ROWS = 300;

/**
 * The planner rightly reads a month of a few rows from end to end, and today decides how many rows the first and the last
 * month have. So every plan is made as at this instant, which leaves enough rows in both.
 */
const NOW = '2026-06-21T12:00:00Z';

/** Found before that of pg_catalog by sessions whose search path says so: their now() is the instant of this setting. */
const CLOCK = `
  create function public.now() returns timestamptz stable language sql
    return current_setting('clock.now')::timestamptz`;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.owner.query(CLOCK);
  await loadReportRows(database.owner, { rows: ROWS, months: MONTHS, until: NOW, report: () => undefined });
  await asAt(NOW, (client) => client.query(OTHER_ROWS));
  await database.owner.query('analyze');
});
afterAll(() => database.close());

/** Rows of the tables that no report asks: like real ones in what their indexes are about. */
const OTHER_ROWS = `
  insert into remediation_audit (id, created_at, created_at_source, cluster, source_version, revision, remediation_id,
    remediation_uid, signal_fingerprint, target_namespace, target_name, verdict, final_state_unknown, signal_labels)
  select id, created_at, 'resource', 'bench', 1, 1, remediation_id, remediation_uid, signal_fingerprint,
    'namespace-' || source_version % 50, 'service-' || source_version % 500,
    case source_version % 100 when 0 then 'open' when 1 then null when 2 then 'deleted-before-terminal' else 'terminal' end,
    source_version % 100 = 2, extra
  from signal_processing_audit;

  insert into audit_ledger (record_id, created_at, source_version, content_hash, observed_at, table_name, cluster,
    remediation_uid, phase, actor, canonical, salt, payload_hash, leaf_hash)
  select id, created_at, 1, '\\x00', created_at, 'signal_processing_audit', cluster, remediation_uid, 'progress', 'bench',
    extra::text, '\\x00', '\\x00', '\\x00'
  from signal_processing_audit;

  insert into ai_investigation_embeddings (id, alert_fingerprint, investigation_text, environment, created_at, cluster,
    remediation_uid)
  select id, alert_fingerprint, investigation_report, environment || source_version % 40, created_at, cluster, remediation_uid
  from ai_analysis_audit;

  insert into observed_resource (cluster, source_uid, kind, namespace, name, remediation_uid, source_version,
    projection_hash, first_seen, last_seen, deleted_at, unmatched)
  select 'bench', 'uid-' || i, 'AIAnalysis', 'kubernaut-system', 'ai-' || i, 'remediation-' || i, i, '\\x00', now(), now(),
    case when i % 100 <> 0 then now() - make_interval(days => (i % 1000)::integer) end, i % 100 = 1
  from generate_series(1, 5000) as i;

  insert into audit_quarantine (table_name, reason, payload, payload_hash, resolved_at)
  select 'ai_analysis_audit', 'test', repeat('{}', 100), int8send(i), case when i % 100 <> 0 then now() end
  from generate_series(1, 5000) as i;

  insert into record_move (id, table_name, from_created_at, to_created_at, entries, left_behind)
  select gen_random_uuid(), 'workflow_execution_audit', now() - make_interval(hours => i), now(), 1, i % 100 = 0
  from generate_series(1, 5000) as i;

  insert into audit_access (created_at, caller, route, times, noted_as)
  select now() - make_interval(secs => i), 'test', '/api/v1/audit/ai-analysis', 1, 'test' from generate_series(1, 5000) as i`;

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  Plans?: PlanNode[];
}

interface Scan {
  /** Partition, or the table where it has none. */
  readonly table: string;
  readonly node: string;
  /** Index of the partitioned table that the one used belongs to. */
  readonly index: string | undefined;
}

/** What runs in it has this instant for now(). */
async function asAt<T>(instant: string, run: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  const client = await database.owner.connect();
  try {
    await client.query(`set search_path = public, pg_catalog; set clock.now = '${instant}'`);
    return await run(client);
  } finally {
    await client.query('reset all');
    client.release();
  }
}

async function explain(text: string, values: readonly unknown[], instant: string): Promise<PlanNode> {
  const { rows } = await asAt(instant, (client) =>
    client.query<{ 'QUERY PLAN': string }>(`explain (format json) ${text}`, [...values]),
  );
  const [plan] = JSON.parse(rows[0]?.['QUERY PLAN'] ?? '[]') as { Plan: PlanNode }[];
  if (plan === undefined) throw new Error(`no plan for ${text}`);
  return plan.Plan;
}

/** A bitmap names its table in one node and its index in the node below; that one counts. */
function isScan(node: PlanNode): boolean {
  if (node['Node Type'] === 'Bitmap Heap Scan') return false;
  return node['Relation Name'] !== undefined || node['Index Name'] !== undefined;
}

/** How each table that has rows is read. */
async function scansOf(text: string, values: readonly unknown[], instant = NOW): Promise<Scan[]> {
  const [parents, filled] = [await parentIndexes(), await filledTables()];
  const scans: Scan[] = [];
  const walk = (node: PlanNode, within: string | undefined): void => {
    const table = node['Relation Name'] ?? within;
    const index = node['Index Name'];
    if (table !== undefined && filled.has(table) && isScan(node)) {
      scans.push({ table, node: node['Node Type'], index: index && (parents.get(index) ?? index) });
    }
    for (const child of node.Plans ?? []) walk(child, table);
  };
  walk(await explain(text, values, instant), undefined);
  return scans;
}

async function parentIndexes(): Promise<Map<string, string>> {
  const { rows } = await database.owner.query<{ child: string; parent: string }>(`
    select inhrelid::regclass::text as child, inhparent::regclass::text as parent
    from pg_inherits join pg_index on indexrelid = inhrelid`);
  return new Map(rows.map(({ child, parent }) => [child, parent]));
}

/** With how many rows each has. */
async function filledTables(): Promise<Map<string, number>> {
  const { rows } = await database.owner.query<{ name: string; count: number }>(
    `select relname as name, reltuples::integer as count from pg_class where relkind = 'r' and reltuples > 0`,
  );
  return new Map(rows.map(({ name, count }) => [name, count]));
}

/** The months of a table that have rows younger than `since`, at an instant. */
async function monthsSince(table: string, since: string, instant = NOW): Promise<string[]> {
  const { rows } = await database.owner.query<{ name: string }>(
    `select distinct tableoid::regclass::text as name from ${table}
     where created_at > $1::timestamptz - $2::interval order by 1`,
    [instant, since],
  );
  return rows.map(({ name }) => name);
}

function scansOfReport(
  name: ReportName,
  given: Readonly<Record<string, string>> = {},
  instant = NOW,
): Promise<Scan[]> {
  const report = reportNamed(name);
  return scansOf(reportStatement(report), readParameters(report.parameters, given), instant);
}

describe('a selective report uses an index in every month that it touches:', () => {
  const selective: [ReportName, string][] = [
    ['recent-failures', 'workflow_execution_audit_phase_idx'],
    ['executions-of-workflow', 'kubernetes_execution_audit_workflow_ref_idx'],
    ['failed-executions', 'kubernetes_execution_audit_failed_idx'],
    ['slow-executions', 'kubernetes_execution_audit_created_at_idx'],
    ['signal-records', 'signal_processing_audit_signal_fingerprint_idx'],
    ['classification-accuracy', 'signal_processing_audit_completed_at_idx'],
    ['priority-distribution', 'signal_processing_audit_completed_at_idx'],
  ];
  test.each(selective)('%s: %s', async (name, index) => {
    const scans = await scansOfReport(name);
    expect(scans).not.toEqual([]);
    expect(new Set(scans.map((scan) => scan.index))).toEqual(new Set([index]));
  });

  test('namespace-actions: by namespace where that is rarer, else by time', async () => {
    for (const namespace of ['prod-%', 'prod-3%', 'prod-3', 'elsewhere-%']) {
      for (const scan of await scansOfReport('namespace-actions', { namespace })) {
        expect(scan.index, namespace).toMatch(
          /^kubernetes_execution_audit_(target_resource|created_at)_idx$/,
        );
      }
    }
  });
});

describe('a report over created_at touches only the months of its window:', () => {
  const windowed: [ReportName, string][] = [
    ['lock-effectiveness', 'workflow_execution_audit'],
    ['success-rate-by-target', 'workflow_execution_audit'],
    ['executions-of-workflow', 'kubernetes_execution_audit'],
    ['duration-by-action', 'kubernetes_execution_audit'],
    ['slow-executions', 'kubernetes_execution_audit'],
    ['namespace-actions', 'kubernetes_execution_audit'],
    ['retry-patterns', 'kubernetes_execution_audit'],
    ['resource-usage', 'kubernetes_execution_audit'],
    ['signal-records', 'signal_processing_audit'],
    ['slow-enrichments', 'signal_processing_audit'],
    ['recommendation-success', 'ai_analysis_audit'],
    ['investigation-performance', 'ai_analysis_audit'],
    ['hallucination-trend', 'ai_analysis_audit'],
    ['workflow-outcomes', 'workflow_execution_audit'],
  ];
  /** Windows that begin and end at the edges of months, in a month of 28 days and after one. */
  const instants = [NOW, '2026-02-28T23:59:50Z', '2026-03-01T00:00:00Z', '2026-05-31T12:00:00Z'];
  test.each(windowed)('%s', async (name, table) => {
    for (const instant of instants) {
      for (const since of ['7 days', '30 days', '90 days']) {
        const touched = new Set((await scansOfReport(name, { since }, instant)).map((scan) => scan.table));
        expect([...touched].sort(), `${since} at ${instant}`).toEqual(
          await monthsSince(table, since, instant),
        );
      }
    }
  });

  test('which are all but those whose source asks by the time of the end', () => {
    const byEnd = [
      'recent-failures',
      'failed-executions',
      'classification-accuracy',
      'priority-distribution',
    ];
    expect([...windowed.map(([name]) => name), ...byEnd].sort()).toEqual(
      REPORTS.map(({ name }) => name).sort(),
    );
  });

  test('without a window it reads every month', async () => {
    const scans = await scansOfReport('hallucination-trend');
    expect(scans.map(({ table }) => table).sort()).toEqual(
      await monthsSince('ai_analysis_audit', '10 years'),
    );
  });
});

const QUESTIONS = indexQuestions(NOW);

describe('every index is there for a question, and answers it in every month:', () => {
  test('none is without one', async () => {
    const { rows } = await database.owner.query<{ name: string }>(`
      select indexrelid::regclass::text as name
      from pg_index
      join pg_class as class on class.oid = indrelid
      where class.relnamespace = 'public'::regnamespace and not class.relispartition and not indisunique
      order by 1`);
    expect(QUESTIONS.map(({ index }) => index).sort()).toEqual(rows.map(({ name }) => name));
  });

  test.each(QUESTIONS.map((question) => [question.index, question] as const))(
    '%s',
    async (index, { text, values, fromRows = 1 }) => {
      const filled = await filledTables();
      const scans = (await scansOf(text, values)).filter(({ table }) => (filled.get(table) ?? 0) >= fromRows);
      expect(scans).not.toEqual([]);
      for (const scan of scans) expect(scan).toMatchObject({ index });
    },
  );
});

test('the rows that these plans are about are there', async () => {
  for (const table of REPORTED_TABLES) {
    const { rows } = await database.owner.query<{ months: number; least: number }>(`
      select count(*)::integer as months, min(rows)::integer as least
      from (select count(*) as rows from ${table} group by date_trunc('month', created_at)) as month`);
    expect(rows[0]?.months, table).toBeGreaterThanOrEqual(MONTHS);
    expect(rows[0]?.least, table).toBeGreaterThanOrEqual(LEAST_ROWS);
  }
});
