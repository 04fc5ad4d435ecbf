import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { signalProcessingAudit } from '../../src/domain/records/signal-processing-audit.ts';
import { noteOn } from '../../src/query/reports/basis.ts';
import type { ReportName } from '../../src/query/reports/reports.ts';
import { REPORTS } from '../../src/query/reports/reports.ts';
import { runReport } from '../../src/query/reports/run-report.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { daysAgo, hoursAgo, recordReportData } from './reports-data.ts';
import { type SourceReportName, VERBATIM } from './reports-verbatim.ts';

let database: TestDatabase;
/** As a person with psql and the role for readers has it. */
let psql: Client;

beforeAll(async () => {
  database = await createTestDatabase();
  await recordReportData(database.writer);
  psql = new Client({
    connectionString: database.url('audit_reader'),
    // As roles.sql sets it: the days of a query are those of its session.
    options: '-c timezone=UTC',
    types: { getTypeParser: () => (text: string) => text },
  });
  await psql.connect();
});
afterAll(async () => {
  await psql.end();
  await database.close();
});

type Cells = readonly (string | null)[];

interface Answer {
  readonly columns: readonly string[];
  readonly rows: readonly Cells[];
}

/** PostgreSQL's text of an instant. */
const at = (instant: string): string =>
  `${instant.slice(0, 10)} ${instant.slice(11, 26).replace(/\.?0+$/, '')}+00`;

