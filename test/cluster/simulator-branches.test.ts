import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { groupVersion, KUBERNAUT_KINDS } from '../../dev/sandbox/kinds.ts';
import type { Sandbox } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import type { Change } from '../../dev/sandbox/store.ts';
import { ClusterClient } from '../../dev/simulator/cluster-client.ts';
import { GENERATIONS } from '../../dev/simulator/generations.ts';
import { playBranch } from '../../dev/simulator/play-branch.ts';
import type { SimulatorOptions } from '../../dev/simulator/simulator.ts';
import { runSimulator } from '../../dev/simulator/simulator.ts';
import { branchesOf } from '../../dev/simulator/stories.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { until } from '../support/until.ts';
import { ConformanceClient } from './conformance-client.ts';
import { expectEnding } from './simulator-ending.ts';

/** A remediation of ten minutes takes a fifth of a second. */
const SPEED = 3_000;

describe('every branch of the sandbox ends as its oracle says:', () => {
  let sandbox: Sandbox;
  const client = new ConformanceClient();
  beforeAll(async () => {
    sandbox = await startSandbox();
    client.connect({ url: sandbox.url, token: sandbox.token });
  });
  afterAll(async () => {
    await client.close();
    await sandbox.stop();
  });

  const every = GENERATIONS.flatMap((generation) =>
    branchesOf(generation).map((branch) => [generation, branch] as const),
  );
  test.each(every)('%s %s', async (generation, branch) => {
    const play = { generation, seed: 21, speed: 100_000 };
    await expectEnding(client, await playBranch({ url: sandbox.url, token: sandbox.token }, branch, play));
  });
});

describe('the writes of a simulation', () => {
  /** What was written, but for what the server decides: uids and times of creation. */
  async function writesOf(seed: number): Promise<string[]> {
    await using sandbox = await startSandbox();
    const writes: string[] = [];
    sandbox.store.subscribe(({ type, object }) => {
      if (object.apiVersion !== 'kubernaut.ai/v1alpha1') return;
      const text = JSON.stringify({ type, ...object, metadata: { name: object.metadata.name } });
      writes.push(
        text
          .replace(/[0-9a-f-]{36}/g, 'uid')
          .replace(/"creationTimestamp":"[^"]*"|"remediationCreatedAt":"[^"]*"/g, ''),
      );
    });
    const cluster = { url: sandbox.url, token: sandbox.token };
    // The clock stands still: how long something took is a fact of the status, and not of the seed.
    const now = (): number => Date.parse('2026-09-01T09:00:00Z');
    await runSimulator({ cluster, seed, speed: 1_000_000, count: 12, concurrency: 1, now });
    return writes;
  }

  test('are the same in the same order for the same seed, and others for another', async () => {
    const first = await writesOf(31);
    expect(first.length).toBeGreaterThan(200);
    expect(await writesOf(31)).toEqual(first);
    expect(await writesOf(32)).not.toEqual(first);
  });
});

test('what a run left that was killed in the middle is gone once its retention is over', async () => {
  await using sandbox = await startSandbox();
  const cluster = { url: sandbox.url, token: sandbox.token };
  const stopping = new AbortController();
  let written = 0;
  sandbox.store.subscribe(({ object }) => {
    if (object.apiVersion.startsWith('kubernaut.ai/')) written += 1;
  });
  // Cut at many places of many stories: what a kill leaves is a prefix of each story's writes.
  const killed = runSimulator({
    cluster,
    seed: 41,
    speed: 200,
    burst: true,
    concurrency: 25,
    signal: stopping.signal,
  });
  await until(() => written > 400, 'many resources exist');
  stopping.abort();
  await killed;
  const later = { now: () => Date.now() + 24 * HOUR_MS, retentionMs: 1 };
  await runSimulator({ cluster, seed: 41, speed: SPEED, count: 0, ...later });
  await using client = new ClusterClient(cluster);
  for (const kind of KUBERNAUT_KINDS) {
    const path = `/apis/${groupVersion(kind)}/${kind.plural}`;
    expect((await client.send({ method: 'GET', path })).body, path).toMatchObject({ items: [] });
  }
});

