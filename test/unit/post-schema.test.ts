import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { lastMonth, observationOfPost } from '../../src/api/intake/observation-of-post.ts';
import { isRefused, readPost } from '../../src/api/intake/read-post.ts';
import { postSchema } from '../../src/api/schemas/post-schema.ts';
import type { JsonObject, JsonValue } from '../../src/domain/json.ts';
import { parseJson } from '../../src/domain/json.ts';
import { aiAnalysisAudit } from '../../src/domain/records/ai-analysis-audit.ts';
import type { Column, RecordDefinition } from '../../src/domain/records/definition.ts';
import { observedColumns } from '../../src/domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import { kubernetesExecutionAudit } from '../../src/domain/records/kubernetes-execution-audit.ts';
import { signalProcessingAudit } from '../../src/domain/records/signal-processing-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createValidator } from '../support/json-schema.ts';
import * as golden from './fixtures/intake/golden-bodies.ts';

const validator = createValidator({
  strict: true,
  strictRequired: false,
  allErrors: true,
  allowUnionTypes: true,
  validateFormats: false,
});
const POSTABLE: readonly RecordDefinition[] = [
  workflowExecutionAudit,
  kubernetesExecutionAudit,
  signalProcessingAudit,
  aiAnalysisAudit,
];
/** The intake has no other clock here. */
const RECEIVED_AT = '2026-11-21T12:00:00.000000Z';
const LAST_MONTH = lastMonth(RECEIVED_AT);
/** As the description is read: bounds of 64 bits are raw numbers until they are text. */
const compile = (definition: RecordDefinition) =>
  validator.compile(JSON.parse(JSON.stringify(postSchema(definition, LAST_MONTH))));
const compiled = new Map(POSTABLE.map((definition) => [definition.table, compile(definition)]));

/**
 * What the intake is given is JSON text; what the validator is given is the same text as JavaScript reads it, with null for
 * the empty text, as the description says in words.
 */
function judge(definition: RecordDefinition, text: string): { intake: boolean; schema: boolean } {
  return {
    intake: !isRefused(readPost(definition, parseJson(text))),
    schema: compiled.get(definition.table)?.(withoutEmptyText(text)) === true,
  };
}

function withoutEmptyText(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => (value === '' ? null : value));
}

test.each<[string, RecordDefinition, string]>([
  ['a completed execution', workflowExecutionAudit, golden.workflowExecution],
  ['a skipped execution', workflowExecutionAudit, golden.skippedWorkflowExecution],
  ['a step-level execution', workflowExecutionAudit, golden.stepLevelExecution],
  ['an action', kubernetesExecutionAudit, golden.kubernetesExecution],
  ['three fields', kubernetesExecutionAudit, golden.threeFields],
  ['a signal', signalProcessingAudit, golden.signalProcessing],
  ['an empty signal', signalProcessingAudit, golden.emptySignalProcessing],
  ['an investigation', aiAnalysisAudit, golden.investigation],
  ['a completed analysis', aiAnalysisAudit, golden.completedAnalysis],
])('%s, as the source marshals it, is valid by schema and intake', (_what, definition, body) => {
  expect(judge(definition, body)).toEqual({ intake: true, schema: true });
});

test('every definition has a schema, and every column that a post may fill is described in it', () => {
  for (const definition of RECORD_DEFINITIONS) {
    const { properties } = postSchema(definition, LAST_MONTH) as { properties: Record<string, JsonObject> };
    for (const column of observedColumns(definition)) {
      if (column.name === 'source_kind') continue;
      expect(properties[column.name]?.['description'], column.name).toContain(column.meaning);
    }
    for (const name of ['recorded_at', 'source_kind']) expect(Object.keys(properties)).not.toContain(name);
    expect(() => compile(definition)).not.toThrow();
  }
});

