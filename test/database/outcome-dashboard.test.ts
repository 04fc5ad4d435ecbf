import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { repositoryPath } from '../support/repository.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly rawSql: string; readonly format: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly query: string }[] };
}

const dashboard = JSON.parse(
  readFileSync(repositoryPath('deploy/chart/dashboard-outcomes.json'), 'utf8'),
) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

let database: TestDatabase;
let reader: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  // As Grafana should connect.
  reader = new pg.Pool({ connectionString: database.url('audit_reader'), max: 1 });
  for (const row of REMEDIATIONS) await insert('remediation_audit', row);
  for (const row of EXECUTIONS) await insert('workflow_execution_audit', row);
});
afterAll(async () => {
  await reader.end();
  await database.close();
});

const OPEN_APPROVAL = { verdict: 'open', approval_required: true, workflow_name: 'drain-node' };
const REMEDIATIONS = [
  { verdict: 'terminal', outcome: 'Remediated', approval_required: true, approval_decision: 'Approved' },
  { verdict: 'terminal', outcome: 'Remediated' },
  { verdict: 'terminal', outcome: 'ManualReviewRequired', failure_phase: 'Executing', failure_reason: 'OOM' },
  { verdict: 'deleted-before-terminal' },
  { ...OPEN_APPROVAL, remediation_id: 'rr-waits' },
  { ...OPEN_APPROVAL, remediation_id: 'rr-elsewhere', cluster: 'other' },
];
const EXECUTIONS = [
  { phase: 'Completed', workflow_name: 'restart-pod' },
  { phase: 'Failed', workflow_name: 'restart-pod', failure_reason: 'DeadlineExceeded' },
  { phase: 'Failed', workflow_id: 'a-uuid', failure_reason: 'DeadlineExceeded' },
  { phase: 'Skipped', workflow_name: 'restart-pod', skip_reason: 'ResourceBusy' },
];

async function insert(table: string, values: Readonly<Record<string, unknown>>): Promise<void> {
  const row: Record<string, unknown> = {
    ...{ id: randomUUID(), cluster: 'prod', created_at_source: 'resource', source_version: 1, revision: 1 },
    ...{ created_at: new Date(), started_at: new Date(0), completed_at: new Date(90_000) },
    ...values,
  };
  const names = Object.keys(row);
  const places = names.map((_name, index) => `$${index + 1}`);
  await database.owner.query(
    `insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`,
    Object.values(row),
  );
}

/** What Grafana's data source makes of its macros and of the variable. */
function expanded(sql: string): string {
  return sql
    .replaceAll(
      /\$__timeFilter\(([^)]+)\)/g,
      "$1 between now() - interval '1 day' and now() + interval '1 day'",
    )
    .replaceAll(
      /\$__timeGroupAlias\(([^,]+), \$__interval\)/g,
      'floor(extract(epoch from $1) / 3600) * 3600 as "time"',
    )
    .replaceAll('$cluster', "'prod'");
}

async function rowsOf(title: string): Promise<readonly Record<string, unknown>[]> {
  const panel = panels.find((candidate) => candidate.title === title);
  if (panel === undefined) throw new Error(`the dashboard has no panel ${title}`);
  return (await reader.query<Record<string, unknown>>(expanded(panel.targets?.[0]?.rawSql ?? ''))).rows;
}

test.each(panels.map(({ title, targets = [] }) => [title, targets] as const))(
  'whoever reports can ask what the panel %s asks, and gets an answer',
  async (_title, targets) => {
    expect(targets.length).toBeGreaterThan(0);
    for (const { rawSql, format } of targets) {
      const sql = expanded(rawSql);
      expect(sql).not.toContain('$');
      const { rows, fields } = await reader.query(sql);
      expect(rows.length).toBeGreaterThan(0);
      if (format === 'time_series') expect(fields[0]?.name).toBe('time');
    }
  },
);

test('the panels say what remediations did', async () => {
  expect(await rowsOf('Remediations')).toEqual([{ remediations: '5' }]);
  expect(Number((await rowsOf('Remediated'))[0]?.['remediated'])).toBeCloseTo(2 / 3);
  expect(await rowsOf('Outcomes')).toEqual([
    { outcome: 'Remediated', remediations: '2' },
    { outcome: 'ManualReviewRequired', remediations: '1' },
    { outcome: 'deleted-before-terminal', remediations: '1' },
    { outcome: 'open', remediations: '1' },
  ]);
  expect(await rowsOf('Where they failed')).toMatchObject([
    { phase: 'Executing', reason: 'OOM', remediations: '1' },
  ]);
  expect(await rowsOf('Workflows by failures')).toMatchObject([
    { workflow: 'restart-pod', executions: '2', failed: '1', 'usual reason': 'DeadlineExceeded' },
    { workflow: 'a-uuid', executions: '1', failed: '1' },
  ]);
  expect(await rowsOf('Blocked or skipped, by reason')).toEqual([
    { reason: 'ResourceBusy', executions: '1' },
  ]);
});

test('who waits for an approval is named, in the chosen clusters only', async () => {
  const [, waiting] = [...panels].filter(({ title }) => title === 'Wait for an approval');
  const { rows } = await reader.query<Record<string, unknown>>(expanded(waiting?.targets?.[0]?.rawSql ?? ''));
  expect(rows).toMatchObject([{ remediation: 'rr-waits', workflow: 'drain-node' }]);
});

test('the clusters to choose from are those that are recorded', async () => {
  const query = dashboard.templating.list.find(({ name }) => name === 'cluster')?.query ?? '';
  expect((await reader.query(query)).rows).toEqual([{ cluster: 'other' }, { cluster: 'prod' }]);
});

test('no panel lies on another, and each has an id of its own', () => {
  expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
});