/** What each report answers on the data set, added up by hand. `select *` of signal-records stands on its own below. */
const EXPECTED: Readonly<Record<Exclude<SourceReportName, 'signal-records'>, Answer>> = {
  'recent-failures': {
    columns: ['target_resource', 'workflow_id', 'failure_reason', 'failure_message', 'completed_at'],
    rows: [
      ['shop/StatefulSet/db', 'scale-db', 'Forbidden', null, at(hoursAgo(1))],
      ['payments/Deployment/api', 'restart-api', 'OOMKilled', 'out of memory', at(hoursAgo(2))],
      [
        'payments/Deployment/api',
        'restart-api',
        'DeadlineExceeded',
        'first line\nsecond, "quoted"',
        at(hoursAgo(9)),
      ],
    ],
  },
  'lock-effectiveness': {
    columns: ['skip_reason', 'skip_count'],
    rows: [
      ['ResourceBusy', '2'],
      ['RecentlyRemediated', '1'],
    ],
  },
  'success-rate-by-target': {
    columns: ['target_resource', 'workflow_id', 'total_executions', 'successful', 'success_rate_pct'],
    rows: [
      ['payments/Deployment/api', 'restart-api', '4', '2', '50.00'],
      ['web/Deployment/front', 'roll-front', '3', '2', '66.67'],
      ['shop/StatefulSet/db', 'scale-db', '2', '0', '0.00'],
    ],
  },
  'executions-of-workflow': {
    columns: ['execution_id', 'action_type', 'target_resource_name', 'success', 'duration', 'retry_count'],
    rows: [
      ['k1', 'scale_deployment', 'api', 't', '00:00:10', '0'],
      ['k2', 'rollout_restart', 'api', 't', '00:00:45', '1'],
      ['k3', 'rollout_restart', 'web', 'f', '00:01:30', '3'],
    ],
  },
  'failed-executions': {
    columns: [
      'execution_id',
      'action_type',
      'target_namespace',
      'target_resource_name',
      'error',
      'retry_count',
      'completed_at',
    ],
    rows: [['k3', 'rollout_restart', 'prod-us', 'web', 'timed out', '3', at(hoursAgo(1))]],
  },
  'duration-by-action': {
    columns: [
      'action_type',
      'total_executions',
      'avg_duration',
      'p50_duration',
      'p95_duration',
      'p99_duration',
    ],
    rows: [
      ['scale-deployment', '1', null, null, null, null],
      ['rollout_restart', '1', '00:00:45', '00:00:45', '00:00:45', '00:00:45'],
      // 10, 20 and 60 s: the mean is 30, and 95 % of the way is 0.9 of the way from 20 to 60.
      ['scale_deployment', '3', '00:00:30', '00:00:20', '00:00:56', '00:00:59.2'],
      ['cordon_node', '1', '00:00:01', '00:00:01', '00:00:01', '00:00:01'],
    ],
  },
  'slow-executions': {
    columns: ['execution_id', 'action_type', 'target_resource_name', 'duration', 'job_resource_usage'],
    rows: [
      ['k3', 'rollout_restart', 'web', '00:01:30', null],
      [
        'k2',
        'rollout_restart',
        'api',
        '00:00:45',
        '{"memory_bytes": 9007199254740993, "cpu_millicores": 100}',
      ],
    ],
  },
  'namespace-actions': {
    columns: [
      'execution_id',
      'action_type',
      'target_resource_kind',
      'target_resource_name',
      'success',
      'created_at',
      'job_pod_name',
    ],
    rows: [
      ['k3', 'rollout_restart', 'Deployment', 'web', 'f', at(hoursAgo(2.1)), null],
      ['k2', 'rollout_restart', 'Deployment', 'api', 't', at(hoursAgo(2.2)), null],
      ['k1', 'scale_deployment', 'Deployment', 'api', 't', at(hoursAgo(2.3)), 'pod-1'],
      ['k7', 'delete_pod', 'Deployment', 'api', 'f', at(hoursAgo(31)), null],
      ['k8', 'rollout_restart', 'Deployment', 'api', null, at(daysAgo(4)), null],
      ['k5', 'scale_deployment', 'Deployment', 'api', 't', at(daysAgo(6)), null],
      ['k6', 'scale_deployment', 'Deployment', 'api', 't', at(daysAgo(9)), null],
    ],
  },
  'retry-patterns': {
    columns: ['action_type', 'target_namespace', 'total_with_retries', 'avg_retries'],
    rows: [
      ['rollout_restart', 'prod-eu', '2', '1.5'],
      ['delete_pod', 'prod-eu', '1', '1'],
      ['rollout_restart', 'prod-us', '1', '3'],
      ['scale_deployment', 'prod-eu', '1', '2'],
    ],
  },
  'resource-usage': {
    columns: ['action_type', 'avg_cpu_millicores', 'avg_memory_bytes', 'total_executions'],
    rows: [
      ['scale_deployment', '375', '1073741824.5', '2'],
      ['rollout_restart', '100', '9007199254740993', '1'],
    ],
  },
  'classification-accuracy': {
    columns: ['environment', 'avg_confidence', 'total_signals'],
    rows: [
      ['Production', '0.9745', '2'],
      ['Staging', '0.8', '1'],
    ],
  },
  'priority-distribution': {
    columns: ['priority', 'count', 'avg_score'],
    rows: [
      ['P0', '2', '92.5'],
      ['P2', '1', '40'],
    ],
  },
  'slow-enrichments': {
    columns: ['remediation_id', 'signal_fingerprint', 'enrichment_duration'],
    rows: [
      ['rr-5', 'disk-full-456', '24:00:01'],
      ['rr-1', 'mem-pressure-prod-123', '00:00:03.5'],
      ['rr-3', 'disk-full-456', '00:00:02.5'],
    ],
  },
  'recommendation-success': {
    columns: ['top_recommendation', 'avg_effectiveness', 'avg_historical_success', 'total_recommendations'],
    rows: [
      ['scale-db', '0.95', '0.5', '1'],
      ['restart-api', '0.8', '0.8', '2'],
    ],
  },
  'investigation-performance': {
    columns: ['environment', 'avg_duration', 'avg_confidence', 'total_investigations'],
    rows: [
      ['production', '100667', '0.925', '3'],
      ['staging', null, '0.8', '1'],
    ],
  },
  'hallucination-trend': {
    columns: ['date', 'hallucinations', 'total_analyses', 'hallucination_rate'],
    rows: [
      ['2026-04-01', '0', '1', '0'],
      ['2026-03-06', '1', '2', '0.5'],
      ['2026-03-05', '0', '1', '0'],
    ],
  },
};

