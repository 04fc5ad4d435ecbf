import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Generation } from '../../dev/simulator/generations.ts';
import { GENERATIONS } from '../../dev/simulator/generations.ts';
import { expectedEnding } from '../../dev/simulator/oracle.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import type { RecordStore } from '../../src/database/recording/record-store.ts';
import { createRecordedDatabase, type TestDatabase } from '../support/database.ts';
import { seededRandom } from '../support/random.ts';
import { observationsOf } from '../support/simulated-states.ts';
import type { BranchExpectation, Row } from './branch-expectations.ts';
import { EXPECTED, EXPECTED_OF_G0, EXPECTED_OF_G1 } from './branch-expectations.ts';

const SEED = 20_261_121;
let database: TestDatabase;
let store: RecordStore;

beforeAll(async () => {
  ({ database, store } = await createRecordedDatabase());
});
afterAll(() => database.close());

const branches = GENERATIONS.flatMap((generation) =>
  branchesOf(generation).map((branch) => [generation, branch] as const),
);

test.each(branches)('%s %s leaves the rows that are expected by hand', async (generation, branch) => {
  const { uid, observations } = observationsOf(branch, generation, SEED);
  // As the workflow does: what is said of a sibling follows the sibling. Everything else in any order, and twice.
  const random = seededRandom(SEED);
  const own = observations.filter(({ fragment }) => fragment !== true);
  const fragments = observations.filter(({ fragment }) => fragment === true);
  for (const round of [random.shuffled(own), random.shuffled([...own, ...fragments])]) {
    const outcomes = await store.record(round);
    expect(outcomes.filter(({ status }) => status !== 'stored')).toEqual([]);
  }
  const found = await rowsOf(uid, generation);
  expect(found).toEqual(inOrder(expectationOf(generation, branch)));
  const { rows } = expectedEnding(branch, generation);
  expect(found.executions).toHaveLength(rows.workflow_execution_audit);
});

function expectationOf(generation: Generation, branch: Branch): BranchExpectation {
  const expectations = { G3: EXPECTED, G2: EXPECTED, G1: EXPECTED_OF_G1, G0: EXPECTED_OF_G0 };
  const expectation = expectations[generation][branch];
  if (expectation === undefined) throw new Error(`nothing is expected of ${generation} ${branch}`);
  return expectation;
}

test('the generation of every row follows from the shape of its resource', async () => {
  for (const generation of GENERATIONS) {
    const branch = generation === 'G0' ? 'remediated-in-steps' : 'remediated';
    const { uid, observations } = observationsOf(branch, generation, SEED + 1);
    await store.record(observations.filter(({ fragment }) => fragment !== true));
    for (const table of ['remediation_audit', 'ai_analysis_audit', 'workflow_execution_audit']) {
      const { rows } = await database.owner.query<{ source_shape: string }>(
        `select source_shape from ${table} where remediation_uid = $1 and cluster = $2`,
        [uid, generation],
      );
      expect(rows, `${table} of ${generation}`).toEqual([{ source_shape: generation }]);
    }
  }
});

test('the steps of G0 are actions that lead to their execution by its name, as document 001 has them', async () => {
  const { uid, observations } = observationsOf('step-failed', 'G0', SEED + 3);
  await store.record(observations);
  const { rows } = await database.owner.query(
    `select action.step_index, action.success, action.retry_count, action.phase, action.source_shape,
       action.duration = action.end_time - action.start_time as as_long_as_it_took,
       action.action_parameters is not null as with_parameters, action.target_resource_kind is not null as with_target,
       action.output is not null as with_output, action.error is not null as with_error
     from kubernetes_execution_audit as action
     join workflow_execution_audit as execution
       on execution.cluster = action.cluster and action.workflow_ref = 'we-' || execution.remediation_id
     where execution.remediation_uid = $1 order by action.step_index`,
    [uid],
  );
  const both = { source_shape: 'G0a', as_long_as_it_took: true, with_parameters: true, with_target: true };
  expect(rows).toEqual([
    {
      ...both,
      step_index: 0,
      success: true,
      retry_count: 0,
      phase: 'Completed',
      with_output: true,
      with_error: false,
    },
    {
      ...both,
      step_index: 1,
      success: false,
      retry_count: 3,
      phase: 'Failed',
      with_output: false,
      with_error: true,
    },
  ]);
});