/** Values of every kind, right and wrong for whatever field they come into. */
const anyValue: fc.Arbitrary<JsonValue> = fc.oneof(
  fc.constantFrom<JsonValue>(
    null,
    '',
    true,
    false,
    0,
    1,
    -1,
    0.5,
    1.5,
    2,
    1e3,
    2 ** 31,
    -(2 ** 31),
    2 ** 31 - 1,
    -0,
  ),
  fc.constantFrom<JsonValue>(
    [],
    {},
    [{}],
    [1],
    { duration: '2m3s' },
    [{ duration: 'soon' }],
    [{ duration: 5 }, {}],
  ),
  fc.constantFrom<JsonValue>(
    ...[
      { cpu_millicores: 5, memory_bytes: '' },
      { cpu_millicores: 1.5 },
      { memory_bytes: 'x' },
      [{ start_time: 'x' }],
    ],
    ...[[{ start_time: '2026-11-21T10:00:00Z', duration: null }], [{ end_time: 5 }]],
  ),
  fc.constantFrom(
    ...[
      '2026-11-21T10:00:00Z',
      '2026-11-21T10:00:00.123456789+02:00',
      '0001-01-01T00:00:00Z',
      '2026-13-01T00:00:00Z',
    ],
    ...[
      '2026-11-21',
      '2026-11-21T25:00:00Z',
      '2026-11-21T10:00:00+24:00',
      '2m3s',
      '-1.5h',
      '.5s',
      'PT2M3S',
      'P1D',
      'P',
      'PT',
    ],
    ...['P1Y', 'P1DT', '5', '0', '-0', '5 s', 's', '1s1', '3f2504e0-4f89-41d3-9a0c-0305e82c3301', '3f2504e0'],
    ...[
      'success',
      'FAILED',
      'Partial',
      'partial_success',
      'n/a',
      'N/A',
      'na',
      'Skipped',
      'timeout',
      'TimedOut',
      'timed-out',
    ],
    ...[
      'resource_busy',
      'RecentlyRemediated',
      'maybe',
      'x'.repeat(512),
      'x'.repeat(513),
      '\u{1f600}'.repeat(512),
    ],
  ),
  fc.string({ maxLength: 8 }),
);

describe('schema and intake', () => {
  test.each(POSTABLE.map((definition) => ({ kind: definition.kind, definition })))(
    'agree on generated bodies of $kind',
    ({ definition }) => {
      const names = [
        ...observedColumns(definition).flatMap(({ name, aliases }: Column) => [name, ...(aliases ?? [])]),
        ...['id', 'cluster', 'revision', 'unheard_of'],
      ].filter((name) => name !== 'crd_uid');
      const needed = Object.fromEntries(
        observedColumns(definition).flatMap(({ name, required }) =>
          required === true ? [[name, 'given']] : [],
        ),
      );
      const body = fc
        .tuple(fc.boolean(), fc.dictionary(fc.constantFrom(...names), anyValue, { maxKeys: 6 }))
        .map(([complete, fields]) => JSON.stringify({ ...(complete ? needed : {}), ...fields }));
      let accepted = 0;
      fc.assert(
        fc.property(body, (text) => {
          const { intake, schema } = judge(definition, text);
          accepted += Number(intake);
          expect({ text, accepted: schema }).toEqual({ text, accepted: intake });
        }),
        { numRuns: 3_000 },
      );
      expect(accepted).toBeGreaterThan(150);
    },
  );

  test('agree on each field alone with each value', () => {
    for (const definition of POSTABLE) {
      const needed = observedColumns(definition).flatMap(({ name, required }) =>
        required === true ? [[name, 'given']] : [],
      );
      const values = fc.sample(anyValue, { numRuns: 400, seed: 7 });
      for (const column of observedColumns(definition)) {
        for (const value of values) {
          const text = JSON.stringify({ ...Object.fromEntries(needed), [column.name]: value });
          const { intake, schema } = judge(definition, text);
          expect({ text, accepted: schema }).toEqual({ text, accepted: intake });
        }
      }
    }
  });

  test.each([
    ...['2014-12-31T23:59:59Z', '2015-01-01T00:00:00Z', '2028-11-30T23:59:59Z', '2028-12-01T00:00:00Z'],
    ...['2029-01-01T00:00:00Z', '2026-02-28T10:00:00Z', '2026-02-29T10:00:00Z', '2024-02-29T10:00:00Z'],
    ...['2100-02-29T10:00:00Z', '2026-04-31T10:00:00Z', '2026-11-00T10:00:00Z', '2026-00-10T10:00:00Z'],
    ...['0001-01-01T00:00:00Z', ' 2026-11-21 10:00:00,5+02 '],
  ])('agree on the calendar and on the months that a record may live in: %s', (time) => {
    const context = { receivedAt: RECEIVED_AT, cluster: 'c', actor: 'a', redactor: createRedactor() };
    for (const field of ['created_at', 'end_time']) {
      const text = JSON.stringify({ execution_id: 'given', [field]: time });
      const intake = !isRefused(observationOfPost(kubernetesExecutionAudit, parseJson(text), context));
      const schema = compiled.get(kubernetesExecutionAudit.table)?.(JSON.parse(text));
      expect({ text, accepted: schema }).toEqual({ text, accepted: intake });
    }
  });
});
