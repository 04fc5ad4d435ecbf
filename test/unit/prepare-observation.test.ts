import { expect, test } from 'vitest';

import type { JsonObject } from '../../src/domain/json.ts';
import { parseJson } from '../../src/domain/json.ts';
import { MAX_IDENTIFIER_LENGTH, MAX_WATCHED_OBSERVATION_BYTES } from '../../src/domain/limits.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { Redactor } from '../../src/redaction/redactor.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { RemediationSignal } from '../../src/temporal/remediation-signals.ts';
import { createObservationSender } from '../../src/watcher/delivery/observation-sender.ts';
import { prepareObservations } from '../../src/watcher/delivery/prepare-observation.ts';
import { newTracked } from '../../src/watcher/state/tracked.ts';
import { readable } from '../support/readings.ts';
import { TOKENS } from './fixtures/redaction/tokens.ts';
import { CONTEXT, REFERENCE, REMEDIATION, resourceOf } from './kubernaut/samples/parts.ts';

const KIND = 'WorkflowExecution';
const LONG = 200_000;
/** Names, phases and hashes that are sent of every resource, however small. */
const FREE_CHARACTERS = 8 * 1_024;
/** Grows when its secrets are replaced. */
const PASSWORDS = JSON.stringify(Array.from({ length: 2_000 }, () => ({ name: 'PWD', value: 1 })));

/** The way of a state from the resource to Temporal's port. */
function createWay(redactor: Redactor = createRedactor()) {
  const sent: RemediationSignal[] = [];
  const metrics = createMetrics();
  const send = createObservationSender({
    cluster: CONTEXT.cluster,
    redactor,
    metrics: metrics.watcher,
    logger: createLogger('silent', 'test'),
    signals: {
      send(signal) {
        sent.push(signal);
        return Promise.resolve('run');
      },
    },
  });
  const tracked = newTracked({
    ...{ kind: KIND, namespace: REMEDIATION.namespace, name: 'we-1', uid: 'we-uid' },
    createdAt: CONTEXT.observedAt,
  });
  return {
    sent,
    tracked,
    async offer(parts: { readonly spec?: JsonObject; readonly status?: JsonObject }, phase?: string) {
      const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === KIND);
      const resource = resourceOf(KIND, 'we', {
        ...parts,
        spec: { remediationRequestRef: REFERENCE, ...parts.spec },
      });
      const reading = readable(kind?.read(resource, CONTEXT) ?? { unread: 'no-identity' });
      const flags = { isFirst: true, isDeletion: false, isHeld: false, isTerminal: false, isDueSoon: false };
      const state = { reading, phase, shows: [], ...flags, queuedAtMs: 0 };
      await send([{ tracked, state }], () => undefined);
    },
    async reduced(): Promise<Record<string, number>> {
      const { values } = await metrics.watcher.statesReduced.get();
      return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
    },
  };
}

