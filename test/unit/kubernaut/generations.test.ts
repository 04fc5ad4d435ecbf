import { describe, expect, test } from 'vitest';

import type { JsonObject, JsonValue } from '../../../src/domain/json.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import type { Random } from '../../support/random.ts';
import { seededRandom } from '../../support/random.ts';
import { readable } from '../../support/readings.ts';
import { SAMPLES } from './samples/index.ts';
import { CONTEXT } from './samples/parts.ts';

const CASES = KUBERNAUT_KINDS.flatMap((kind) =>
  Object.entries(SAMPLES[kind.kind] ?? {}).map(
    ([generation, resource]) => [kind.kind, generation, kind, resource] as const,
  ),
);

describe('a resource with every field of its generation', () => {
  test.each(CASES)('%s of %s is understood to the last field', (_kind, generation, kind, resource) => {
    const { shape, unrecognised, misshapen } = readable(kind.read(resource, CONTEXT));
    expect({ shape, unrecognised, misshapen }).toEqual({
      shape: /G\d[a-z]?/.exec(generation)?.[0],
      unrecognised: [],
      misshapen: [],
    });
  });

  test.each(CASES)('%s of %s keeps fields of a later generation under extra', (_k, _g, kind, resource) => {
    const later = {
      ...resource,
      spec: { ...(resource['spec'] as JsonObject), novelty: { of: 'tomorrow' } },
      status: { ...(resource['status'] as JsonObject), novelty: 1 },
    };
    const { unrecognised, observations } = readable(kind.read(later, CONTEXT));
    expect(unrecognised).toEqual(['spec.novelty', 'status.novelty']);
    expect(observations[0]?.columns['extra']).toContain('"spec.novelty":{"of":"tomorrow"}');
  });

  test.each(CASES)('%s of %s is read whatever becomes of its values', (_kind, generation, kind, resource) => {
    const random = seededRandom(generation.length);
    for (let round = 0; round < 300; round += 1) {
      const reading = kind.read(mutated(resource, random) as JsonObject, CONTEXT);
      expect(reading).toBeTypeOf('object');
    }
  });
});

const ODDITIES: readonly JsonValue[] = [
  null,
  true,
  -1,
  1e300,
  '',
  'text',
  '\u0000',
  '9999-12-31T23:59:59Z',
  [],
  [null],
  [[]],
  {},
  { name: {} },
];

function mutated(value: JsonValue, random: Random): JsonValue {
  if (random.below(25) === 0) return random.pick(ODDITIES);
  if (Array.isArray(value)) return value.map((item) => mutated(item, random));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, mutated(member as JsonValue, random)]),
  );
}
