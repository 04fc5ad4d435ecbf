import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { SEARCH_ATTRIBUTE_NAMES } from '../../src/domain/search-attributes.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { prepareSearchAttributes } from '../../src/temporal/search-attributes.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { playRemediation, SUMMARY } from '../support/remediations.ts';
import { resolveServer } from '../support/servers.ts';
import { until } from '../support/until.ts';

let stage: RecordingStage;
let known: readonly string[];

beforeAll(async () => {
  stage = await openRecordingStage({ orphanGraceSeconds: 2 });
  const { connection } = stage.temporal;
  known = await prepareSearchAttributes(connection, 'default', createLogger('silent', 'test'));
});
afterAll(() => stage.close());

async function attributesOf(remediation: PlayedRemediation): Promise<Record<string, unknown>> {
  const { typedSearchAttributes } = await stage.handleOf(remediation).describe();
  const audit = typedSearchAttributes.getAll().filter(({ key }) => key.name.startsWith('Audit'));
  return Object.fromEntries(audit.map(({ key, value }) => [key.name, value]));
}

async function detailsOf(remediation: PlayedRemediation): Promise<string> {
  const metadata = await stage
    .handleOf(remediation)
    .query<{ currentDetails?: string }>('__temporal_workflow_metadata');
  return metadata.currentDetails ?? '';
}

test('all search attributes are registered where that is permitted, and again does no harm', async () => {
  expect([...known].sort()).toEqual([...SEARCH_ATTRIBUTE_NAMES].sort());
  const again = prepareSearchAttributes(stage.temporal.connection, 'default', createLogger('silent', 'test'));
  expect([...(await again)].sort()).toEqual([...SEARCH_ATTRIBUTE_NAMES].sort());
});

test('a namespace that answers nothing about its attributes is used without them', async () => {
  const { connection } = stage.temporal;
  const silent = createLogger('silent', 'test');
  expect(await prepareSearchAttributes(connection, 'no-such-namespace', silent)).toEqual([]);
});

test('a run is found by cluster, namespace, remediation, target, phase, skip reason and outcome', async () => {
  const remediation = stage.newRemediation({ searchAttributes: known });
  await remediation.send(remediation.progress(1, 'Blocked'));
  const skip = remediation.execution(2, 'Skipped');
  await remediation.send({
    ...skip,
    phase: 'skip',
    columns: { ...skip.columns, skip_reason: 'ResourceBusy' },
  });
  await until(
    async () => (await attributesOf(remediation))['AuditSkipReason'] === 'ResourceBusy',
    'the skip can be searched for',
  );
  expect(await attributesOf(remediation)).toEqual({
    AuditCluster: 'test',
    AuditNamespace: 'payments',
    AuditRemediation: 'rr-7',
    AuditTarget: 'payments/Deployment/api',
    AuditPhase: 'Blocked',
    AuditSkipReason: 'ResourceBusy',
  });
  await remediation.send(remediation.closure(3));
  await stage.closed(remediation);
  expect(await attributesOf(remediation)).toMatchObject({
    AuditPhase: 'Completed',
    AuditOutcome: 'Remediated',
  });
});

test('a namespace that lost its attributes takes the signals all the same, without them', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'remediation-audit-bare-'));
  const bare = await startTemporal({
    binary: await resolveServer('temporal'),
    dataDir,
    port: 0,
    uiPort: 0,
    headless: true,
    searchAttributes: {},
    report: () => undefined,
  });
  const connectionOptions = { address: bare.address };
  const { client, close } = await connectTemporal({ connectionOptions, namespace: bare.namespace });
  const play = playRemediation(
    createRemediationSignals(client, { lateGraceSeconds: 1, searchAttributes: known }),
  );
  await play.send(play.progress(1, 'Executing'));
  await play.send(play.progress(2, 'Verifying'));
  const handle = client.workflow.getHandle(play.workflowId);
  const { typedSearchAttributes } = await handle.describe();
  expect(typedSearchAttributes.getAll()).toEqual([]);
  const { events } = await handle.fetchHistory();
  const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data;
  // What the run would set itself would stall it.
  expect(JSON.parse(Buffer.from(input ?? []).toString())).toMatchObject({ searchAttributes: [] });
  await close();
  await bare.stop();
  await rm(dataDir, { recursive: true, force: true });
});

