import { expect, test } from 'vitest';

import type { JsonValue } from '../../src/domain/json.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import falsePositives from './fixtures/redaction/false-positives.json' with { type: 'json' };
import { withTokens } from './fixtures/redaction/tokens.ts';
import truePositives from './fixtures/redaction/true-positives.json' with { type: 'json' };

interface Case {
  about: string;
  /** What is redacted: text, or a JSON value. */
  text?: string;
  json?: JsonValue;
  /** What must not be there afterwards; every {{token}} must not. */
  gone?: string[];
  /** What must still be there. */
  kept?: string[];
  /** Kinds that must have been counted. */
  kinds?: string[];
}

const secrets = withTokens(truePositives as Case[]).map((item, index) => ({
  ...item,
  tokens: [...JSON.stringify(truePositives[index]).matchAll(/\{\{\w+\}\}/g)].map(([name]) =>
    withTokens(name),
  ),
}));
const harmless = withTokens(falsePositives as Case[]);

const redactor = createRedactor();

function redact({ text, json }: Case): { after: string; counts: Readonly<Record<string, number>> } {
  if (text !== undefined) {
    const { value, counts } = redactor.redactText(text);
    return { after: value, counts };
  }
  const { value, counts } = redactor.redactJson(json ?? null);
  return { after: JSON.stringify(value), counts };
}

test('the corpus is large enough to mean something', () => {
  expect(secrets.length).toBeGreaterThanOrEqual(60);
  expect(harmless.length).toBeGreaterThanOrEqual(60);
});

test.each(secrets)('$about: the secret is gone and the rest is there', (item) => {
  const { after, counts } = redact(item);
  for (const secret of [...(item.gone ?? []), ...item.tokens]) expect(after).not.toContain(secret);
  for (const kept of item.kept ?? []) expect(after).toContain(kept);
  for (const kind of item.kinds ?? []) expect(after).toContain(`[REDACTED:${kind}]`);
  for (const kind of item.kinds ?? []) expect(counts[kind]).toBeGreaterThan(0);
});

test.each(harmless)('$about: nothing is taken away', (item) => {
  const { after, counts } = redact(item);
  expect(after).toBe(item.text ?? JSON.stringify(item.json));
  expect(counts).toEqual({});
});

test.each([...secrets, ...harmless])('$about: redacting twice is redacting once', (item) => {
  if (item.text !== undefined) {
    const once = redactor.redactText(item.text).value;
    expect(redactor.redactText(once)).toEqual({ value: once, counts: {} });
  } else {
    const once = redactor.redactJson(item.json ?? null).value;
    expect(redactor.redactJson(once)).toEqual({ value: once, counts: {} });
  }
});

test.each(secrets.filter(({ text }) => text !== undefined))(
  '$about: the same inside a JSON string, and inside JSON text inside that',
  (item) => {
    const inString = JSON.stringify(redactor.redactJson({ output: item.text ?? '' }).value);
    const inText = JSON.stringify(redactor.redactJson({ output: JSON.stringify({ log: item.text }) }).value);
    for (const secret of [...(item.gone ?? []), ...item.tokens]) {
      expect(inString).not.toContain(JSON.stringify(secret).slice(1, -1));
      expect(inText).not.toContain(JSON.stringify(secret).slice(1, -1));
    }
  },
);
