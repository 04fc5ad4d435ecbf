import { afterAll, beforeAll, expect, test } from 'vitest';

import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { StoryCost } from '../support/story-costs.ts';
import { playStories } from '../support/story-costs.ts';
import { createTestFolder, type TestFolder } from '../support/test-folder.ts';

/** Ten minutes of life in forty seconds. */
const SPEED = 15;
const TEST_MS = 180_000;

/**
 * What a story may cost Temporal through watcher, workflow and store. A busy machine writes the states of a story further
 * apart, so that fewer of them go together: each bound leaves room for that.
 */
const MOST = {
  remediated: { signals: 22, activities: 31, events: 250, stateTransitions: 158 },
  'timed-out-analyzing': { signals: 14, activities: 16, events: 130, stateTransitions: 80 },
} as const;

let stage: RecordingStage;
let folder: TestFolder;

beforeAll(async () => {
  [stage, folder] = await Promise.all([openRecordingStage(), createTestFolder()]);
});
afterAll(async () => {
  await Promise.all([stage.close(), folder.remove()]);
});

test(
  'stories that the watcher sees cost Temporal no more signals, activities, events and transitions than this',
  async () => {
    const costs = await playStories({
      ...{ access: stage.temporal.access, client: stage.temporal.client },
      ...{ taskQueue: stage.temporal.taskQueue, database: stage.database.owner },
      ...{ file: folder.file('kubeconfig'), speed: SPEED },
      branches: ['remediated', 'timed-out-analyzing'],
    });
    expect(costs).toHaveLength(2);
    for (const cost of costs) expect(excessOf(cost), JSON.stringify(cost)).toEqual([]);
  },
  TEST_MS,
);

function excessOf(cost: StoryCost): string[] {
  const most = MOST[cost.branch as keyof typeof MOST];
  const counts = ['signals', 'activities', 'events', 'stateTransitions'] as const;
  return counts.filter((count) => cost[count] > most[count]).map((count) => `${count}: ${cost[count]}`);
}
