import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createReceiver } from '../../src/activities/receive-observation.ts';
import { createRecordingActivities } from '../../src/activities/recording.ts';
import { createVerdictReader } from '../../src/database/reading/remediation-reader.ts';
import { createQuarantine } from '../../src/database/recording/quarantine.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { auditProgress } from '../../src/workflows/messages.ts';
import { executionObservation } from '../support/observations.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import { until } from '../support/until.ts';
import { TOKENS } from '../unit/fixtures/redaction/tokens.ts';

let stage: RecordingStage;

beforeAll(async () => {
  stage = await openRecordingStage();
});
afterAll(() => stage.close());

describe('an activity that fails', () => {
  test('is tried again until it succeeds, and meanwhile says which record waits and why', async () => {
    const remediation = stage.newRemediation();
    const execution = remediation.execution(1, 'Completed');
    let isAway = true;
    stage.hooks.beforeRecording = ({ key }) =>
      key === execution.key && isAway ? Promise.reject(new Error('connect ECONNREFUSED')) : Promise.resolve();
    await remediation.send(execution);
    await remediation.send(remediation.closure(2));
    let message = '';
    await until(async () => {
      const { raw } = await stage.handleOf(remediation).describe();
      const recording = raw.pendingActivities?.find(
        ({ activityType }) => activityType?.name === 'recordExecution',
      );
      message = recording?.lastFailure?.message ?? '';
      return message !== '';
    }, 'the failure can be read');
    expect(message).toBe('connect ECONNREFUSED');
    expect(await stage.statusOf(remediation)).toBe('RUNNING');
    isAway = false;
    await stage.closed(remediation);
    expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 1 }]);
  });

  test('holds back only its own phase', async () => {
    const remediation = stage.newRemediation();
    const slow = remediation.execution(1, 'Running', 'we-slow');
    let release = (): void => undefined;
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    stage.hooks.beforeRecording = ({ key }) => (key === slow.key ? blocked : Promise.resolve());
    await remediation.send(slow);
    await until(
      async () => (await stage.handleOf(remediation).query(auditProgress)).recording.length === 1,
      'the slow one is being stored',
    );
    await remediation.sendTogether([remediation.progress(2, 'Executing'), remediation.analysis(3, 'found')]);
    await until(
      async () => Object.keys((await stage.handleOf(remediation).query(auditProgress)).records).length === 2,
      'the other phases are stored',
    );
    release();
    await remediation.send(remediation.execution(4, 'Completed', 'we-slow'));
    await remediation.send(remediation.closure(5));
    await stage.closed(remediation);
    expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 2 }]);
  });
});

test('what an operator reads of a failure names operation, record and cause in one line', async () => {
  const metrics = createMetrics();
  const { recordExecution } = createRecordingActivities({
    receive: createReceiver({ redactor: createRedactor(), metrics }),
    record: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.4:5432')),
    quarantine: createQuarantine(stage.database.writer),
    verdicts: createVerdictReader(stage.database.writer),
    metrics,
  });
  const observation = executionObservation({
    key: 'u-1/we-rr-7',
    columns: { namespace: 'payments', remediation_id: 'rr-7' },
  });
  await expect(recordExecution([observation])).rejects.toThrow(
    'cannot store execution of payments/rr-7 (u-1/we-rr-7): connect ECONNREFUSED 10.0.0.4:5432',
  );
});

test('observations sent while no worker is alive are all recorded, in order, when one comes', async () => {
  await stage.stopWorker();
  const remediation = stage.newRemediation();
  for (let version = 1; version <= 60; version += 1)
    await remediation.send(remediation.execution(version, version === 60 ? 'Completed' : 'Running'));
  await remediation.send(remediation.closure(61));
  await stage.startWorker();
  await stage.closed(remediation);
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 60 }]);
});

test('a value that PostgreSQL never takes is set aside with its reason, and what comes behind it is recorded', async () => {
  const remediation = stage.newRemediation();
  const poison = remediation.execution(1, 'Running');
  const observation = { ...poison, columns: { ...poison.columns, effectiveness_score: '7' } };
  await remediation.send(observation);
  await remediation.send(remediation.execution(2, 'Completed'));
  await remediation.send(remediation.closure(3));
  await stage.closed(remediation);

  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 1 }]);
  const { rows } = await stage.database.owner.query(
    'select table_name, sqlstate, reason, payload from audit_quarantine where remediation_uid = $1::text',
    [remediation.name.uid],
  );
  expect(rows).toEqual([
    {
      table_name: 'workflow_execution_audit',
      sqlstate: '23514',
      reason: expect.stringContaining('effectiveness_score') as string,
      payload: JSON.stringify(observation),
    },
  ]);
});

test('what nobody redacted is redacted before it is stored, and what is no observation keeps out no other', async () => {
  const remediation = stage.newRemediation();
  const { github = '' } = TOKENS;
  const sent = remediation.execution(1, 'Failed');
  const columns = { ...sent.columns, failure_message: `push with ${github}` };
  const none = { ...sent, sourceVersion: '2', columns: { ...sent.columns, total_steps: 7, note: github } };
  await remediation.sendTogether([{ ...sent, columns }, none as unknown as Observation]);
  await remediation.send(remediation.closure(3));
  await stage.closed(remediation);

  expect(await stage.executions(remediation)).toEqual([{ phase: 'Failed', revision: 1 }]);
  const { rows } = await stage.database.owner.query<{ reason: string }>(
    `select reason from audit_quarantine where payload like '%' || $1::text || '%'`,
    [sent.key],
  );
  expect(rows).toEqual([{ reason: 'columns: one is neither a text nor a truth value' }]);
  const { rows: tables } = await stage.database.owner.query<{ all: string }>(
    `select query_to_xml('select * from workflow_execution_audit', true, true, '')::text
      || query_to_xml('select * from audit_ledger', true, true, '')::text
      || query_to_xml('select * from audit_quarantine', true, true, '')::text as all`,
  );
  expect(tables[0]?.all).toContain('push with [REDACTED:github-token]');
  expect(tables[0]?.all).not.toContain(github);
});

test('a record whose month is missing waits for nothing: the month is made', async () => {
  const remediation = stage.newRemediation();
  const createdAt = '2019-03-02T10:00:00.000000Z';
  await remediation.send({ ...remediation.execution(1, 'Completed'), createdAt });
  await remediation.send({ ...remediation.closure(2), createdAt });
  await stage.closed(remediation);
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 1 }]);
});