test('a state whose phase alone is too large is sent as identity, phase, hash and reason', async () => {
  const way = createWay();
  const phase = 'Running'.repeat(LONG);
  await way.offer({ status: { phase } }, phase);
  const [first] = way.sent;
  expect(first?.observations[0]).toMatchObject({
    table: 'workflow_execution_audit',
    sourceVersion: '4711',
    columns: {
      remediation_id: REMEDIATION.name,
      remediation_uid: REMEDIATION.uid,
      namespace: REMEDIATION.namespace,
      source_kind: KIND,
      source_uid: 'we-uid',
    },
    resource: {
      kind: KIND,
      name: 'we-rr-4f1c22ab90de-1a2b3c4d',
      phase: phase.slice(0, MAX_IDENTIFIER_LENGTH),
    },
  });
  expect(parseJson(String(first?.observations[0]?.columns['extra']))).toEqual({
    reduced: { reason: 'too-large', state_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
  });
  expect(JSON.stringify(first).length).toBeLessThan(MAX_WATCHED_OBSERVATION_BYTES);
  expect(await way.reduced()).toEqual({ 'too-large': first?.observations.length });
});

test.each([
  [
    '2,000 parameters named like keys',
    Object.fromEntries(
      Array.from({ length: 2_000 }, (_, index) => [`AKIA${String(index).padStart(16, '0')}`, 'x']),
    ),
  ],
  ['130,000 line breaks', { note: `Secret data:${'\n'.repeat(130_000)}` }],
  ['1.4 MB of quotes that nothing ends', { note: 'token="'.repeat(LONG) }],
])('a state with %s is sent whole but for what is secret or unreadable', async (_, parameters) => {
  const way = createWay();
  await way.offer({ spec: { parameters, targetResource: 'payments/Deployment/api' } });
  expect(way.sent[0]?.observations[0]?.columns).toMatchObject({ target_resource: 'payments/Deployment/api' });
  expect(JSON.stringify(way.sent[0]).length).toBeLessThan(2 * MAX_WATCHED_OBSERVATION_BYTES);
  expect(await way.reduced()).toEqual({});
});

const SEVERAL_COLUMNS: readonly (readonly [string, JsonObject])[] = [
  ['the name of a run, which is the name of a job too', { pipelineRunRef: { name: PASSWORDS } }],
  ['a message, which stands in two columns and in the details', { failureDetails: { message: PASSWORDS } }],
  ['details that nobody has seen', { failureDetails: { reason: 'r', more: PASSWORDS }, unknown: PASSWORDS }],
];

test.each(SEVERAL_COLUMNS)('of %s no more is sent than twice the resource', async (_, status) => {
  const way = createWay();
  await way.offer({ status: { phase: 'Failed', ...status } }, 'Failed');
  const sent = way.sent.flatMap(({ observations }) => observations);
  const characters = sent.flatMap(({ columns }) =>
    Object.values(columns).map((value) => String(value).length),
  );
  expect(characters.reduce((sum, length) => sum + length)).toBeLessThan(
    2 * JSON.stringify(status).length + FREE_CHARACTERS,
  );
  expect(sent[0]?.columns).toMatchObject({ phase: 'Failed', remediation_id: REMEDIATION.name });
  expect(await way.reduced()).toEqual({});
});

test('a message that a usual resource says in three places is sent in each', async () => {
  const way = createWay();
  const message = `step 3: ${'connection refused '.repeat(100)}`;
  await way.offer({ status: { phase: 'Failed', failureDetails: { message } } }, 'Failed');
  const { columns } = way.sent[0]?.observations[0] ?? {};
  expect(columns).toMatchObject({ failure_message: message, error_message: message });
  expect(columns?.['extra']).toContain(message);
});

test('a reduced state counts as sent, and another one that is reduced is distinguished', async () => {
  const way = createWay();
  const phase = 'Running'.repeat(LONG);
  await way.offer({ status: { phase } }, phase);
  const { sentHash } = way.tracked.delivery;
  const { length } = way.sent;
  await way.offer({ status: { phase } }, phase);
  expect(way.sent).toHaveLength(length);
  const other = `${phase}!`;
  await way.offer({ status: { phase: other } }, other);
  expect(way.sent.length).toBeGreaterThan(length);
  expect(way.tracked.delivery.sentHash).not.toBe(sentHash);
});

test('what redaction fails on is sent reduced, without a word of what it was about', async () => {
  const secret = ['hunter', 'two'].join('-');
  const way = createWay({
    ...createRedactor(),
    redactColumns() {
      throw new SyntaxError(`Unexpected token in ${secret}`);
    },
    redactText() {
      throw new RangeError('Maximum call stack size exceeded');
    },
  });
  await way.offer({ spec: { targetResource: secret, parameters: { note: secret } } });
  expect(way.sent[0]?.summary).toBe('[REDACTED:unreadable]');
  expect(way.sent[0]?.observations[0]?.columns['extra']).toMatch(/^\{"reduced":\{"reason":"failed",/);
  expect(JSON.stringify(way.sent.map(({ observations }) => observations))).not.toContain(secret);
  expect(await way.reduced()).toEqual({ failed: way.sent[0]?.observations.length });
});

test('a secret in phase or target leaves neither with the observation nor as a search attribute', async () => {
  const way = createWay();
  const { github = '' } = TOKENS;
  await way.offer({ spec: { targetResource: `payments/Deployment/${github}` } }, `Failed ${github}`);
  expect(way.sent[0]?.target).toBe('payments/Deployment/[REDACTED:github-token]');
  expect(way.sent[0]?.observations[0]?.resource?.phase).toBe('Failed [REDACTED:github-token]');
  expect(JSON.stringify(way.sent)).not.toContain(github);
});

test('a secret in a phase that is cut is replaced before it is cut', async () => {
  const way = createWay();
  const { github = '' } = TOKENS;
  const phase = `${'x '.repeat(MAX_IDENTIFIER_LENGTH / 2 - 10)}${github} ${'y '.repeat(LONG)}`;
  await way.offer({ status: { phase } }, phase);
  expect(Object.keys(await way.reduced())).toEqual(['too-large']);
  expect(JSON.stringify(way.sent)).not.toContain(github.slice(0, 10));
});

test('a key and identifiers that no index takes are hashed or left out', () => {
  const [prepared] = prepareObservations(
    [
      {
        ...{ table: 'workflow_execution_audit', cluster: CONTEXT.cluster, phase: 'execution' },
        ...{ key: 'k'.repeat(LONG), sourceVersion: '1', actor: 'watcher', fragment: true },
        ...{ createdAt: CONTEXT.observedAt, createdAtSource: 'resource', observedAt: CONTEXT.observedAt },
        columns: { remediation_id: 'r'.repeat(LONG), remediation_uid: 'rr-uid' },
      },
    ],
    { resource: { kind: KIND, namespace: 'default', name: 'we-1', uid: 'we-uid' } },
    {
      ...{ cluster: CONTEXT.cluster, redactor: createRedactor(), logger: createLogger('silent', 'test') },
      metrics: createMetrics().watcher,
    },
  );
  expect(prepared?.observation.key).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(Object.keys(prepared?.observation.columns ?? {})).toEqual(['remediation_uid', 'extra']);
});

test.each(['name', 'namespace', 'uid'])(
  'a reference to a remediation whose %s no object can have is none',
  (part) => {
    const reference = { ...REFERENCE, [part]: 'r'.repeat(254) };
    const resource = resourceOf(KIND, 'we', { spec: { remediationRequestRef: reference } });
    expect(KUBERNAUT_KINDS.find(({ kind }) => kind === KIND)?.read(resource, CONTEXT)).toEqual({
      unread: 'no-remediation',
    });
  },
);

test('the line for the list of workflows has a length that a list can show', async () => {
  const way = createWay();
  await way.offer({ spec: { targetResource: 'payments/'.repeat(LONG) } });
  expect(way.sent[0]?.summary).toMatch(/^payments\/payments.*…$/);
  expect(way.sent[0]?.summary.length).toBeLessThanOrEqual(400);
});
