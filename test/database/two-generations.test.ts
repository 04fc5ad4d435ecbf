import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Generation } from '../../dev/simulator/generations.ts';
import { GENERATIONS } from '../../dev/simulator/generations.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import type { ReportName } from '../../src/query/reports/reports.ts';
import { runReport } from '../../src/query/reports/run-report.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { observationsOf } from '../support/simulated-states.ts';

/**
 * A cluster after an upgrade: records of the older resources and of the newer ones side by side. The same questions are
 * answered by both, with the same names and words.
 */
let database: TestDatabase;

beforeAll(async () => {
  const recorded = await createRecordedDatabase();
  ({ database } = recorded);
  for (const generation of GENERATIONS) {
    const isInSteps = generation === 'G0';
    const branches: readonly Branch[] = isInSteps
      ? ['remediated-in-steps', 'step-failed']
      : ['remediated', 'execution-failed'];
    for (const branch of branches) {
      const { observations } = observationsOf(branch, generation, branch.length);
      // As the workflow does: what is said of a sibling follows the sibling.
      const own = observations.filter(({ fragment }) => fragment !== true);
      const fragments = observations.filter(({ fragment }) => fragment === true);
      const outcomes = await recorded.store.record([...own, ...fragments]);
      expect(outcomes.filter(({ status }) => status !== 'stored')).toEqual([]);
    }
  }
});
afterAll(() => database.close());

/** One value of each row, in the order of the statement. */
async function valuesOf(statement: string): Promise<readonly unknown[]> {
  const { rows } = await database.owner.query<Record<string, unknown>>(statement);
  return rows.map((row) => Object.values(row)[0]);
}

const EVERY: readonly Generation[] = [...GENERATIONS].sort();

test('a remediation and its execution name the same workflow, in every generation that names one', async () => {
  const joined = `from remediation_audit as remediation
    join workflow_execution_audit as execution using (remediation_uid, cluster)`;
  expect(
    await valuesOf(`select remediation.cluster ${joined}
      where remediation.workflow_name is distinct from execution.workflow_name
        and remediation.source_shape not in ('G0', 'G1')`),
  ).toEqual([]);
  expect(
    await valuesOf(`select distinct execution.source_shape ${joined}
      where execution.workflow_name is not null order by 1`),
  ).toEqual(expect.arrayContaining(['G2', 'G3']));
  expect(
    await valuesOf(`select count(distinct execution.workflow_name)::integer ${joined}
      where execution.workflow_name like '%:%'`),
  ).toEqual([0]);
});

test('environments, phases and states are the same words in all', async () => {
  expect(
    await valuesOf(`select distinct source_shape from signal_processing_audit
      where environment = lower(environment) and status = 'completed' order by 1`),
  ).toEqual(EVERY);
  expect(
    await valuesOf(`select distinct environment from signal_processing_audit
      where environment <> lower(environment)`),
  ).toEqual([]);
  expect(
    await valuesOf(`select distinct environment from ai_analysis_audit
      where environment <> lower(environment)`),
  ).toEqual([]);
  expect(await valuesOf('select distinct phase from workflow_execution_audit order by 1')).toEqual([
    'Completed',
    'Failed',
  ]);
  expect(await valuesOf('select distinct phase from kubernetes_execution_audit order by 1')).toEqual([
    'Completed',
    'Failed',
  ]);
});

test('the enrichment of a signal has a duration where a generation says when it was done', async () => {
  expect(
    await valuesOf(`select distinct source_shape from signal_processing_audit
      where processing_phases->0->>'phase' = 'enriching'
        and (processing_phases->0->>'duration')::interval >= interval '0' order by 1`),
  ).toEqual(['G1', 'G2', 'G3']);
});

test('an action has its type before G3 too', async () => {
  expect(
    await valuesOf(`select distinct source_shape from kubernetes_execution_audit
      where action_type is not null order by 1`),
  ).toEqual(expect.arrayContaining(['G2', 'G3']));
});

test.each<[ReportName, string]>([
  ['success-rate-by-target', 'workflow_execution_audit'],
  ['recent-failures', 'workflow_execution_audit'],
  ['classification-accuracy', 'signal_processing_audit'],
  ['duration-by-action', 'kubernetes_execution_audit'],
])('report %s answers over all of them', async (name) => {
  const { rows } = await runReport(database.writer, name, { since: 'all' });
  expect(rows.length).toBeGreaterThan(0);
});