test('a RemediationProcessing of G0 has the signal, its priority and its times, and no enrichment that it never named', async () => {
  const { uid, observations } = observationsOf('remediated-in-steps', 'G0', SEED + 4);
  await store.record(observations);
  const { rows } = await database.owner.query(
    `select source_kind, source_shape, status, environment is not null as with_environment,
       priority is not null as with_priority, context_size_bytes > 0 as with_context, completed_at is not null as ended,
       processing_phases->0->>'phase' as first, processing_phases->0->>'duration' as enrichment,
       (processing_phases->1->>'duration')::interval > interval '2 seconds' as took_seconds
     from signal_processing_audit where remediation_uid = $1`,
    [uid],
  );
  expect(rows).toEqual([
    {
      source_kind: 'RemediationProcessing',
      source_shape: 'G0',
      status: 'completed',
      with_environment: true,
      with_priority: true,
      with_context: true,
      ended: true,
      first: 'enriching',
      enrichment: null,
      took_seconds: true,
    },
  ]);
});

test('how often a block was looked at, and first and last when, follows from the entries of its record', async () => {
  const { uid, observations } = observationsOf('blocked-unmanaged-resource', 'G3', SEED + 2);
  const looks = observations.filter(({ phase }) => phase === 'skip');
  const at = (index: number): string => `2026-09-05T00:0${index}:00.000000Z`;
  const seen = looks.map((look, index) => ({ ...look, observedAt: at(index) }));
  await store.record(seen.reverse());
  // A second watcher sees the same states later: they are no further looks of the resource's owner.
  await store.record(looks.map((look) => ({ ...look, observedAt: at(9) })));
  const { rows } = await database.owner.query(
    `select skip_reason, sightings::int, first_seen = $2::timestamptz as from_the_first, last_seen = $3::timestamptz as to_the_last
     from audit_block where remediation_uid = $1`,
    [uid, at(0), at(looks.length - 1)],
  );
  expect(looks.length).toBeGreaterThan(1);
  expect(rows).toEqual([
    { skip_reason: 'UnmanagedResource', sightings: looks.length, from_the_first: true, to_the_last: true },
  ]);
});

const REMEDIATION = `
  select overall_phase, outcome, failure_phase, verdict, approval_required, approval_decision, verification_reason,
    final_state_unknown, (approval_override is not null or null) as overridden, (deleted_at is not null or null) as deleted
  from remediation_audit where remediation_uid = $1 and cluster = $2`;
const SIGNALS = 'select status from signal_processing_audit where remediation_uid = $1 and cluster = $2';
const ANALYSES = `
  select completion_status, (workflow_crd_name is not null or null) as leads_to_workflow,
    (failure_reason is not null or null) as says_why
  from ai_analysis_audit where remediation_uid = $1 and cluster = $2`;
const EXECUTIONS = `
  select phase, outcome, skip_reason, (failure_reason is not null or null) as says_why,
    (conflicting_wfe is not null or null) as names_the_conflict
  from workflow_execution_audit where remediation_uid = $1 and cluster = $2`;
const ACTIONS = 'select success from kubernetes_execution_audit where remediation_uid = $1 and cluster = $2';

async function rowsOf(uid: string, cluster: string): Promise<BranchExpectation> {
  const query = async (text: string): Promise<Row[]> => {
    const { rows } = await database.owner.query<Record<string, string | boolean | null>>(text, [
      uid,
      cluster,
    ]);
    return rows.map(withoutNulls);
  };
  const [remediation = {}, ...more] = await query(REMEDIATION);
  expect(more).toEqual([]);
  const [signals, analyses] = [await query(SIGNALS), await query(ANALYSES)];
  const [executions, actions] = [await query(EXECUTIONS), await query(ACTIONS)];
  return inOrder({ remediation, signals, analyses, executions, actions });
}

function withoutNulls(row: Readonly<Record<string, string | boolean | null>>): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as Row;
}

function inOrder(expectation: BranchExpectation): BranchExpectation {
  const text = (row: Row): string => JSON.stringify(Object.entries(row).sort());
  const sorted = [...expectation.executions].sort((left, right) => (text(left) < text(right) ? -1 : 1));
  return { ...expectation, executions: sorted };
}
