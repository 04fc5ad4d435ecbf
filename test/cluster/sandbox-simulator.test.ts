import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { KUBERNAUT_KINDS } from '../../dev/sandbox/kinds.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { type ClusterAddress, ClusterClient } from '../../dev/simulator/cluster-client.ts';
import { GENERATIONS, kindsOf } from '../../dev/simulator/generations.ts';
import { installKinds } from '../../dev/simulator/install-kinds.ts';
import { playBranch } from '../../dev/simulator/play-branch.ts';
import { runSimulator } from '../../dev/simulator/simulator.ts';
import { refuseForeignCluster } from '../../dev/simulator/sweep.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { resolveServer } from '../support/servers.ts';
import { until } from '../support/until.ts';
import type { Resource, WatchEvent } from './conformance-client.ts';
import { ConformanceClient } from './conformance-client.ts';
import { API } from './conformance-cluster.ts';
import { expectEnding, phaseOf } from './simulator-ending.ts';

/** The shortest stories that have an execution. */
const BOTH = ['remediated', 'execution-failed'] as const;

interface TestCluster {
  address: ClusterAddress;
  stop: () => Promise<void>;
}

const NAMESPACE = `${API}/namespaces/kubernaut-system`;
/** A remediation of ten minutes takes a fifth of a second. */
const SPEED = 3_000;

/** The different phases of one object, in the order in which the watch saw them. */
function phasesOf(events: readonly WatchEvent[], name: string | undefined): unknown[] {
  const phases = events
    .filter(({ object }) => object.metadata.name === name)
    .map(({ object }) => phaseOf(object));
  return phases.filter((phase, index) => phase !== undefined && phase !== phases[index - 1]);
}