describe('what an operator sees of a run', () => {
  test('at its start: what is known of it, in one line', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.progress(1, 'Executing'));
    expect(await (await stage.handleOf(remediation).describe()).staticSummary()).toBe(SUMMARY);
    await stage.handleOf(remediation).terminate();
  });

  test('while it runs: phase, records, and what it waits for', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.progress(1, 'Executing'));
    await remediation.send(remediation.execution(2, 'Running'));
    await remediation.send(remediation.fragment(3, { failure_reason: 'TimedOut' }));
    let details = '';
    await until(async () => {
      details = await detailsOf(remediation);
      return details.includes('1 partial record waiting') && details.includes('Waits for the end');
    }, 'the partial record waits, and all else is stored');
    expect(details).toContain('**payments/rr-7** in test: Executing');
    expect(details).toContain('Waits for the end of the remediation.');
    expect(details).toContain('| workflow_execution_audit/we-rr-7 | execution | 1 | 0 |');
    await remediation.send(remediation.closure(4));
    await stage.closed(remediation);
  });

  test('in an outage: what is being recorded, and what waits behind it', async () => {
    const remediation = stage.newRemediation();
    let isAway = true;
    stage.hooks.beforeRecording = () =>
      isAway ? Promise.reject(new Error('connect ECONNREFUSED')) : Promise.resolve();
    await remediation.send(remediation.execution(1, 'Running', 'we-a'));
    await until(async () => (await detailsOf(remediation)).includes('we-a'), 'the first one is tried');
    await remediation.send(remediation.execution(2, 'Running', 'we-b'));
    await remediation.send(remediation.execution(3, 'Completed', 'we-a'));
    const lines = [
      'Waits for the database.',
      '',
      '- now: recordExecution: execution of we-a: Running',
      '- 2 observations queued',
    ];
    let details = '';
    const isShown = async (): Promise<boolean> => {
      details = await detailsOf(remediation);
      return details.includes(lines.join('\n'));
    };
    await until(isShown, () => `the details are these: ${details}`).finally(() => {
      isAway = false;
    });
    await remediation.send(remediation.closure(4));
    await stage.closed(remediation);
  });

  test('of each activity: in words, what it records', async () => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.execution(1, 'Running'));
    await remediation.send(remediation.fragment(2, { failure_reason: 'TimedOut' }));
    await remediation.send(remediation.closure(3));
    await stage.closed(remediation);
    const { events } = await stage.handleOf(remediation).fetchHistory();
    const summaries = (events ?? []).flatMap(({ userMetadata }) =>
      userMetadata?.summary?.data ? [Buffer.from(userMetadata.summary.data).toString()] : [],
    );
    expect(summaries).toEqual(
      expect.arrayContaining([
        '"execution of we-rr-7: Running"',
        '"recommendation: TimedOut"',
        '"remediation rr-7 closed in 4m12s: Remediated"',
      ]),
    );
  });

  test.each([
    ['remediated in 4m12s', {}],
    ['no action required in 4m12s', { outcome: 'NoActionRequired' }],
    [
      'failed while executing after 4m12s',
      { outcome: '', overall_phase: 'Failed', failure_phase: 'Executing' },
    ],
    ['failed while blocked after 4m12s', { outcome: '', overall_phase: 'Failed', failure_phase: 'Blocked' }],
    [
      'failed during approval after 4m12s',
      { outcome: '', overall_phase: 'Failed', failure_phase: 'Approval' },
    ],
    [
      'deleted before its end, last seen Executing',
      { verdict: 'deleted-before-terminal', overall_phase: 'Executing' },
    ],
  ])('after its end: %s', async (sentence, columns) => {
    const remediation = stage.newRemediation();
    await remediation.send(remediation.closure(1, columns));
    await stage.closed(remediation);
    const { memo } = await stage.handleOf(remediation).describe();
    expect(memo).toEqual({ summary: SUMMARY });
    expect(await stage.handleOf(remediation).result()).toBe(sentence);
  });
});
