import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import type { FaultyProxy } from '../support/faulty-proxy.ts';
import { startFaultyProxy } from '../support/faulty-proxy.ts';
import { until } from '../support/until.ts';
import { ApiserverWorld } from '../support/watcher-apiserver.ts';

const DEADLINE_MS = 110_000;
const DEFINITION = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/remediationrequests.kubernaut.ai';

describe('against a real API server, with the rights of deploy/rbac.yaml, the watcher sends everything', () => {
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

  const untilReported = (what: string): Promise<void> =>
    until(() => world.record.reported.has(what), `${what} is reported`, DEADLINE_MS);
  const newRemediation = async (): Promise<{ name: string; uid: string }> => {
    const name = `rr-${(names += 1)}`;
    return { name, uid: await world.create(name) };
  };

  const untilAlarmIs = (value: number): Promise<void> =>
    until(
      async () => (await world.metricOf('cluster_restored')) === value,
      `the alarm is ${value}`,
      DEADLINE_MS,
    );
  /** As an operator does by `remediation-audit cluster restored`. */
  const confirmRestore = async (): Promise<bigint> => {
    world.record.epochValue += 1n;
    await untilAlarmIs(0);
    return world.record.epochValue;
  };

  /** A remediation from its beginning to its end, after whatever the test did. */
  const playOne = async (): Promise<void> => {
    const { name, uid } = await newRemediation();
    await untilReported(`${uid} phase Pending`);
    await world.setPhase(name, 'Completed');
    await untilReported(`${uid} verdict terminal`);
    await world.delete(name);
    await untilReported(`${uid} deleted`);
  };

  test('that happens in front of it', async () => {
    world.startWatcher();
    await playOne();
    expect(await world.metricOf('missed_on_relist_total')).toBe(0);
  });

  test('after the API server was killed and started again', async () => {
    world.startWatcher();
    const { name, uid } = await newRemediation();
    await untilReported(`${uid} phase Pending`);
    const { apiserver } = world.server;
    apiserver.signal('SIGKILL');
    await apiserver.exited;
    await world.server.restartApiserver();
    await world.setPhase(name, 'Executing');
    await untilReported(`${uid} phase Executing`);
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
    await untilReported(`${uid} phase Pending`);
    proxy.reset();
    await world.setPhase(name, 'Failed');
    await untilReported(`${uid} verdict terminal`);
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
    await untilReported(`${uid} phase Pending`);
    await world.send('DELETE', DEFINITION);
    await untilReported(`${uid} verdict deleted-before-terminal`);
    await world.reinstallKind();
    await playOne();
  });

  test('of a cluster that was put back and has caught up before anybody looked again', async () => {
    await using proxy: FaultyProxy = await startFaultyProxy(Number(new URL(world.server.url).port));
    const { name, uid } = await newRemediation();
    const copy = await world.backup();
    await world.writeKubeconfig(proxy.port);
    const watcher = world.startWatcher();
    await untilReported(`${uid} phase Pending`);
    await world.setPhase(name, 'Completed');
    await untilReported(`${uid} verdict terminal`);
    proxy.freeze();
    await world.restart(copy);
    await world.writeKubeconfig(proxy.port);
    const since: string[] = [];
    for (let count = 0; count < 30; count += 1) since.push((await newRemediation()).uid);
    expect(watcher.isSynced()).toBe(true);
    proxy.reset();
    proxy.thaw();
    for (const one of since) await untilReported(`${one} phase Pending`);
    await untilAlarmIs(1);
    await confirmRestore();
  });

  test('after etcd was put back to an older copy: it alarms, and goes on under the epoch an operator gives', async () => {
    const { uid: kept } = await newRemediation();
    const copy = await world.backup();
    await world.writeKubeconfig();
    world.startWatcher();
    await untilReported(`${kept} phase Pending`);
    const lost: string[] = [];
    for (let count = 0; count < 5; count += 1) lost.push((await newRemediation()).uid);
    await untilReported(`${lost.at(-1) ?? ''} phase Pending`);
    await world.restart(copy);
    await world.writeKubeconfig();
    await untilAlarmIs(1);
    for (const uid of lost) await untilReported(`${uid} deleted`);
    const epoch = await confirmRestore();
    await playOne();
    const { sourceVersion = '0' } = world.record.taken.at(-1)?.observation ?? {};
    expect(BigInt(sourceVersion)).toBeGreaterThan(epoch * 10n ** 15n);
  });
});
