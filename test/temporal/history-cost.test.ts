import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { Branch } from '../../dev/simulator/stories.ts';
import type { RecordedList } from '../../src/activities/types.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { ACTIVITY_BY_PHASE } from '../../src/domain/observation.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { createTestApi, testApiOptions } from '../support/api.ts';
import { openRecordingStage, type RecordingStage } from '../support/recording-stage.ts';
import type { PlayedRemediation } from '../support/remediations.ts';
import { playRemediation } from '../support/remediations.ts';
import { type MeasuredRun, measureRuns } from '../support/runs.ts';
import { observationsOf } from '../support/simulated-states.ts';
import { until } from '../support/until.ts';

const SEED = 20_261_121;
const GENERATION = 'G3';

/** What a remediation may cost Temporal. */
const MAX_EVENTS_PER_OBSERVATION = 3;
const MAX_ACTIVITIES = 12;
/** 24 where a workflow task hands the worker its activities, 30 where each is fetched. */
const MAX_STATE_TRANSITIONS = 28;
const MAX_ORDINARY_HISTORY_BYTES = 2_000_000;

const OBSERVATIONS = 26;
/** Observations of its signals: a first one at once, then what was gathered. */
const SIZES = [1, 4, 6, 8, 7];
/** Activities that end at one moment share a workflow task or not, which is chance: the least of so many plays counts. */
const ROUNDS = 3;

let stage: RecordingStage;
let api: FastifyInstance;

beforeAll(async () => {
  stage = await openRecordingStage();
  api = createTestApi(stage.database);
});
afterAll(async () => {
  await api.close();
  await stage.close();
});

/** A simulated remediation, to be played by its observations. */
function story(
  branch: Branch,
  seed: number,
): { play: PlayedRemediation; observations: readonly Observation[] } {
  const { uid, observations } = observationsOf(branch, GENERATION, seed);
  const signals = createRemediationSignals(stage.temporal.client, {
    lateGraceSeconds: 1,
    taskQueue: stage.temporal.taskQueue,
  });
  return { play: playRemediation(signals, { cluster: GENERATION, uid }), observations: asSent(observations) };
}

/** As the watcher marks them: what follows the first of a record's phase may wait for more, but not what ends it. */
function asSent(observations: readonly Observation[]): Observation[] {
  const seen = new Set<string>();
  return observations.map((observation) => {
    const { table, key, phase } = observation;
    const name = `${table} ${key} ${phase}`;
    const isInterim = seen.has(name) && !['skip', 'approval', 'closure'].includes(phase);
    seen.add(name);
    return isInterim ? { ...observation, interim: true } : observation;
  });
}

/** Lists of so many observations. */
function inSignals(observations: readonly Observation[], sizes: readonly number[]): Observation[][] {
  let from = 0;
  return sizes.map((size) => observations.slice(from, (from += size)));
}

/** Plays the lists one after the other; slowly: each when what is not to wait of the one before is stored. */
async function played(
  play: PlayedRemediation,
  lists: readonly Observation[][],
  pace: 'slowly' | 'at once' = 'at once',
): Promise<MeasuredRun> {
  const { workflowId } = play;
  for (const list of lists) {
    await play.sendTogether(list);
    if (pace === 'slowly') await until(() => isQuiet(workflowId), 'the list is stored or gathers');
  }
  await stage.temporal.client.workflow.getHandle(workflowId).result();
  const runs = await measureRuns(stage.temporal.access, stage.temporal.taskQueue);
  const run = runs.find((one) => one.workflowId === workflowId);
  if (run === undefined) throw new Error(`no run of ${workflowId}`);
  return run;
}

async function isQuiet(workflowId: string): Promise<boolean> {
  const { raw } = await stage.temporal.client.workflow.getHandle(workflowId).describe();
  return (raw.pendingActivities ?? []).length === 0 && !raw.pendingWorkflowTask;
}

