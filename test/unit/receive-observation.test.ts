import { expect, test } from 'vitest';

import { createReceiver } from '../../src/activities/receive-observation.ts';
import { MAX_REDACTED_RECORD_BYTES } from '../../src/domain/limits.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { prepareObservations } from '../../src/watcher/delivery/prepare-observation.ts';
import { executionObservation } from '../support/observations.ts';
import { readable } from '../support/readings.ts';
import { TOKENS } from './fixtures/redaction/tokens.ts';
import { SAMPLES } from './kubernaut/samples/index.ts';
import { CONTEXT } from './kubernaut/samples/parts.ts';

const metrics = createMetrics();
const redactor = createRedactor();
const receive = createReceiver({ redactor, metrics });
const { github = '' } = TOKENS;
const RESOURCE = { kind: 'WorkflowExecution', namespace: 'payments', name: 'we-1', uid: 'we-uid' };

test('what the watcher has prepared is received as it was sent', () => {
  const options = {
    ...{ cluster: CONTEXT.cluster, redactor, metrics: metrics.watcher },
    logger: createLogger('silent', 'test'),
  };
  const sent = KUBERNAUT_KINDS.flatMap((kind) =>
    Object.values(SAMPLES[kind.kind] ?? {}).flatMap((sample) => {
      const { observations } = readable(kind.read(structuredClone(sample), CONTEXT));
      return prepareObservations(observations, { resource: RESOURCE }, options).map((one) => one.observation);
    }),
  );
  expect(sent.length).toBeGreaterThan(30);
  for (const observation of sent) expect(receive(observation)).toEqual({ observation });
});

test('a secret in a column, in extra and in the phase of the resource is replaced, and counted', async () => {
  const { observation, fault } = receive(
    executionObservation({
      columns: { phase: 'Failed', failure_message: `token ${github}`, extra: `{"note":"${github}"}` },
      resource: { ...RESOURCE, phase: `Failed ${github}` },
    }),
  );
  expect(fault).toBeUndefined();
  expect(observation).toMatchObject({
    columns: {
      failure_message: 'token [REDACTED:github-token]',
      extra: '{"note":"[REDACTED:github-token]"}',
    },
    resource: { phase: 'Failed [REDACTED:github-token]' },
  });
  expect(await metrics.registry.metrics()).toContain(
    'remediation_audit_received_redactions_total{kind="github-token"} 3',
  );
});

test('a text that is larger than a record may be is cut', () => {
  const columns = { phase: 'Failed', failure_message: 'no space '.repeat(200_000) };
  const { observation } = receive(executionObservation({ columns }));
  expect(JSON.stringify(observation).length).toBeLessThan(MAX_REDACTED_RECORD_BYTES + 2_000);
  expect(observation.columns['failure_message']).toMatch(/characters left out, sha256 of the whole/);
});

const usual = executionObservation();
const WRONG: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a text', `token ${github}`],
  ['a list', [usual]],
  ['an observation without columns', { ...usual, columns: null }],
  ['an observation with a number in its columns', { ...usual, columns: { phase: 7, note: github } }],
  ['an observation of no phase', { ...usual, phase: '","actor":"somebody' }],
  ['an observation without a key', { ...usual, key: undefined }],
  ['an observation with a key of a megabyte', { ...usual, key: 'k'.repeat(1_000_000) }],
  ['an observation from nowhere', { ...usual, createdAtSource: 'elsewhere' }],
  ['an observation of half a resource', { ...usual, resource: { kind: 'WorkflowExecution', name: github } }],
  ['an observation whose extra is no JSON', { ...usual, columns: { extra: `{"${github}` } }],
];
test.each(WRONG)('%s is refused with the reason, and kept without its secrets', (_, sent) => {
  const { observation, fault } = receive(sent);
  expect(fault).toMatchObject({ status: 'refused', sqlstate: '22P02' });
  expect(fault?.reason).not.toBe('');
  const kept = JSON.stringify([observation, fault]);
  expect(kept).not.toContain(github);
  expect(kept.length).toBeLessThan(MAX_REDACTED_RECORD_BYTES + 2_000);
});

test('an observation for a table that a later release has is left to the store', () => {
  const later: Observation = { ...usual, table: 'of_a_later_release' };
  expect(receive(later)).toEqual({ observation: later });
});
