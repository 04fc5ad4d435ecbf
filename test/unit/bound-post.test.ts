import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { utf8Length } from '../../src/domain/bounds.ts';
import { fitColumns, fitText } from '../../src/domain/cut.ts';
import { canonicalJson, isJsonObject, parseJson } from '../../src/domain/json.ts';
import { MAX_RECORD_BYTES } from '../../src/domain/limits.ts';
import { kubernetesExecutionAudit } from '../../src/domain/records/kubernetes-execution-audit.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { accept } from './fixtures/intake/posting.ts';
import { casesOf, readGroups } from './fixtures/redaction/corpus.ts';

const bodyOf = (fields: object): string => JSON.stringify({ execution_id: 'e', ...fields });
const sizeOf = (columns: object): number => utf8Length(JSON.stringify(columns));

describe('a posted record of more than 256 KiB', () => {
  test('is stored: its largest text loses its end, says how much, and is named', () => {
    const body = bodyOf({ error: 'x'.repeat(1_000), output: 'line of a log\n'.repeat(100_000) });
    const { observation, cutFields } = accept(kubernetesExecutionAudit, body);
    const { error, output = '' } = observation.columns;
    expect(cutFields).toEqual(['output']);
    expect(error).toBe('x'.repeat(1_000));
    expect(output).toMatch(/^[\slinefaog]+[ \n]… \[cut: \d+ of 1400000 characters left out\]$/);
    // No further than it must: a line break is two bytes in JSON.
    expect(sizeOf(observation.columns)).toBeLessThanOrEqual(MAX_RECORD_BYTES);
    expect(sizeOf(observation.columns)).toBeGreaterThan(MAX_RECORD_BYTES - 2_000);
  });

  test('keeps small columns whole and gives the large ones equal room', () => {
    const body = bodyOf({ error: 'e '.repeat(400_000), output: 'o '.repeat(200_000), job_name: 'j' });
    const { columns } = accept(kubernetesExecutionAudit, body).observation;
    expect(columns['job_name']).toBe('j');
    expect(String(columns['error']).length).toBeCloseTo(String(columns['output']).length, -2);
  });

  test('keeps members of JSON that its queries cast, and names of a map longer than its values', () => {
    const steps = Array.from({ length: 20_000 }, (_, index) => ({
      duration: 2_500_000_000,
      step_number: index,
    }));
    const parameters = { LOG: 'v'.repeat(500_000), NAMESPACE: 'payments' };
    const body = JSON.stringify({ remediation_id: 'r', parameters, step_executions: steps });
    const { observation, cutFields } = accept(workflowExecutionAudit, body);
    const column = (name: string) => parseJson(String(observation.columns[name]));
    const kept = column('step_executions');
    const map = column('parameters');
    expect(cutFields).toEqual(['parameters', 'step_executions']);
    expect(Array.isArray(kept) && isJsonObject(kept[0]) && kept[0]['duration']).toBe('00:00:02.5');
    expect(Array.isArray(kept) && isJsonObject(kept.at(-1)) ? kept.at(-1) : {}).toEqual({
      _cut: expect.stringMatching(/^\d+ items left out$/) as string,
    });
    expect(isJsonObject(map) && map['NAMESPACE']).toBe('payments');
    expect(canonicalJson(map)).toContain(' of 500000 characters left out]');
  });

  test('is the same record when it is posted again', () => {
    const body = bodyOf({ output: 'o '.repeat(300_000), extra: { more: ['m'.repeat(300_000)] } });
    expect(accept(kubernetesExecutionAudit, body)).toEqual(accept(kubernetesExecutionAudit, body));
  });
});

test('whatever is posted, what is kept has its bytes at most, and is left alone where it has them', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.string({ unit: 'grapheme', maxLength: 400 }),
    fc.constant('\u0001"\\'.repeat(700)),
  );
  const json = fc.oneof(
    fc.json({ maxDepth: 4 }),
    text.map((one) => JSON.stringify({ [one]: [one, one] })),
  );
  fc.assert(
    fc.property(
      text,
      text,
      json,
      fc.integer({ min: 1_600, max: 4_000 }),
      (output, error, parameters, bytes) => {
        const columns = {
          ...{ execution_id: 'e', output: output.toWellFormed(), error: error.toWellFormed() },
          action_parameters: canonicalJson(parseJson(parameters)),
        };
        const bound = fitColumns(kubernetesExecutionAudit, columns, bytes);
        const size = (of: object): number =>
          Object.entries(of).reduce(
            (sum, [name, value]) =>
              sum + utf8Length(name === 'action_parameters' ? String(value) : JSON.stringify(value)),
            0,
          );
        expect(size(bound.columns)).toBeLessThanOrEqual(bytes);
        if (size(columns) <= bytes) expect(bound).toEqual({ columns, cutFields: [] });
      },
    ),
  );
});

test('a cut through a secret leaves no half of it that is not redacted: 97 in a hundred', () => {
  const redactor = createRedactor();
  const before = 'word '.repeat(400);
  let [cuts, seen] = [0, 0];
  for (const { text, secrets } of readGroups('secret-').flatMap(casesOf)) {
    const redacted = redactor.redactText(text).value;
    for (const secret of secrets.filter((one) => one.length > 16 && !redacted.includes(one))) {
      const whole = `${before}${text}${' and more words'.repeat(40)}`;
      const within = whole.slice(0, before.length + text.indexOf(secret) + Math.floor(secret.length * 0.7));
      // And the room for what the cut leaves in the place of the rest.
      const cut = fitText(whole, Buffer.byteLength(JSON.stringify(within)) + 158);
      cuts += 1;
      if (redactor.redactText(cut).value.includes(secret.slice(0, 8))) seen += 1;
    }
  }
  expect(cuts).toBeGreaterThan(400);
  expect(seen / cuts).toBeLessThan(0.03);
});
