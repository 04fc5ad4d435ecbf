import { afterAll, beforeAll, expect, test } from 'vitest';

import { EmbeddingRefusedError } from '../../src/embedding/embedder.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { until } from '../support/until.ts';

let stage: RecordingStage;

beforeAll(async () => {
  stage = await openRecordingStage();
});
afterAll(() => stage.close());

async function placedTexts({ name }: PlayedRemediation): Promise<unknown[]> {
  const { rows } = await stage.database.owner.query<Record<string, unknown>>(
    'select investigation_text, model from ai_investigation_embeddings where remediation_uid = $1::text',
    [name.uid],
  );
  return rows;
}

test('the text of an investigation is placed among the others by an activity of its own', async () => {
  const remediation = stage.newRemediation();
  await remediation.send(remediation.analysis(1, 'the pod was killed for memory'));
  await remediation.send(remediation.closure(2));
  await stage.closed(remediation);
  expect(await placedTexts(remediation)).toEqual([
    { investigation_text: 'the pod was killed for memory', model: stage.model },
  ]);
});

test('a text waits for a slow model without holding back a record, and is placed as it is then', async () => {
  const remediation = stage.newRemediation();
  let release = (): void => undefined;
  const slow = new Promise<void>((resolve) => {
    release = resolve;
  });
  const { embed } = stage.hooks;
  stage.hooks.embed = async (texts) => {
    await slow;
    return embed(texts);
  };
  await remediation.send(remediation.analysis(1, 'first guess'));
  await remediation.send(remediation.analysis(2, 'what it was'));
  await remediation.send(remediation.closure(3));
  await remediation.send(remediation.execution(4, 'Completed'));
  await until(async () => (await stage.executions(remediation)).length === 1, 'the execution is recorded');
  expect(await placedTexts(remediation)).toEqual([]);
  release();
  await stage.closed(remediation);
  stage.hooks.embed = embed;
  expect(await placedTexts(remediation)).toMatchObject([{ investigation_text: 'what it was' }]);
});

test('a text that the model will never take does not keep the run open', async () => {
  const remediation = stage.newRemediation();
  const { embed } = stage.hooks;
  stage.hooks.embed = () => Promise.reject(new EmbeddingRefusedError('too long', 400));
  await remediation.send(remediation.analysis(1, 'a very long report'));
  await remediation.send(remediation.closure(2));
  await stage.closed(remediation);
  stage.hooks.embed = embed;
  expect(await placedTexts(remediation)).toEqual([]);
});