/** PostgreSQL writes an average with as many zeros as its scale has; a person who adds it up does not. */
function withoutTrailingZeros(cell: string | null): string | null {
  return cell !== null && /^-?\d+\.\d+$/.test(cell) && !/^\d+\.\d\d$/.test(cell)
    ? cell.replace(/\.?0+$/, '')
    : cell;
}

async function ours(name: ReportName): Promise<Answer> {
  const answer = await runReport(database.writer, name);
  return {
    columns: answer.columns.map((column) => column.name),
    rows: answer.rows.map((row) => row.map(withoutTrailingZeros)),
  };
}

/** Without the columns that stand behind those of the source. */
async function oursAsTheSource(name: SourceReportName, { columns }: Answer): Promise<Answer> {
  const answer = await ours(name);
  return {
    columns: answer.columns.slice(0, columns.length),
    rows: answer.rows.map((row) => row.slice(0, columns.length)),
  };
}

async function verbatim(name: SourceReportName): Promise<Answer> {
  const result = await psql.query<string[]>({ text: VERBATIM[name], rowMode: 'array' });
  return {
    columns: result.fields.map((field) => field.name),
    rows: result.rows.map((row: Cells) => row.map(withoutTrailingZeros)),
  };
}

/** Where the source orders by nothing, or leaves ties open, the order is not part of its answer. */
const inAnyOrder = ({ columns, rows }: Answer): Answer => ({
  columns,
  rows: [...rows].sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1)),
});

describe.each(Object.entries(EXPECTED))('%s', (key, expected) => {
  const name = key as SourceReportName;

  test('answers what the data add up to by hand', async () => {
    expect(await oursAsTheSource(name, expected)).toEqual(expected);
  });

  test('answers what the query of the source does, run as it stands', async () => {
    expect(inAnyOrder(await verbatim(name))).toEqual(inAnyOrder(expected));
  });
});

describe('signal-records', () => {
  test('answers all that is known of a signal, the latest time first, as the query of the source does', async () => {
    const answer = await ours('signal-records');
    expect(answer).toEqual(await verbatim('signal-records'));
    expect(answer.columns).toEqual(signalProcessingAudit.columns.map(({ name }) => name));
    const remediation = answer.columns.indexOf('remediation_id');
    expect(answer.rows.map((row) => row[remediation])).toEqual(['rr-1', 'rr-2']);
  });
});

test('there is one report for each of the seventeen questions, and one of our own', () => {
  expect(REPORTS.map(({ name }) => name)).toEqual([...Object.keys(VERBATIM), 'workflow-outcomes']);
  expect(REPORTS).toHaveLength(18);
});

describe('a report names', () => {
  const NAMES: readonly [ReportName, readonly string[]][] = [
    ['recent-failures', ['remediation_id', 'workflow_name']],
    ['success-rate-by-target', ['workflow_name']],
    ['executions-of-workflow', ['remediation_id']],
    ['failed-executions', ['remediation_id', 'workflow_ref']],
    ['slow-executions', ['remediation_id', 'workflow_ref']],
    ['namespace-actions', ['remediation_id', 'workflow_ref']],
  ];

  test.each(NAMES)('%s: %j', async (name, wanted) => {
    const { columns, rows } = await runReport(database.writer, name);
    for (const column of wanted) {
      const index = columns.findIndex((one) => one.name === column);
      const known = rows.map((row) => row[index]).filter((cell) => cell !== null);
      expect(known, column).not.toEqual([]);
      for (const cell of known) expect(cell).toMatch(/^(rr-|restart api|scale db|roll front|alert-)/);
    }
  });
});