/**
 * 26 observations of a remediation that times out while it is analysed, in five signals that are ready: this is what the run
 * makes of good signals. What watcher and run come to together is in story-costs.test.ts.
 */
async function playedStories(pace: 'slowly' | 'at once', firstSeed: number): Promise<MeasuredRun[]> {
  const runs: MeasuredRun[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { play, observations } = story('timed-out-analyzing', firstSeed + round);
    const closure = observations.filter(({ phase }) => phase === 'closure').slice(0, 1);
    const others = observations.filter(({ phase }) => phase !== 'closure').slice(0, OBSERVATIONS - 1);
    runs.push(await played(play, inSignals([...others, ...closure], SIZES), pace));
  }
  for (const { signals, activities, events, largestEvent } of runs) {
    expect(signals).toBe(SIZES.length);
    expect(activities).toBeLessThanOrEqual(MAX_ACTIVITIES);
    expect(events * largestEvent).toBeLessThan(MAX_ORDINARY_HISTORY_BYTES);
  }
  return runs;
}

describe('26 observations in five ready-made signals cost', () => {
  test('three events each and 28 transitions at most where the signals follow each other', async () => {
    const runs = await playedStories('at once', SEED);
    const least = (of: (run: MeasuredRun) => number): number => Math.min(...runs.map(of));
    expect(least(({ events }) => events) / OBSERVATIONS).toBeLessThanOrEqual(MAX_EVENTS_PER_OBSERVATION);
    expect(least(({ stateTransitions }) => stateTransitions)).toBeLessThanOrEqual(MAX_STATE_TRANSITIONS);
  });

  test('three events each also where every signal is stored before the next one comes', async () => {
    const runs = await playedStories('slowly', SEED + ROUNDS);
    const events = Math.min(...runs.map((run) => run.events));
    expect(events / OBSERVATIONS).toBeLessThanOrEqual(MAX_EVENTS_PER_OBSERVATION);
  });
});

describe('each recording activity of an ordinary remediation', () => {
  test('has a summary in words, and a result with the path at which the API answers its row', async () => {
    const { play, observations } = story('remediated', SEED - 1);
    await played(play, inSignals(observations, [1, 10, 15, 20, Infinity]));
    const activities = await recordingsOf(play.workflowId);
    expect(activities.length).toBeGreaterThan(5);
    const { routes } = testApiOptions(stage.database);
    const patterns = routes
      .filter(({ method }) => method === 'GET')
      .map(({ path }) => new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`));
    for (const { summary, answer } of activities) {
      expect(summary).toMatch(/^[a-z].{5,}/);
      expect(answer.rows.length).toBeGreaterThan(0);
      for (const { row, id } of answer.rows) {
        expect(patterns.some((pattern) => pattern.test(row))).toBe(true);
        const found = await api.inject({ url: row });
        expect(found.statusCode, row).toBe(200);
        expect(found.json()).toMatchObject({ id });
      }
    }
  });
});

/** Summary and answer of each recording activity of a run. */
async function recordingsOf(workflowId: string): Promise<{ summary: string; answer: RecordedList }[]> {
  const { events } = await stage.temporal.client.workflow.getHandle(workflowId).fetchHistory();
  const names = new Set<string>(Object.values(ACTIVITY_BY_PHASE));
  const answers = new Map<string, Payload | undefined>();
  for (const { activityTaskCompletedEventAttributes: completed } of events ?? [])
    if (completed) answers.set(String(completed.scheduledEventId), completed.result?.payloads?.[0]);
  return (events ?? []).flatMap(
    ({ eventId, userMetadata, activityTaskScheduledEventAttributes: scheduled }) =>
      names.has(scheduled?.activityType?.name ?? '')
        ? [
            {
              summary: read(userMetadata?.summary) as string,
              answer: read(answers.get(String(eventId))) as RecordedList,
            },
          ]
        : [],
  );
}

function read(payload: Payload | null | undefined): unknown {
  if (!payload) throw new Error('an activity has no summary or no result');
  return defaultPayloadConverter.fromPayload(payload);
}
