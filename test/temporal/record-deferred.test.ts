import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectTemporalLazily } from '../../src/temporal/connection.ts';
import {
  createDeferredRecords,
  type DeferredRecords,
  deferredWorkflowId,
  ObservationTooLargeError,
} from '../../src/temporal/deferred-records.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';

let stage: RecordingStage;
let deferred: DeferredRecords;

beforeAll(async () => {
  stage = await openRecordingStage();
  deferred = createDeferredRecords(stage.temporal.client, { taskQueue: stage.temporal.taskQueue });
});
afterAll(() => stage.close());

test('a deferred record is recorded by a workflow of its own', async () => {
  const remediation = stage.newRemediation();
  const post = remediation.execution(1, 'Completed');
  await deferred.defer(post);
  await stage.temporal.client.workflow.result(deferredWorkflowId(post));
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 1 }]);
});

test('the same post again joins the workflow that waits; another one of the record has its own', async () => {
  await stage.stopWorker();
  const remediation = stage.newRemediation();
  const post = remediation.execution(1, 'Running');
  const later = remediation.execution(2, 'Completed');
  await Promise.all([deferred.defer(post), deferred.defer(post), deferred.defer(later)]);
  expect(deferredWorkflowId(later)).not.toBe(deferredWorkflowId(post));
  await stage.startWorker();
  await stage.temporal.client.workflow.result(deferredWorkflowId(post));
  await stage.temporal.client.workflow.result(deferredWorkflowId(later));
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 2 }]);

  await deferred.defer(post);
  await stage.temporal.client.workflow.result(deferredWorkflowId(post));
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 2 }]);
});

test('an observation that Temporal would not take is refused before it is asked', async () => {
  const post = stage.newRemediation().execution(1, 'Completed');
  const huge = { ...post, columns: { ...post.columns, failure_message: 'ü'.repeat(600_000) } };
  await expect(deferred.defer(huge)).rejects.toThrow(ObservationTooLargeError);
});

test('without a Temporal that answers, deferring fails within its deadline', async () => {
  const { client, close } = connectTemporalLazily({
    connectionOptions: { address: '127.0.0.1:1' },
    namespace: 'default',
  });
  const away = createDeferredRecords(client, { deadlineMs: 200 });
  await expect(away.defer(stage.newRemediation().execution(1, 'Running'))).rejects.toThrow();
  await expect(away.ping()).rejects.toThrow();
  await expect(deferred.ping()).resolves.toBeUndefined();
  await close();
});
