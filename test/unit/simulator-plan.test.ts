import { describe, expect, test } from 'vitest';

import { SCENARIOS } from '../../src/embedded/simulator/catalogue.ts';
import { BRANCHES, planRemediation } from '../../src/embedded/simulator/plan.ts';
import { createRandomFor } from '../../src/embedded/simulator/random.ts';
import { goDuration } from '../../src/embedded/simulator/workflow-execution.ts';

const plansOf = (seed: number, count: number): ReturnType<typeof planRemediation>[] =>
  Array.from({ length: count }, (_, index) => planRemediation(createRandomFor(seed, index)));

describe('the plan of a simulation', () => {
  test('is the same for the same seed and another for another', () => {
    expect(plansOf(7, 20)).toEqual(plansOf(7, 20));
    expect(plansOf(8, 20)).not.toEqual(plansOf(7, 20));
  });

  test('names remediations as the product does, no two alike', () => {
    const names = plansOf(7, 500).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^rr-[0-9a-f]{12}-[0-9a-f]{8}$/);
  });

  test('meets every scenario and every branch before long', () => {
    const plans = plansOf(7, 100);
    expect(new Set(plans.map(({ scenario }) => scenario)).size).toBe(SCENARIOS.length);
    expect(new Set(plans.map(({ branch }) => branch)).size).toBe(BRANCHES.length);
  });

  test('gives the same signal on the same target the same fingerprint', () => {
    const fingerprints = new Map<string, string>();
    for (const { scenario, fingerprint } of plansOf(7, 100)) {
      expect(fingerprint).toMatch(/^[a-f0-9]{64}$/);
      expect(fingerprints.get(scenario.signalName) ?? fingerprint).toBe(fingerprint);
      fingerprints.set(scenario.signalName, fingerprint);
    }
    expect(new Set(fingerprints.values()).size).toBe(fingerprints.size);
  });

  test('lets only tasks fail that the workflow has', () => {
    for (const { workflow, failure } of SCENARIOS) {
      expect(workflow.tasks[failure.taskIndex], workflow.workflowName).toBeDefined();
    }
  });
});

test.each([
  ['2025-01-01T00:00:00Z', '2025-01-01T00:00:00Z', '0s'],
  ['2025-01-01T00:00:00Z', '2025-01-01T00:00:59Z', '59s'],
  ['2025-01-01T00:00:00Z', '2025-01-01T00:03:30Z', '3m30s'],
  ['2025-01-01T00:00:00Z', '2025-01-01T00:20:00Z', '20m0s'],
])('from %s to %s it is %s', (from, to, text) => {
  expect(goDuration(from, to)).toBe(text);
});
