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
import { EXPECTED, EXPECTED_OF_G1 } from './branch-expectations.ts';

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
  const expectation = (generation === 'G1' ? EXPECTED_OF_G1 : EXPECTED)[branch];
  if (expectation === undefined) throw new Error(`nothing is expected of ${generation} ${branch}`);
  return expectation;
}

test('the generation of every row follows from the shape of its resource', async () => {
  for (const generation of GENERATIONS) {
    const { uid, observations } = observationsOf('remediated', generation, SEED + 1);
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
