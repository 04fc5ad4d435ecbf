import { afterAll, beforeAll, expect, test } from 'vitest';

import { RecordedCluster } from '../support/recorded-cluster.ts';
import { until } from '../support/until.ts';

/** Resources of G0 all the way from a cluster to their rows: the kinds that only that generation has. */
let cluster: RecordedCluster;

beforeAll(async () => {
  cluster = await RecordedCluster.create();
  await cluster.watch();
});
afterAll(() => cluster[Symbol.asyncDispose]());

async function rowsOf(statement: string): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await cluster.stage.database.owner.query<Record<string, unknown>>(statement);
  return rows;
}

test('a RemediationProcessing and the actions of each step are recorded as docs/sources.md says', async () => {
  const { remediations } = await cluster.play({
    generation: 'G0',
    branches: ['remediated-in-steps', 'step-failed'],
    count: 2,
    seed: 8,
    speed: 300,
  });
  expect(remediations.map(({ finished }) => finished)).toEqual([true, true]);
  const ACTIONS = `
    select action.execution_id, action.workflow_ref, action.remediation_uid, action.phase, action.success, action.retry_count,
      action.source_shape
    from kubernetes_execution_audit as action order by action.success, action.execution_id`;
  await until(
    async () => (await rowsOf(ACTIONS)).filter(({ success }) => success !== null).length === 4,
    'each action has its end',
  );
  const partOf = (branch: string, part: 'KE/1' | 'KE/2' | 'WFE' | 'RP') =>
    remediations.find((played) => played.branch === branch)?.parts[part]?.name;
  const actionOf = (branch: string, part: 'KE/1' | 'KE/2', more: object) => ({
    execution_id: partOf(branch, part),
    workflow_ref: partOf(branch, 'WFE'),
    // It names its workflow execution alone.
    remediation_uid: null,
    source_shape: 'G0a',
    phase: 'Completed',
    success: true,
    retry_count: 0,
    ...more,
  });
  expect(new Set(await rowsOf(ACTIONS))).toEqual(
    new Set([
      actionOf('step-failed', 'KE/2', { phase: 'Failed', success: false, retry_count: 3 }),
      actionOf('step-failed', 'KE/1', {}),
      actionOf('remediated-in-steps', 'KE/1', {}),
      actionOf('remediated-in-steps', 'KE/2', { retry_count: 1 }),
    ]),
  );

  const SIGNALS = `
    select remediation_uid, source_kind, status from signal_processing_audit where status = 'completed'`;
  await until(async () => (await rowsOf(SIGNALS)).length === 2, 'each signal has its end');
  expect(new Set(await rowsOf(SIGNALS))).toEqual(
    new Set(
      remediations.map(({ uid }) => ({
        remediation_uid: uid,
        source_kind: 'RemediationProcessing',
        status: 'completed',
      })),
    ),
  );
  const verdicts = `select verdict from remediation_audit where source_shape = 'G0' and verdict = 'terminal'`;
  await until(async () => (await rowsOf(verdicts)).length === 2, 'each remediation is closed');
});