test('workflow-outcomes says what became of each workflow, the one that fails most first', async () => {
  const answer = await ours('workflow-outcomes');
  const failedAt = answer.columns.indexOf('last_failed_at');
  const rows = answer.rows.map((row) => row.filter((_, index) => index !== failedAt));
  expect(rows).toEqual([
    ['restart-api', 'restart api', '9', '2', '2', '4', '50.00', '1', '00:01:30', 'OOMKilled', 'rr-w1'],
    ['roll-front', 'roll front', '3', '2', '1', '0', '66.67', '1', null, null, null],
    ['scale-db', 'scale db', '2', '1', '1', '0', '0.00', '1', null, 'Unknown', null],
  ]);
  expect(answer.rows.map((row) => row[failedAt])).toEqual([hoursAgo(2), daysAgo(3), hoursAgo(30)].map(at));
});

describe('an answer names its basis', () => {
  const basisOf = async (name: ReportName, since: string) => {
    const { basis, rows } = await runReport(database.writer, name, { since });
    return { ...basis, note: noteOn(basis, rows.length) };
  };

  test('how many records of the window have the fields that it is made of', async () => {
    expect(await basisOf('hallucination-trend', 'all')).toEqual({
      records: 4,
      fields: { hallucination_detected: 3 },
      isComplete: true,
      note: undefined,
    });
  });

  test('a rate over records that nobody assessed says so', async () => {
    const only = '2026-03-31T00:00:00Z';
    expect(await basisOf('hallucination-trend', only)).toMatchObject({
      records: 1,
      fields: { hallucination_detected: 0 },
      note: 'no record in the window has hallucination_detected: nothing is known of it',
    });
    const { columns, rows } = await runReport(database.writer, 'hallucination-trend', { since: only });
    expect(rows[0]?.[columns.findIndex(({ name }) => name === 'assessed')]).toBe('0');
  });

  test('an empty answer says whether there was nothing, or nothing that meets it', async () => {
    expect(await basisOf('hallucination-trend', '1h')).toMatchObject({
      records: 0,
      note: 'no record lies in the window: ask for a longer time with since',
    });
    const none = await runReport(database.writer, 'slow-executions', { longer_than: '9h', since: 'all' });
    expect(none.rows).toEqual([]);
    expect(noteOn(none.basis, 0)).toMatch(/none of them meets the conditions/);
  });

  test.each(REPORTS.map(({ name }) => name))('%s, whatever its window', async (name) => {
    for (const since of ['all', '1h', '2020-01-01T00:00:00Z']) {
      const { basis } = await runReport(database.writer, name, { since });
      for (const count of Object.values(basis.fields)) expect(count).toBeLessThanOrEqual(basis.records);
    }
  });
});

describe('the window of a report', () => {
  const rowsSince = async (name: ReportName, since: string): Promise<number> =>
    (await runReport(database.writer, name, { since })).rows.length;

  test.each([
    ['recent-failures', '3h', 2],
    ['recent-failures', '2 days', 4],
    ['recent-failures', 'all', 5],
    ['executions-of-workflow', '135m', 2],
    ['signal-records', '1d', 1],
    ['slow-enrichments', 'P2DT1H', 2],
    ['hallucination-trend', '1h', 0],
    ['namespace-actions', '60d', 8],
  ] as const)('%s since %s has %i rows', async (name, since, count) => {
    expect(await rowsSince(name, since)).toBe(count);
  });
});

test('the window of a report begins at an instant, and holds what is of that instant', async () => {
  const { rows } = await database.writer.query<{ newest: string }>(
    `select to_char(max(completed_at) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as newest
     from workflow_execution_audit where phase = 'Failed'`,
  );
  const newest = rows[0]?.newest ?? '';
  const answer = await runReport(database.writer, 'recent-failures', { since: newest });
  expect(answer.parameters).toEqual({ since: newest });
  expect(answer.rows).toHaveLength(1);
});

test('the other parameters narrow a report too', async () => {
  const longest = await runReport(database.writer, 'slow-executions', {
    longer_than: '1s',
    since: 'all',
    limit: '2',
  });
  expect(longest.rows.map(([id]) => id)).toEqual(['k10', 'k6']);
  const other = await runReport(database.writer, 'namespace-actions', { namespace: 'prod' });
  expect(other.rows.map(([id]) => id)).toEqual(['k9']);
});
