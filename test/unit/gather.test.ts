import { expect, test } from 'vitest';

import type { Observation } from '../../src/domain/observation.ts';
import { GatherRule } from '../../src/workflows/gather.ts';
import { executionObservation } from '../support/observations.ts';

const GATHER_SECONDS = 10;
const interim: Observation = { ...executionObservation(), interim: true };
const awaited: Observation = executionObservation();
const closure: Observation = executionObservation({ phase: 'closure' });

/** Whether each of the signals' observations may wait, by the time of its signal in seconds. */
function waits(
  signals: readonly (readonly [atSeconds: number, list: readonly Observation[]])[],
): boolean[][] {
  const rule = new GatherRule(GATHER_SECONDS);
  return signals.map(([atSeconds, list]) => list.map(rule.forSignal(list, atSeconds * 1_000)));
}

test('an interim observation waits for more unless its signal came alone, and an awaited one never', () => {
  const both = [interim, awaited];
  expect(
    waits([
      [100, both],
      [110, both],
      [120.1, both],
    ]),
  ).toEqual([
    [false, false],
    [true, false],
    [false, false],
  ]);
});

test('what follows the closure within seconds waits, whatever it is', () => {
  expect(
    waits([
      [100, [awaited]],
      [101, [closure, awaited]],
      [102, [awaited, closure]],
      [200, [awaited]],
    ]),
  ).toEqual([[false], [false, false], [true, true], [false]]);
});
