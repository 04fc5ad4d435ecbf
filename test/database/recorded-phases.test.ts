import { afterAll, beforeAll, expect, test } from 'vitest';

import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { chooseSeed, seededRandom } from '../support/random.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());

/** Stores them and counts them as `work` does. */
async function countedBy(batches: readonly (readonly Observation[])[]): Promise<string> {
  const store = createRecordStore(database.writer);
  const metrics = createMetrics();
  for (const batch of batches) {
    const outcomes = await store.record(batch);
    for (const [index, observation] of batch.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status !== 'stored') throw new Error(`not stored: ${outcome?.status ?? 'no outcome'}`);
      metrics.sources.stored(observation, 0.01, outcome.phases);
    }
  }
  return metrics.registry.metrics();
}

/** States of one execution, from its creation to its deletion. */
function statesOf(end: string): Observation[] {
  const first = executionObservation();
  return ['Pending', 'Running', end, end].map((phase, nth) => ({
    ...first,
    sourceVersion: String(nth + 1),
    columns: { ...first.columns, phase, ...(nth === 3 ? { deleted_at: '2026-11-21T11:00:00.000000Z' } : {}) },
  }));
}

test('executions are counted once each by the phase in which they end, as many as there are rows', async () => {
  const random = seededRandom(chooseSeed());
  const ends = Array.from({ length: 40 }, () => random.pick(['Completed', 'Failed', 'Skipped']));
  const observations = ends.flatMap(statesOf);
  // Each comes twice, in any order, alone or with others.
  const shuffled = [...observations, ...observations]
    .map((observation) => ({ observation, at: random.below(1_000_000) }))
    .sort((one, other) => one.at - other.at)
    .map(({ observation }) => observation);
  const batches: Observation[][] = [];
  while (shuffled.length > 0) batches.push(shuffled.splice(0, 1 + random.below(6)));
  const text = await countedBy(batches);
  for (const end of new Set(ends))
    expect(text).toContain(
      `kubernaut_workflowexecution_audit_records_total{phase="${end}"} ${ends.filter((one) => one === end).length}\n`,
    );
  expect(text).not.toMatch(/records_total\{phase="(?:Pending|Running|unknown)"/);
  const { rows } = await database.owner.query<{ count: string }>(
    'select count(*) from workflow_execution_audit',
  );
  expect(rows[0]?.count).toBe(String(ends.length));
});
