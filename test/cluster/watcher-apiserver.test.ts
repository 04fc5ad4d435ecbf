import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { FaultyProxy } from '../support/faulty-proxy.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { until } from '../support/until.ts';
import { ApiserverWorld } from '../support/watcher-apiserver.ts';

const DEADLINE_MS = 60_000;
const DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/remediationrequests.kubernaut.ai';

describe('against a real API server, with the rights of deploy/rbac.yaml, the watcher tells everything', () => {
  let world: ApiserverWorld;
  let names = 0;

  beforeAll(async () => {
    world = await ApiserverWorld.create();
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await world.writeKubeconfig();
  });
  afterEach(async () => {
    await world.stopWatchers();
  });

  const untilTold = (what: string): Promise<void> =>
    until(() => world.record.told.has(what), `${what} is told`, DEADLINE_MS);
  const newRemediation = async (): Promise<{ name: string; uid: string }> => {
    const name = `rr-${(names += 1)}`;
    return { name, uid: await world.create(name) };
  };

  /** A remediation from its beginning to its end, after whatever the test did. */
  const playOne = async (): Promise<void> => {
    const { name, uid } = await newRemediation();
    await untilTold(`${uid} phase Pending`);
    await world.setPhase(name, 'Completed');
    await untilTold(`${uid} verdict terminal`);
    await world.delete(name);
    await untilTold(`${uid} deleted`);
  };

  test('that happens in front of it', async () => {
    world.startWatcher();
    await playOne();
    expect(await world.metricOf('missed_on_relist_total')).toBe(0);
  });

  test('after the API server was killed and started again', async () => {
    world.startWatcher();
    const { name, uid } = await newRemediation();
    await untilTold(`${uid} phase Pending`);
    const { apiserver } = world.server;
    apiserver.signal('SIGKILL');
    await apiserver.exited;
    await world.server.restartApiserver();
    await world.setPhase(name, 'Executing');
    await untilTold(`${uid} phase Executing`);
    await playOne();
  });

  test('after the API server was stopped for longer than a stream may be silent', async () => {
    const watcher = world.startWatcher();
    await until(() => watcher.isSynced(), 'it is ready', DEADLINE_MS);
    world.server.apiserver.signal('SIGSTOP');
    try {
      await until(() => watcher.silentMs() > 4_000, 'the API server is silent', DEADLINE_MS);
    } finally {
      world.server.apiserver.signal('SIGCONT');
    }
    await playOne();
  });

  test('after its connections froze half-open, were refused, and came back', async () => {
    const port = Number(new URL(world.server.url).port);
    await using proxy: FaultyProxy = await startFaultyProxy(port);
    await world.writeKubeconfig(proxy.port);
    const watcher = world.startWatcher();
    await until(() => watcher.isSynced(), 'it is ready', DEADLINE_MS);
    proxy.freeze();
    const { name, uid } = await newRemediation();
    await until(() => watcher.silentMs() > 4_000, 'nothing passes', DEADLINE_MS);
    proxy.reset();
    proxy.thaw();
    await untilTold(`${uid} phase Pending`);
    proxy.reset();
    await world.setPhase(name, 'Failed');
    await untilTold(`${uid} verdict terminal`);
  });

  test('after its token was replaced and the certificate of the server changed', async () => {
    world.startWatcher();
    await playOne();
    await world.restart();
    await world.writeKubeconfig();
    await playOne();
  });

  test('of a kind that is removed and installed again', async () => {
    world.startWatcher();
    const { uid } = await newRemediation();
    await untilTold(`${uid} phase Pending`);
    await world.send('DELETE', DEFINITION);
    await untilTold(`${uid} verdict deleted-before-terminal`);
    await world.reinstallKind();
    await playOne();
  });

  test('after etcd was put back to an older copy: it alarms, and goes on under the epoch an operator gives', async () => {
    const { uid: kept } = await newRemediation();
    const copy = await world.backup();
    await world.writeKubeconfig();
    world.startWatcher();
    await untilTold(`${kept} phase Pending`);
    const lost: string[] = [];
    for (let count = 0; count < 5; count += 1) lost.push((await newRemediation()).uid);
    await untilTold(`${lost.at(-1) ?? ''} phase Pending`);
    await world.restart(copy);
    await world.writeKubeconfig();
    await until(async () => (await world.metricOf('cluster_restored')) === 1, 'it alarms', DEADLINE_MS);
    for (const uid of lost) await untilTold(`${uid} deleted`);
    world.record.epochValue = 1n;
    await until(
      async () => (await world.metricOf('cluster_restored')) === 0,
      'the epoch is read',
      DEADLINE_MS,
    );
    await playOne();
    expect(BigInt(world.record.taken.at(-1)?.observation.sourceVersion ?? 0)).toBeGreaterThan(10n ** 15n);
  });
});
