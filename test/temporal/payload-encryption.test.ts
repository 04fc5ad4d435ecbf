import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { connectTemporal, type TemporalClient } from '../../src/temporal/connection.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import { until } from '../support/until.ts';

const payloads = {
  compressAboveBytes: 0,
  keys: [{ id: 'k1', secret: randomBytes(32).toString('base64') }],
};

let stage: RecordingStage;
/** Without the keys: what Temporal itself, and whoever operates it, can see. */
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

/** All bytes that the server holds of a run, with base64 undone. */
async function whatTheServerHolds(workflowId: string): Promise<string> {
  const { events } = await stranger.client.workflow.getHandle(workflowId).fetchHistory();
  return JSON.stringify(events, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
}

test('with keys, nothing of an observation can be read from a history, and all of it is recorded', async () => {
  const remediation = stage.newRemediation();
  const secretive = remediation.execution(1, 'Completed');
  await remediation.send({
    ...secretive,
    columns: { ...secretive.columns, failure_message: 'the-vault-is-open' },
  });
  await remediation.send(remediation.closure(2));
  await stage.closed(remediation);
  expect(await stage.executions(remediation)).toEqual([{ phase: 'Completed', revision: 1 }]);
  const held = await whatTheServerHolds(remediation.workflowId);
  for (const secret of ['the-vault-is-open', 'HighErrorRate', 'remediated in']) {
    expect(held).not.toContain(secret);
  }
});

test('with keys, the message of a failure is encrypted too, and read by whoever has them', async () => {
  const remediation = stage.newRemediation();
  let isAway = true;
  stage.hooks.beforeRecording = () =>
    isAway ? Promise.reject(new Error('the-vault-is-open')) : Promise.resolve();
  await remediation.send(remediation.closure(1));
  // `raw` is as the server sent it.
  const described = () => stage.handleOf(remediation).describe();
  const failureOf = async () => (await described()).raw.pendingActivities?.[0]?.lastFailure;
  await until(async () => Boolean(await failureOf()), 'an attempt has failed');
  expect((await failureOf())?.message).toBe('Encoded failure');
  expect(JSON.stringify(await failureOf())).not.toContain('the-vault-is-open');
  isAway = false;
  await stage.closed(remediation);
});
