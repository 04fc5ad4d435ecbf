import { readdirSync, readFileSync } from 'node:fs';

import type { WorkflowBundle } from '@temporalio/worker';
import { Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, test } from 'vitest';

import { bundleWorkflows } from '../../src/worker/workflow-bundle.ts';
import * as workflows from '../../src/workflows/index.ts';
import { repositoryPath } from '../support/repository.ts';
import { BRANCHES, withFiller } from './branches.ts';

const DIRECTORY = repositoryPath('test/replay/histories');
const HISTORIES = readdirSync(DIRECTORY);

let workflowBundle: WorkflowBundle;

beforeAll(async () => {
  // As a worker has it, and so kept for as long as the code is the same.
  workflowBundle = await bundleWorkflows();
});

function readHistory(file: string): string {
  return withFiller(readFileSync(`${DIRECTORY}/${file}`, 'utf8'));
}

interface Started {
  readonly workflowId?: string;
}

function replay(history: string): Promise<void> {
  const { events } = JSON.parse(history) as {
    events: { workflowExecutionStartedEventAttributes?: Started }[];
  };
  // Runs that one starts are named after it.
  const workflowId = events[0]?.workflowExecutionStartedEventAttributes?.workflowId;
  return Worker.runReplayHistory({ workflowBundle }, { events }, workflowId);
}

describe('runs that began under earlier code go on under today’s:', () => {
  test.each(HISTORIES)('%s', async (file) => {
    await replay(readHistory(file));
  });
});

test('every branch of the workflows has its history', () => {
  expect(HISTORIES.map((file) => file.replace('.json', '')).sort()).toEqual(
    expect.arrayContaining(Object.keys(BRANCHES).sort()),
  );
});

test('every workflow that can be started has a history', () => {
  const played = HISTORIES.map(
    (file) => /"workflowType": *\{\s*"name": *"(\w+)"/.exec(readHistory(file))?.[1],
  );
  expect([...new Set(played)].sort()).toEqual(Object.keys(workflows).sort());
});

test.each([
  ['remediationAudit', 'completed.json', 'recordExecution'],
  ['recordDeferred', 'deferred.json', 'recordExecution'],
  ['partitionRollover', 'partition-rollover.json', 'rollPartitionsOver'],
  ['recordComparison', 'comparison.json', 'compareRecords'],
  ['retention', 'retention-dropped.json', 'verifyExport'],
  ['restoreMonth', 'restore-loaded.json', 'loadRestoredTable'],
])('a renamed activity of %s is caught', async (_workflow, file, activity) => {
  const renamed = readHistory(file).replaceAll(activity, 'underAnotherName');
  await expect(replay(renamed)).rejects.toBeInstanceOf(DeterminismViolationError);
});

test.each(HISTORIES)('%s names no folder of the machine that recorded it', (file) => {
  const folders = readFileSync(`${DIRECTORY}/${file}`, 'utf8').match(
    /(?<=[(\s]|file:\/\/)\/(?!repository\/)[\w.@/-]+(?=:\d)/g,
  );
  expect(folders ?? []).toEqual([]);
});