function describeSimulation(start: () => Promise<TestCluster>): void {
  let cluster: TestCluster;
  const client = new ConformanceClient();

  beforeAll(async () => {
    cluster = await start();
    client.connect(cluster.address);
    await installKinds(cluster.address, KUBERNAUT_KINDS);
  });

  afterAll(async () => {
    await client.close();
    await cluster.stop();
  });

  const list = async (plural: string): Promise<Resource[]> =>
    (await client.get(`${NAMESPACE}/${plural}`)).body.items ?? [];

  test('what the report says is what a watch has seen', async () => {
    await using remediations = await client.watch(`${NAMESPACE}/remediationrequests`, {});
    await using executions = await client.watch(`${NAMESPACE}/workflowexecutions`, {});
    const report = await runSimulator({
      cluster: cluster.address,
      branches: [...BOTH],
      seed: 11,
      speed: SPEED,
      count: 4,
    });
    expect(report).toMatchObject({ seed: 11, started: 4 });
    expect(report.remediations.map(({ branch }) => branch).sort()).toEqual([...BOTH, ...BOTH].sort());
    for (const played of report.remediations) {
      expect(played).toMatchObject({ finished: true, deleted: false });
      const isFailed = played.branch === 'execution-failed';
      await remediations.until((events) => phasesOf(events, played.name).at(-1) === played.phase);
      const middle = ['Pending', 'Processing', 'Analyzing', 'Executing'];
      const end = isFailed ? ['Failed'] : ['Verifying', 'Completed'];
      expect(phasesOf(remediations.events, played.name)).toEqual([...middle, ...end]);
      const execution = played.parts.WFE;
      await executions.until((events) => phasesOf(events, execution?.name).at(-1) === execution?.phase);
      const ending = isFailed ? 'Failed' : 'Completed';
      expect(phasesOf(executions.events, execution?.name)).toEqual(['Pending', 'Running', ending]);
    }
  });

  test.each(GENERATIONS)('a remediation of %s is there with all its resources', async (generation) => {
    const branch = generation === 'G0' ? 'remediated-in-steps' : 'remediated';
    const played = await playBranch(cluster.address, branch, { generation, seed: 12 });
    await expectEnding(client, played);
  });

  test('the same seed plays on beside what it left the last time', async () => {
    const options = { cluster: cluster.address, branches: [...BOTH], seed: 13, speed: SPEED, count: 3 };
    const [first, second] = [await runSimulator(options), await runSimulator(options)];
    expect(second.remediations).toHaveLength(3);
    const uids = [...first.remediations, ...second.remediations].map(({ uid }) => uid);
    expect(new Set(uids).size).toBe(6);
    const present = (await list('remediationrequests')).map(({ metadata }) => metadata.uid);
    expect(present).toEqual(expect.arrayContaining(uids));
  });

  test('an aborted play stops where it is and says how far it came', async () => {
    const stopping = new AbortController();
    const play = { branches: [...BOTH], seed: 14, speed: 1, signal: stopping.signal };
    const playing = runSimulator({ cluster: cluster.address, ...play });
    const oursIn = (objects: Resource[]): Resource[] =>
      objects.filter((object) => phaseOf(object) === 'Analyzing');
    await until(async () => oursIn(await list('remediationrequests')).length > 0, 'a remediation is played');
    stopping.abort();
    const { remediations } = await playing;
    expect(remediations).toMatchObject([{ phase: 'Analyzing', finished: false }]);
  });

  test('a remediation that somebody deletes ends there, and the others go on', async () => {
    const stopping = new AbortController();
    // What an earlier test cut short is still there, and some of it in the very phase that is waited for.
    const before = new Set((await list('remediationrequests')).map(({ metadata }) => metadata.uid));
    // One at a time: the next one begins only when the play of the deleted one has noticed. Slow enough that it is
    // deleted seconds before its execution would be created.
    const play = { branches: [...BOTH], seed: 15, speed: 30, concurrency: 1, signal: stopping.signal };
    const playing = runSimulator({ cluster: cluster.address, ...play });
    const isPlayed = (object: Resource): boolean =>
      !before.has(object.metadata.uid) && phaseOf(object) === 'Processing';
    let victim: Resource | undefined;
    await until(
      async () => (victim = (await list('remediationrequests')).find(isPlayed)) !== undefined,
      'a remediation is played',
    );
    await client.delete(`${NAMESPACE}/remediationrequests/${victim?.metadata.name ?? ''}`);
    const isNext = (object: Resource): boolean =>
      isPlayed(object) && object.metadata.uid !== victim?.metadata.uid;
    await until(async () => (await list('remediationrequests')).some(isNext), 'the next is played');
    stopping.abort();
    const { remediations } = await playing;
    const record = remediations.find(({ uid }) => uid === victim?.metadata.uid);
    expect(record).toMatchObject({ deleted: true, finished: false });
    expect(record?.parts.WFE).toBeUndefined();
  });

  test('the retention takes away what ended, with its execution, and what an earlier run left', async () => {
    const stopping = new AbortController();
    const other = {
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'RemediationRequest',
      metadata: { name: 'not-ours' },
    };
    await client.post(`${NAMESPACE}/remediationrequests`, other);
    const options = { cluster: cluster.address, branches: [...BOTH], seed: 16, speed: SPEED, count: 3 };
    const ended = await runSimulator({ ...options, retentionMs: 1 });
    const before = (await list('remediationrequests')).length;
    expect(before).toBeGreaterThan(3);
    const sweeping = runSimulator({
      cluster: cluster.address,
      seed: 17,
      speed: 1,
      concurrency: 1,
      retentionMs: 1,
      // As if everything had happened long ago.
      now: () => Date.now() + 24 * HOUR_MS,
      signal: stopping.signal,
    });
    const remaining = async (): Promise<(string | undefined)[]> =>
      (await list('remediationrequests')).map(({ metadata }) => metadata.name);
    // What is left: the one being played, and the one nobody simulated.
    await until(async () => (await remaining()).length === 2, 'two remain');
    expect(await remaining()).toContain('not-ours');
    const [young = ''] = (await remaining()).filter((name) => name !== 'not-ours');
    for (const { plural } of kindsOf('G3').slice(1)) {
      const isLeft = async (): Promise<boolean> =>
        (await list(plural)).every(({ metadata }) => metadata.name?.endsWith(young));
      await until(isLeft, `the old ${plural} are gone`);
    }
    stopping.abort();
    await sweeping;
    expect(ended.remediations).toHaveLength(3);
  });

  test('a cluster with a remediation that nobody simulated is refused, and it is named', async () => {
    await using direct = new ClusterClient(cluster.address);
    const refused = refuseForeignCluster(direct);
    await expect(refused).rejects.toThrow(/remediationrequests.kubernaut.ai kubernaut-system\/not-ours/);
    await client.delete(`${NAMESPACE}/remediationrequests/not-ours`);
    await refuseForeignCluster(direct);
  });

  test('a cluster that refuses the token ends the play with an error that says so', async () => {
    const address = { ...cluster.address, token: 'wrong' };
    await expect(runSimulator({ cluster: address, count: 1 })).rejects.toThrow(/create namespace.*401/);
  });
}

describe('the simulator on the sandbox', () => {
  describeSimulation(async () => {
    const sandbox = await startSandbox();
    return { address: { url: sandbox.url, token: sandbox.token }, stop: () => sandbox.stop() };
  });
});

describe('the simulator on a real API server', () => {
  describeSimulation(async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'simulator-'));
    const binaries = { apiserver: await resolveServer('kube-apiserver'), etcd: await resolveServer('etcd') };
    const server = await startKubeApiserver({ dataDir, binaries });
    const stop = async (): Promise<void> => {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    };
    return { address: { url: server.url, token: server.token, ca: server.caPem }, stop };
  });
});

test('a cluster that stays away ends the play with an error that names it', async () => {
  const sandbox = await startSandbox();
  await sandbox.stop();
  const client = { url: sandbox.url, token: 'any' };
  await using impatient = new ClusterClient(client, { patienceMs: 300 });
  await expect(impatient.send({ method: 'GET', path: '/version' })).rejects.toThrow(sandbox.url);
});