test('a burst begins as many at once as it may, and a rate spreads them', async () => {
  await using sandbox = await startSandbox();
  const begun: number[] = [];
  sandbox.store.subscribe(({ type, object }) => {
    if (type === 'ADDED' && object.kind === 'RemediationRequest') begun.push(performance.now());
  });
  const cluster = { url: sandbox.url, token: sandbox.token };
  const stopping = new AbortController();
  const options = { cluster, seed: 51, speed: 1, count: 20, concurrency: 20, signal: stopping.signal };
  const burst = runSimulator({ ...options, burst: true });
  await until(() => begun.length === 20, 'all of the burst have begun');
  stopping.abort();
  expect(await burst).toMatchObject({ started: 20 });

  begun.length = 0;
  const stoppingRate = new AbortController();
  const spread = runSimulator({ ...options, ratePerMinute: 300, signal: stoppingRate.signal });
  await until(() => begun.length === 6, 'six have begun');
  stoppingRate.abort();
  await spread;
  // Five intervals of 200 ms; a busy machine only makes them longer.
  expect((begun[5] ?? 0) - (begun[0] ?? 0)).toBeGreaterThan(900);
});

describe('as real controllers do:', () => {
  async function playedIn(options: Partial<SimulatorOptions>): Promise<readonly Change[]> {
    await using sandbox = await startSandbox();
    const events: Change[] = [];
    sandbox.store.subscribe((event) => {
      if (event.object.apiVersion === 'kubernaut.ai/v1alpha1') events.push(event);
    });
    const cluster = { url: sandbox.url, token: sandbox.token };
    await runSimulator({ cluster, seed: 61, speed: 100_000, count: 1, ...options });
    return events;
  }

  test('an ordinary remediation is 49 versions of seven resources', async () => {
    const events = await playedIn({ branches: ['remediated'] });
    const kinds = Object.groupBy(events, ({ object }) => object.kind);
    expect(Object.fromEntries(Object.entries(kinds).map(([kind, of]) => [kind, of?.length]))).toEqual({
      RemediationRequest: 16,
      SignalProcessing: 6,
      AIAnalysis: 11,
      AgentSession: 3,
      WorkflowExecution: 5,
      EffectivenessAssessment: 4,
      NotificationRequest: 4,
    });
    expect(events).toHaveLength(49);
  });

  test('a status flaps for as long as was said', async () => {
    const begunAt = performance.now();
    const events = await playedIn({ branches: ['notification-flapping'], flapMs: 2_000 });
    const words = events.flatMap(({ object }) => notificationStatusOf(object) ?? []);
    expect(words).toHaveLength(54);
    expect(words.filter((word, index) => word === words[index - 1])).toEqual([]);
    // 54 writes have 53 intervals of 37 ms; a busy machine only makes them longer.
    expect(performance.now() - begunAt).toBeGreaterThan(1_900);
  });

  test('all of a namespace goes at once, with what had not ended', async () => {
    await using sandbox = await startSandbox();
    const cluster = { url: sandbox.url, token: sandbox.token };
    const [alive, gone] = [new Set<string>(), new Set<string>()];
    let unended = 0;
    sandbox.store.subscribe(({ type, object }) => {
      if (object.apiVersion !== 'kubernaut.ai/v1alpha1') return;
      if (type === 'ADDED') alive.add(object.metadata.uid);
      if (type !== 'DELETED') return;
      gone.add(object.metadata.uid);
      const isEnded = (object['status'] as { completedAt?: string } | undefined)?.completedAt !== undefined;
      if (object.kind === 'RemediationRequest' && !isEnded) unended += 1;
    });
    const stopping = new AbortController();
    const left = { seed: 62, speed: 1, burst: true, count: 4, concurrency: 4, signal: stopping.signal };
    const cut = runSimulator({ cluster, branches: ['remediated'], ...left });
    await until(() => alive.size >= 4, 'four have begun');
    stopping.abort();
    await cut;
    const storm = { seed: 63, speed: 100_000, burst: true, count: 40, concurrency: 40 };
    const report = await runSimulator({ cluster, branches: ['remediated'], deleteAll: true, ...storm });
    expect(gone).toEqual(alive);
    expect(unended).toBe(4);
    expect(alive.size).toBeGreaterThanOrEqual(40 * 7 + 4);
    expect(report.remediations.filter(({ deleted }) => deleted)).toHaveLength(40);
  });
});

const notificationStatusOf = (object: Change['object']): string | undefined =>
  (object['status'] as { completionStatus?: { notificationStatus?: string } } | undefined)?.completionStatus
    ?.notificationStatus;
