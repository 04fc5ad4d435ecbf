import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { RecordKind } from '../../packages/client/src/records.ts';
import { createRecordRedaction } from '../../packages/client/src/redact-record.ts';
import { columnType } from '../../src/domain/column-types.ts';
import type { JsonValue } from '../../src/domain/json.ts';
import type { Column } from '../../src/domain/records/definition.ts';
import { RECORD_DEFINITIONS } from '../../src/domain/records/index.ts';
import * as golden from './fixtures/intake/golden-bodies.ts';
import { accept } from './fixtures/intake/posting.ts';
import { casesOf, readGroups } from './fixtures/redaction/corpus.ts';

const redact = createRecordRedaction();

/** The tables that a client posts to, by the kind. */
const definitions = RECORD_DEFINITIONS.filter((definition) => definition.kind !== 'remediation').map(
  (definition) => ({ kind: definition.kind as RecordKind, definition }),
);
const kubernetesExecution = definitions.find(({ kind }) => kind === 'kubernetes-execution')?.definition;

/** What the service makes of a post, whether it is redacted before or not. */
function storedOf(body: string): unknown {
  if (kubernetesExecution === undefined) throw new Error('no definition of kubernetes-execution');
  return { ...accept(kubernetesExecution, body), redactions: undefined };
}

const execution = (fields: Readonly<Record<string, JsonValue>>): string =>
  JSON.stringify({ execution_id: 'scale-api-1', start_time: '2026-11-21T10:00:00Z', ...fields });

/** The places of a record where text may stand: a column, JSON within one, a field without a column, and under `extra`. */
const places: readonly ((text: string) => string)[] = [
  (output) => execution({ output }),
  (text) => execution({ action_parameters: { steps: [{ note: text }] } }),
  (text) => execution({ remark: text }),
  (text) => execution({ extra: { remark: [text] } }),
];

test.each(readGroups('secret-').map((group) => ({ shape: group.shape, cases: casesOf(group) })))(
  'of $shape the service stores the same, whether the client redacted it or not',
  ({ cases }) => {
    for (const { text } of cases)
      for (const place of places) {
        const body = place(text);
        const redacted = redact('kubernetes-execution', body);
        expect(redact('kubernetes-execution', redacted), text).toBe(redacted);
        expect(storedOf(redacted), text).toEqual(storedOf(body));
      }
  },
);

test('of any JSON the service stores the same, whether the client redacted it or not', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'password=Xk92mnQ77Zp4',
      'Authorization: Bearer abcdef0123456789',
      '{"token":"t0p-s3cret"}',
    ),
  );
  const json = fc.object({
    key: fc.constantFrom('a', 'password', 'token', 'data', 'kind', 'x_y'),
    values: [text],
  });
  fc.assert(
    fc.property(text, json, json, (output, parameters, unknown) => {
      const body = execution({
        output,
        action_parameters: parameters as JsonValue,
        unknown: unknown as JsonValue,
      });
      expect(storedOf(redact('kubernetes-execution', body))).toEqual(storedOf(body));
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['workflow-execution', golden.skippedWorkflowExecution],
  ['workflow-execution', golden.stepLevelExecution],
] as const)('a record of %s without a secret stays the text that it was', (kind, body) => {
  expect(redact(kind, body)).toBe(body);
});

const ORDINARY: Readonly<Record<string, JsonValue>> = {
  boolean: true,
  interval: '2m3s',
  jsonb: { cpu_millicores: 250 },
  text: 'Deployment/api',
  timestamptz: '2026-11-21T10:00:00.123456789Z',
  uuid: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
};
const ordinary = ({ type }: Column): JsonValue => ORDINARY[type] ?? 3;

test.each(definitions)('no column of $kind is secret by its name', ({ kind, definition }) => {
  for (const { type } of definition.columns) expect(columnType(type)).toBeDefined();
  const body = JSON.stringify(
    Object.fromEntries(definition.columns.map((column) => [column.name, ordinary(column)])),
  );
  expect(redact(kind, body)).toBe(body);
});

test('what identifies a record is left, however random it looks; the same text elsewhere is not', () => {
  const random = 'dGhpcyBpcyBub3QgYSBzZWNyZXQgYnV0IGl0IGxvb2tzIGxpa2Ugb25lLTEyMw';
  const body = execution({ workflow_ref: random, target_resource_name: random });
  expect(redact('kubernetes-execution', body)).toBe(body);
  const elsewhere = execution({ output: random, remark: random });
  expect(redact('kubernetes-execution', elsewhere)).not.toContain(random);
  expect(storedOf(redact('kubernetes-execution', elsewhere))).toEqual(storedOf(elsewhere));
});

describe('around a secret', () => {
  test('numbers keep their last digit, and what is no text stays', () => {
    const body =
      '{"execution_id":"e","success":false,"job_exit_code":137,"duration":9007199254740993,"error":"DB_PASSWORD=Xk92mnQ77Zp4","action_parameters":{"n":1.10,"big":9007199254740993}}';
    expect(redact('kubernetes-execution', body)).toBe(
      '{"action_parameters":{"big":9007199254740993,"n":1.10},"duration":9007199254740993,"error":"DB_PASSWORD=[REDACTED:password]","execution_id":"e","job_exit_code":137,"success":false}',
    );
  });

  test('what is not of the type of its column is redacted all the same: a refused record is kept on disk', () => {
    const body = execution({
      start_time: 'password=Xk92mnQ77Zp4',
      success: { token: 't0p-s3cret-1' },
      output: { password: 'Xk92mnQ77Zp5' },
      crd_uid: 'u-1',
      source_uid: 'password=Xk92mnQ77Zp6',
    });
    expect(redact('kubernetes-execution', body)).not.toMatch(/Xk92mnQ77Zp|t0p-s3cret/);
    expect(redact('kubernetes-execution', '[{"password":"Xk92mnQ77Zp4"}]')).not.toContain('Xk92');
    expect(redact('no-such-kind' as RecordKind, '{"password":"Xk92mnQ77Zp4"}')).not.toContain('Xk92');
  });

  test('a member called __proto__ is a member', () => {
    const body = '{"__proto__":{"password":"Xk92mnQ77Zp4"},"execution_id":"e"}';
    expect(redact('kubernetes-execution', body)).toBe(
      '{"__proto__":{"password":"[REDACTED:password]"},"execution_id":"e"}',
    );
  });
});

test('the rules of the installation count as in the service', () => {
  const configured = createRecordRedaction('{"keyNames":["pin"],"exemptValues":["test-[a-z]+"]}');
  const body = execution({ action_parameters: { pin: '4711x', password: 'test-abc' } });
  expect(JSON.parse(configured('kubernetes-execution', body))).toMatchObject({
    action_parameters: { pin: '[REDACTED:configured]', password: 'test-abc' },
  });
  expect(() => createRecordRedaction('{"keyName":[]}')).toThrow('keyName is unknown');
});
