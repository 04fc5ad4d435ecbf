import { randomBytes } from 'node:crypto';

import proto from '@temporalio/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectTemporal, type TemporalClient } from '../../src/temporal/connection.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { until } from '../support/until.ts';

const { EVENT_TYPE_WORKFLOW_TASK_FAILED, EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED } =
  proto.temporal.api.enums.v1.EventType;

const refused: string[] = [];
const payloads = {
  compressAboveBytes: 0,
  keys: [{ id: 'k1', secret: randomBytes(32).toString('base64') }],
  requireEncryption: true,
  onRefused: (reason: string) => void refused.push(reason),
};

let stage: RecordingStage;
/** Reaches Temporal, and has no key. */
let stranger: TemporalClient;

beforeAll(async () => {
  stage = await openRecordingStage({}, { payloads });
  const { connectionOptions, namespace } = stage.temporal.access;
  stranger = await connectTemporal({ connectionOptions, namespace });
});
afterAll(async () => {
  await stranger.close();
  await stage.close();
});

async function eventsOf(workflowId: string, type: proto.temporal.api.enums.v1.EventType) {
  const { events } = await stranger.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).filter(({ eventType }) => eventType === type);
}

/** The run takes no further step, and its history says why. */
async function untilRefused(remediation: PlayedRemediation, reason: string): Promise<void> {
  const { workflowId } = remediation;
  await until(
    async () => (await eventsOf(workflowId, EVENT_TYPE_WORKFLOW_TASK_FAILED)).length > 0,
    'a task of the workflow has failed',
  );
  expect(refused).toContain(reason);
  await stranger.client.workflow.getHandle(workflowId).terminate('a test is over');
}

test('with encryption required everything of a remediation passes', async () => {
  refused.length = 0;
  const remediation = stage.newRemediation();
  await remediation.send(remediation.execution(1, 'Completed'));
  await remediation.send(remediation.closure(2));
  await stage.closed(remediation);
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 1 }]);
  expect(refused).toEqual([]);
});

test('what somebody without a key sends is refused, and recorded nowhere', async () => {
  refused.length = 0;
  const remediation = stage.newRemediation();
  await remediation.send(remediation.progress(1, 'Executing'));
  const forged = { ...remediation.execution(2, 'Completed'), actor: 'somebody else' };
  await stranger.client.workflow.getHandle(remediation.workflowId).signal('observed', [forged]);
  await untilRefused(remediation, 'plain');
  expect(await stage.executions(remediation)).toEqual([]);
});

test('what was encrypted for one workflow is refused in another one', async () => {
  refused.length = 0;
  const [source, target] = [stage.newRemediation(), stage.newRemediation()];
  await source.send(source.execution(1, 'Completed'));
  await target.send(target.progress(1, 'Executing'));
  const [signal] = await eventsOf(source.workflowId, EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED);
  await stranger.client.workflowService.signalWorkflowExecution({
    namespace: stage.temporal.access.namespace,
    workflowExecution: { workflowId: target.workflowId },
    signalName: 'observed',
    input: signal?.workflowExecutionSignaledEventAttributes?.input ?? null,
  });
  await untilRefused(target, 'elsewhere');
});

test('a run of a schedule reads what the schedule was made with', async () => {
  const { client, taskQueue } = stage.temporal;
  const remediation = stage.newRemediation();
  const schedule = await client.schedule.create({
    scheduleId: `schedule-${remediation.name.uid}`,
    spec: {},
    action: {
      type: 'startWorkflow',
      workflowType: 'recordDeferred',
      workflowId: `deferred-${remediation.name.uid}`,
      args: [[remediation.execution(1, 'Completed')]],
      memo: { definition: 'of a test' },
      taskQueue,
    },
  });
  expect((await schedule.describe()).action.memo).toEqual({ definition: 'of a test' });
  await schedule.trigger();
  await until(async () => (await stage.executions(remediation)).length === 1, 'the run has recorded it');
  await schedule.delete();
});
