import { createHash } from 'node:crypto';

import { expect, test } from 'vitest';

import { canonicalJson, parseJson } from '../../src/domain/json.ts';
import { workflowExecutionAudit } from '../../src/domain/records/workflow-execution-audit.ts';
import { contentOf, drawSalts, leafOf, leafText, sealEntry } from '../../src/identity/identities.ts';
import { executionObservation } from '../support/observations.ts';

const HOME = { id: '11111111-2222-5333-8444-555555555555', createdAt: '2026-11-21T10:00:00.000000Z' };
const sha256 = (...parts: (string | Buffer)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

test('a leaf is canonical JSON, also with names that need escaping', () => {
  const base = executionObservation({
    cluster: 'a "quoted" \u2028 cluster',
    actor: 'system:serviceaccount:x:y',
  });
  for (const observation of [base, { ...base, columns: { phase: 'Running' } }]) {
    const leaf = leafText(leafOf(observation, HOME, Buffer.alloc(32, 7)));
    expect(canonicalJson(parseJson(leaf))).toBe(leaf);
  }
});

test('the hashes of an entry follow from what is stored beside them', () => {
  const observation = executionObservation();
  const content = contentOf(workflowExecutionAudit, observation);
  const [salt = Buffer.alloc(0)] = drawSalts(1);
  const { payloadHash, leafHash } = sealEntry(observation, content, { ...HOME, salt });

  expect(content.contentHash.toString('hex')).toBe(sha256(content.canonical));
  expect(salt).toHaveLength(16);
  expect(payloadHash.toString('hex')).toBe(sha256(salt, content.canonical));
  expect(leafHash.toString('hex')).toBe(
    sha256(Buffer.of(0), leafText(leafOf(observation, HOME, payloadHash))),
  );
});

test('salts are sixteen bytes and never the same', () => {
  const salts = drawSalts(1_000).map((salt) => salt.toString('hex'));
  expect(new Set(salts).size).toBe(1_000);
  expect(salts.every((salt) => salt.length === 32)).toBe(true);
});
