import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Completeness } from '../../src/database/reading/completeness.ts';
import { ServiceWorld } from '../support/service-world.ts';
import { until } from '../support/until.ts';
import type { RunningProgram } from '../support/up.ts';

const KIND = 'RemediationRequest';
const DEADLINE_MS = 90_000;

interface GapCount {
  readonly reason: string;
  readonly kind: string;
  readonly gaps: number;
}

let world: ServiceWorld;
let watch: RunningProgram;
let serve: RunningProgram;

beforeAll(async () => {
  world = await ServiceWorld.create();
  watch = world.startWatch();
  serve = world.startServe();
  await Promise.all([world.untilStarted(watch), world.untilStarted(serve)]);
}, 180_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function askedOfService(): Promise<Completeness> {
  const answer = await fetch(`${world.urlOf(serve)}/api/v1/completeness?cluster=test`);
  return (await answer.json()) as Completeness;
}

async function askedOfWatcher(): Promise<Completeness> {
  return (await (await fetch(`${world.urlOf(watch)}/completeness`)).json()) as Completeness;
}

async function askedOfCommand(): Promise<Completeness> {
  const command = world.startCommand(['completeness', '--cluster', 'test', '--json']);
  expect(await command.exited, command.output()).toBe(0);
  return JSON.parse(command.output()) as Completeness;
}

/** What is compared: the rest of an answer is when it was given. */
function essenceOf({ clusters, kinds, gaps }: Completeness) {
  return {
    state: clusters.map(({ state }) => state).join(),
    kinds: kinds.filter(({ kind }) => kind === KIND),
    gaps: gaps.map(({ reason, name }) => `${reason} ${name ?? ''}`),
  };
}

async function metrics(): Promise<string> {
  return (await fetch(`${world.urlOf(watch)}/metrics`)).text();
}

/**
 * Asks all three until each says so in one round. What is not recorded is sent again after a while, and waits for that moment: on a
 * slow machine it may fall between two of the questions.
 */
async function expectOfAll(expected: object, what: string): Promise<void> {
  let differs = 'nobody has answered';
  const agrees = async (ask: () => Promise<Completeness>): Promise<boolean> => {
    const found = essenceOf(await ask());
    try {
      expect(found).toMatchObject(expected);
      return true;
    } catch {
      // Not yet: the deadline says when it is too late, and this what was said last.
      differs = `${ask.name}: ${JSON.stringify(found)}`;
      return false;
    }
  };
  await until(
    async () =>
      (await agrees(askedOfService)) && (await agrees(askedOfWatcher)) && (await agrees(askedOfCommand)),
    () => `all three say ${what}; ${differs}`,
    DEADLINE_MS,
  );
}

async function expectMetric(pattern: RegExp): Promise<void> {
  await until(async () => pattern.test(await metrics()), `the metrics say ${String(pattern)}`, DEADLINE_MS);
}

/** As a page would ask whose name was pointed at this address. */
function askedUnder(host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = `${world.urlOf(watch)}/completeness`;
    request(url, { headers: { host } }, (answer) => {
      resolve(text(answer));
    })
      .on('error', reject)
      .end();
  });
}

const counted = (counts: object): object => ({ kinds: [expect.objectContaining(counts)] });

test('service, command, watcher and metrics give one answer, while recording is stuck and when it goes on', async () => {
  const name = `rr-${randomUUID().slice(0, 8)}`;
  await world.stopTemporal();
  await world.cluster.create(name);
  await expectOfAll(
    { state: 'incomplete', gaps: [`not-sent ${name}`], ...counted({ seen: 1, recorded: 0, waiting: 1 }) },
    'that it waits for Temporal',
  );
  await expectMetric(/gaps\{cluster="test",reason="not-sent"\} 1/);

  // Temporal has the state and nobody works: the database does not have it.
  await world.startTemporal();
  await expectOfAll(
    { state: 'incomplete', ...counted({ seen: 1, recorded: 0, waiting: 0 }) },
    'that it was sent and is not recorded',
  );

  const work = world.startWork();
  await expectOfAll(
    { state: 'complete', gaps: [], ...counted({ seen: 1, recorded: 1, waiting: 0, present: 1 }) },
    'complete',
  );
  await expectMetric(/gaps\{cluster="test",reason="not-sent"\} 0/);
  await expectMetric(/watched_resources\{cluster="test",kind="RemediationRequest",state="recorded"\} 1/);

  // An older state is recorded, and the newest is not.
  await world.kill(work, 'SIGTERM');
  await world.cluster.setPhase(name, 'Processing');
  await expectOfAll(
    { state: 'incomplete', ...counted({ seen: 1, recorded: 0, present: 1 }) },
    'that the newest state is not recorded',
  );
});

test('strangers at the port of the metrics learn how many gaps there are, and no name', async () => {
  const open = world.startWatch({ REMEDIATION_AUDIT_METRICS_HOST: '0.0.0.0' });
  await world.untilStarted(open);
  await world.stopTemporal();
  const name = `rr-${randomUUID().slice(0, 8)}`;
  await world.cluster.create(name);
  const ofStranger = async (): Promise<string> => (await fetch(`${world.urlOf(open)}/completeness`)).text();
  await until(
    async () =>
      (await askedOfWatcher()).gaps.some((gap) => gap.name === name) &&
      (await ofStranger()).includes('"reason":"not-sent"'),
    'both watchers know the gap',
    DEADLINE_MS,
  );
  for (const answer of [await ofStranger(), await askedUnder('audit.example.com')]) {
    expect(answer).not.toContain(name);
    const { clusters, gap_counts: counts } = JSON.parse(answer) as {
      clusters: object[];
      gap_counts: GapCount[];
    };
    expect(clusters).toMatchObject([{ cluster: 'test', detail: null }]);
    // The remediation of the other test may wait too.
    const waiting = counts.find(({ reason, kind }) => reason === 'not-sent' && kind === KIND);
    expect(waiting?.gaps).toBeGreaterThan(0);
  }
  expect(await (await fetch(`${world.urlOf(open)}/metrics`)).text()).not.toContain(name);
  await world.startTemporal();
});
