import { describe, expect, test } from 'vitest';

import { SCENARIOS } from '../../dev/simulator/catalogue.ts';
import { goDuration } from '../../dev/simulator/facts.ts';
import type { RemediationPlan } from '../../dev/simulator/plan.ts';
import { planRemediation, planSimulation } from '../../dev/simulator/plan.ts';
import { BRANCHES, branchesOf } from '../../dev/simulator/stories.ts';

const BOTH = ['remediated', 'execution-failed'] as const;
const plansOf = (seed: number, count: number): readonly RemediationPlan[] =>
  planSimulation({ seed, generation: 'G3', branches: branchesOf('G3') }, count);

describe('the plan of a simulation', () => {
  test('is the same for the same seed and another for another', () => {
    expect(plansOf(7, 50)).toEqual(plansOf(7, 50));
    expect(plansOf(8, 50)).not.toEqual(plansOf(7, 50));
  });

  test('names remediations as the product does, no two alike', () => {
    const names = plansOf(7, 500).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^rr-[0-9a-f]{12}-[0-9a-f]{8}$/);
    const old = planSimulation({ seed: 7, generation: 'G1', branches: BOTH }, 500).map(({ name }) => name);
    expect(new Set(old).size).toBe(old.length);
    for (const name of old) expect(name).toMatch(/^rr-[0-9a-f]{16}$/);
  });

  test('deals every branch once before any comes again, in another order each time', () => {
    const { length } = branchesOf('G3');
    const branches = plansOf(7, 2 * length).map(({ branch }) => branch);
    const [first, second] = [branches.slice(0, length), branches.slice(length)];
    expect(new Set(first).size).toBe(length);
    expect(new Set(second).size).toBe(length);
    expect(first).not.toEqual(second);
  });

  test('meets every scenario before long', () => {
    expect(new Set(plansOf(7, 100).map(({ scenario }) => scenario)).size).toBe(SCENARIOS.length);
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

  test('changes nothing but names when a name is taken', () => {
    const choice = { seed: 7, generation: 'G3', branches: BRANCHES } as const;
    const [first, second] = [planRemediation(choice, 3), planRemediation(choice, 3, 1)];
    expect(second.name).not.toBe(first.name);
    expect({ ...second, name: first.name, other: first.other }).toEqual(first);
  });

  test('lets only tasks fail that the workflow has', () => {
    for (const { workflow, failure } of SCENARIOS) {
      expect(workflow.tasks[failure.taskIndex], workflow.workflowName).toBeDefined();
    }
  });
});

test.each([
  [0, '0s'],
  [59_000, '59s'],
  [210_000, '3m30s'],
  [1_200_000, '20m0s'],
])('%i ms are %s', (milliseconds, text) => {
  expect(goDuration(milliseconds)).toBe(text);
});
