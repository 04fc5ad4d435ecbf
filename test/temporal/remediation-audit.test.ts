import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createEmbeddingActivities } from '../../src/activities/embedding.ts';
import { createRecordingActivities } from '../../src/activities/recording.ts';
import type { AuditActivities, RecordingActivities } from '../../src/activities/types.ts';
import { createBatcher } from '../../src/database/batcher.ts';
import { createEmbeddingStore } from '../../src/database/embedding-store.ts';
import { createQuarantine } from '../../src/database/quarantine.ts';
import { createRecordStore } from '../../src/database/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import type { Embedder } from '../../src/embedding/embedder.ts';
import { EmbeddingRefusedError } from '../../src/embedding/embedding-error.ts';
import { createOfflineEmbedder } from '../../src/embedding/offline-embedder.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { remediationWorkflowId } from '../../src/temporal/identifiers.ts';
import type { RemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import type { RunningWorker } from '../../src/worker/start-worker.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { connectTestTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

const GRACE_SECONDS = 1;

let database: TestDatabase;
let temporal: TestTemporal;
let worker: RunningWorker;
let signals: RemediationSignals;
/** The offline default; a test may make it slow or stubborn. */
const offline = createOfflineEmbedder();
let embed: (texts: readonly string[]) => Promise<number[][]> = (texts) => offline.embed(texts);
const embedder: Embedder = { ...offline, embed: (texts) => embed(texts) };
/** Wrapped around every recording activity; a test may put something else here. */
let beforeRecording: (observation: Observation) => Promise<void> = () => Promise.resolve();

beforeAll(async () => {
  [database, temporal] = await Promise.all([createTestDatabase(), connectTestTemporal()]);
  const { taskQueue, client } = temporal;
  signals = createRemediationSignals(client, { lateGraceSeconds: GRACE_SECONDS, taskQueue });
  worker = await temporal.startWorker(interruptible(recordingActivities()));
});
afterAll(async () => {
  await worker.stop();
  await Promise.all([temporal.close(), database.close()]);
});

function recordingActivities(): AuditActivities {
  const batcher = createBatcher({ store: createRecordStore(database.writer) });
  const metrics = createMetrics();
  return {
    ...createRecordingActivities({
      record: (observation) => batcher.record(observation),
      quarantine: createQuarantine(database.writer),
      metrics,
    }),
    ...createEmbeddingActivities({
      store: createEmbeddingStore(database.writer),
      embedder,
      logger: createLogger('silent', 'test'),
      metrics,
    }),
  };
}

function interruptible({ embedInvestigation, ...recording }: AuditActivities): AuditActivities {
  const wrapped = Object.entries(recording).map(([name, record]) => [
    name,
    async (observation: Observation) => {
      await beforeRecording(observation);
      return record(observation);
    },
  ]);
  return { ...(Object.fromEntries(wrapped) as RecordingActivities), embedInvestigation };
}

interface Remediation {
  readonly name: { cluster: string; namespace: string; name: string; uid: string };
  readonly workflowId: string;
  observe(sourceVersion: number, phase: string, resource?: string): Promise<void>;
  rows(): Promise<Record<string, unknown>[]>;
}

function newRemediation(): Remediation {
  const uid = randomUUID();
  const name = { cluster: 'test', namespace: 'payments', name: 'rr-7', uid };
  return {
    name,
    workflowId: remediationWorkflowId(name),
    observe: (sourceVersion, phase, resource = 'we-rr-7') =>
      signals.send({
        remediation: name,
        summary: 'payments/Deployment/api: restart',
        observation: executionObservation({
          key: `${uid}/${resource}`,
          sourceVersion: String(sourceVersion),
          columns: { remediation_id: 'rr-7', remediation_uid: uid, namespace: 'payments', phase },
        }),
      }),
    rows: async () => {
      const { rows } = await database.owner.query<Record<string, unknown>>(
        'select phase, revision from workflow_execution_audit where remediation_uid = $1::text order by 1',
        [uid],
      );
      return rows;
    },
  };
}

async function statusOf({ workflowId }: Remediation): Promise<string> {
  const { status } = await temporal.client.workflow.getHandle(workflowId).describe();
  return status.name;
}

test('observations of a remediation become a row, and the run closes after the end and a grace', async () => {
  const remediation = newRemediation();
  await remediation.observe(1, 'Pending');
  await remediation.observe(2, 'Running');
  await until(async () => (await remediation.rows())[0]?.['revision'] === 2, 'two observations stored');
  expect(await statusOf(remediation)).toBe('RUNNING');

  await remediation.observe(3, 'Completed');
  await temporal.client.workflow.result(remediation.workflowId);
  expect(await remediation.rows()).toEqual([{ phase: 'Completed', revision: 3 }]);
  expect(await statusOf(remediation)).toBe('COMPLETED');
});

test('the workflow id names cluster, namespace, remediation and uid', () => {
  const name = { cluster: 'prod', namespace: 'payments', name: 'rr-7', uid: '0a1b' };
  expect(remediationWorkflowId(name)).toBe('prod/payments/rr-7/0a1b');
  expect(remediationWorkflowId({ ...name, name: 'x'.repeat(400) })).toHaveLength(255);
  expect(remediationWorkflowId({ ...name, name: 'x'.repeat(400) })).toMatch(/\/0a1b$/);
});

test('a late observation after closing opens a short run and is recorded', async () => {
  const remediation = newRemediation();
  await remediation.observe(5, 'Completed');
  await temporal.client.workflow.result(remediation.workflowId);
  await remediation.observe(6, 'Completed');
  await remediation.observe(4, 'Running');
  await until(async () => (await remediation.rows())[0]?.['revision'] === 3, 'the late ones stored');
  expect(await remediation.rows()).toEqual([{ phase: 'Completed', revision: 3 }]);
});

describe('an activity that fails', () => {
  test('is tried again until it succeeds, and meanwhile says which record waits and why', async () => {
    const remediation = newRemediation();
    let failures = 2;
    beforeRecording = ({ columns }) => {
      if (columns['remediation_uid'] !== remediation.name.uid || failures === 0) return Promise.resolve();
      failures -= 1;
      return Promise.reject(new Error('connect ECONNREFUSED 10.0.0.4:5432'));
    };
    await remediation.observe(1, 'Completed');
    await temporal.client.workflow.result(remediation.workflowId);
    expect(await remediation.rows()).toEqual([{ phase: 'Completed', revision: 1 }]);
    expect(failures).toBe(0);
  });

  test('holds back only its own record', async () => {
    const remediation = newRemediation();
    let release = (): void => undefined;
    const blocked = new Promise<void>((resolve) => {
      release = resolve;
    });
    beforeRecording = ({ key }) =>
      key.endsWith('we-slow') && key.startsWith(remediation.name.uid) ? blocked : Promise.resolve();
    await remediation.observe(1, 'Running', 'we-slow');
    await remediation.observe(2, 'Running', 'we-quick');
    await until(async () => (await remediation.rows()).length === 1, 'the quick one stored');
    release();
    await remediation.observe(3, 'Completed', 'we-slow');
    await temporal.client.workflow.result(remediation.workflowId);
    expect(await remediation.rows()).toEqual([
      { phase: 'Completed', revision: 2 },
      { phase: 'Running', revision: 1 },
    ]);
  });
});

test('what an operator reads of a failure names operation, record and cause in one line', async () => {
  const { recordExecution } = createRecordingActivities({
    record: () => Promise.reject(new Error('connect ECONNREFUSED 10.0.0.4:5432')),
    quarantine: createQuarantine(database.writer),
    metrics: createMetrics(),
  });
  const observation = executionObservation({
    key: 'u-1/we-rr-7',
    columns: { namespace: 'payments', remediation_id: 'rr-7' },
  });
  await expect(recordExecution(observation)).rejects.toThrow(
    'cannot store execution of payments/rr-7 (u-1/we-rr-7): connect ECONNREFUSED 10.0.0.4:5432',
  );
});

test('observations sent while no worker is alive are all recorded, in order, when one comes', async () => {
  await worker.stop();
  const remediation = newRemediation();
  for (let version = 1; version <= 60; version += 1)
    await remediation.observe(version, version === 60 ? 'Completed' : 'Running');
  worker = await temporal.startWorker(recordingActivities());
  await temporal.client.workflow.result(remediation.workflowId);
  expect(await remediation.rows()).toEqual([{ phase: 'Completed', revision: 60 }]);
});

test('a value that PostgreSQL never takes is set aside with its reason, and what comes behind it is recorded', async () => {
  const remediation = newRemediation();
  const observation = executionObservation({
    key: `${remediation.name.uid}/we-rr-7`,
    sourceVersion: '1',
    columns: { remediation_id: 'rr-7', remediation_uid: remediation.name.uid, effectiveness_score: '7' },
  });
  await signals.send({ remediation: remediation.name, summary: '', observation });
  await remediation.observe(2, 'Completed');
  await temporal.client.workflow.result(remediation.workflowId);

  expect(await remediation.rows()).toEqual([{ phase: 'Completed', revision: 1 }]);
  const { rows } = await database.owner.query(
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

describe('the text of an investigation', () => {
  const analysis = (remediation: Remediation, sourceVersion: number, report: string) =>
    signals.send({
      remediation: remediation.name,
      summary: '',
      observation: executionObservation({
        table: 'ai_analysis_audit',
        key: `${remediation.name.uid}/ai-rr-7`,
        phase: 'investigation',
        sourceVersion: String(sourceVersion),
        columns: { remediation_uid: remediation.name.uid, crd_name: 'ai-rr-7', investigation_report: report },
      }),
    });
  const placedTexts = async ({ name }: Remediation): Promise<unknown[]> => {
    const { rows } = await database.owner.query<Record<string, unknown>>(
      'select investigation_text, model from ai_investigation_embeddings where remediation_uid = $1::text',
      [name.uid],
    );
    return rows;
  };

  test('is placed among the others by an activity of its own', async () => {
    const remediation = newRemediation();
    await analysis(remediation, 1, 'the pod was killed for memory');
    await remediation.observe(2, 'Completed');
    await temporal.client.workflow.result(remediation.workflowId);
    expect(await placedTexts(remediation)).toEqual([
      { investigation_text: 'the pod was killed for memory', model: offline.model },
    ]);
  });

  test('waits for a slow model without holding back a record, and is placed as it is then', async () => {
    const remediation = newRemediation();
    let release = (): void => undefined;
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    embed = async (texts) => {
      await slow;
      return offline.embed(texts);
    };
    await analysis(remediation, 1, 'first guess');
    await analysis(remediation, 2, 'what it was');
    await remediation.observe(3, 'Completed');
    await until(async () => (await remediation.rows()).length === 1, 'the execution is recorded');
    expect(await placedTexts(remediation)).toEqual([]);
    release();
    await temporal.client.workflow.result(remediation.workflowId);
    embed = (texts) => offline.embed(texts);
    expect(await placedTexts(remediation)).toMatchObject([{ investigation_text: 'what it was' }]);
  });

  test('that the model will never take does not keep the run open', async () => {
    const remediation = newRemediation();
    embed = () => Promise.reject(new EmbeddingRefusedError('too long', 400));
    await analysis(remediation, 1, 'a very long report');
    await remediation.observe(2, 'Completed');
    await temporal.client.workflow.result(remediation.workflowId);
    embed = (texts) => offline.embed(texts);
    expect(await placedTexts(remediation)).toEqual([]);
  });
});
