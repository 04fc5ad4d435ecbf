import { createHash } from 'node:crypto';

import { expect, test } from 'vitest';

import { utf8Length } from '../../../src/domain/bounds.ts';
import type { JsonObject, JsonValue } from '../../../src/domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../../../src/domain/json.ts';
import { MAX_WATCHED_OBSERVATION_BYTES } from '../../../src/domain/limits.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import { definitionOf } from '../../../src/domain/records/index.ts';
import { boundObservation } from '../../../src/kubernaut/bound-observation.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import { readWorkflowExecution } from '../../../src/kubernaut/workflow-execution.ts';
import { readable } from '../../support/readings.ts';
import { SAMPLES } from './samples/index.ts';
import { CONTEXT } from './samples/parts.ts';
import { WORKFLOW_EXECUTIONS } from './samples/workflow-execution.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const sizeOf = (observation: Observation): number => utf8Length(JSON.stringify(observation));
const bound = (observation: Observation): Observation => boundObservation(observation, sha256);

const MANY_BYTES = 1_572_864;
const IDENTIFYING =
  /^(kind|name|namespace|uid|resourceVersion|creationTimestamp|apiVersion|phase|.*Time|.*At|.*Ref)$/;

/** The resource with its texts and lists blown up until it has 1.5 MiB; what identifies stays as it is. */
function blownUp(resource: JsonObject): JsonObject {
  const grown = (length: number): JsonObject => {
    const grow = (value: JsonValue, name: string): JsonValue => {
      if (IDENTIFYING.test(name)) return value;
      if (typeof value === 'string') return value + 'é"\n'.repeat(length);
      if (Array.isArray(value)) return [...value, ...value, ...value].map((one) => grow(one, ''));
      if (!isJsonObject(value)) return value;
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, grow(member, key)]));
    };
    return {
      ...resource,
      spec: grow(resource['spec'] ?? {}, ''),
      status: grow(resource['status'] ?? {}, ''),
    };
  };
  let length = 64;
  while (JSON.stringify(grown(length)).length < MANY_BYTES) length *= 2;
  return grown(length);
}

const CASES = KUBERNAUT_KINDS.flatMap((kind) =>
  Object.entries(SAMPLES[kind.kind] ?? {}).map(
    ([generation, resource]) => [kind.kind, generation, kind, blownUp(resource)] as const,
  ),
);

test.each(CASES)('a %s of %s and 1.5 MiB travels in 128 KiB', (_kind, _generation, kind, resource) => {
  expect(utf8Length(JSON.stringify(resource))).toBeGreaterThan(MANY_BYTES);
  for (const observation of readable(kind.read(resource, CONTEXT)).observations) {
    const bounded = bound(observation);
    expect(sizeOf(bounded)).toBeLessThanOrEqual(MAX_WATCHED_OBSERVATION_BYTES);
    expect(bound(observation)).toEqual(bounded);
    expectSoundColumns(observation, bounded);
  }
});

function expectSoundColumns(whole: Observation, bounded: Observation): void {
  expect(Object.keys(bounded.columns)).toEqual(Object.keys(whole.columns));
  for (const column of definitionOf(whole.table).columns) {
    const [before, after] = [whole.columns[column.name], bounded.columns[column.name]];
    if (before === undefined) continue;
    if (column.type === 'jsonb') expect(canonicalJson(parseJson(String(after)))).toBe(after);
    else if (column.type !== 'text' || column.identifier === true) expect(after).toBe(before);
    else if (after !== before) expect(after).toContain(sha256(String(before)));
  }
}

const execution = readable(readWorkflowExecution(WORKFLOW_EXECUTIONS['G3'] ?? {}, CONTEXT))
  .observations[0] as Observation;
const withColumns = (columns: Observation['columns']): Observation => ({
  ...execution,
  columns: { ...execution.columns, ...columns },
});

test('what fits is left as it is', () => {
  expect(bound(execution)).toBe(execution);
});

test('the largest is cut first, says how much is missing, and has the hash of the whole', () => {
  const long = 'x'.repeat(200_000);
  const bounded = bound(withColumns({ failure_message: long, error_message: 'y'.repeat(20_000) }));
  expect(bounded.columns['failure_message']).toMatch(/^x+… \[cut: \d+ of 200000 characters left out/);
  // Far more than half of the room is used.
  expect(sizeOf(bounded)).toBeGreaterThan(0.75 * MAX_WATCHED_OBSERVATION_BYTES);
  expect(bounded.columns['failure_message']).toContain(sha256(long));
  expect(bounded.columns['error_message']).toHaveLength(20_000);
});

test('a character is never cut in half', () => {
  const bounded = bound(withColumns({ failure_message: `x${'😀'.repeat(100_000)}` }));
  expect(String(bounded.columns['failure_message']).isWellFormed()).toBe(true);
});

test('members that queries cast are cast after the cut as before', () => {
  const steps = Array.from({ length: 5_000 }, (_, index) => ({
    duration: '00:00:30',
    error_message: 'e'.repeat(index % 7 === 0 ? 5_000 : 10),
    step_number: index + 1,
  }));
  const bounded = bound(withColumns({ step_executions: canonicalJson(steps) }));
  const kept = parseJson(String(bounded.columns['step_executions'])) as JsonObject[];
  const last = kept.at(-1);
  expect(kept.length).toBeGreaterThan(10);
  expect(kept.slice(0, -1).every((step) => step['duration'] === '00:00:30')).toBe(true);
  expect(last?.['_cut']).toContain(sha256(canonicalJson(steps)));
});

test('a map keeps its keys longer than its long values', () => {
  const parameters = { LONG: 'v'.repeat(300_000), NAMESPACE: 'payments' };
  const bounded = bound(withColumns({ parameters: canonicalJson(parameters) }));
  const kept = parseJson(String(bounded.columns['parameters'])) as JsonObject;
  expect(kept['NAMESPACE']).toBe('payments');
  expect(kept['LONG']).toContain(sha256(parameters.LONG));
});
