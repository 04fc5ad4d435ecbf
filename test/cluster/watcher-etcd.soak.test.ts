import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { HOUR_MS } from '../../src/domain/time.ts';
import type { ApiserverProxy } from '../support/apiserver-proxy.ts';
import { isWatchUrl, startApiserverProxy } from '../support/apiserver-proxy.ts';
import { until } from '../support/until.ts';
import { ApiserverWorld } from '../support/watcher-apiserver.ts';

const DEADLINE_MS = 110_000;
const NEVER_MS = HOUR_MS;
const RETRY_AFTER_SECONDS = 2;
const isPageUrl = (url: string): boolean => url.includes('continue=');
const isListUrl = (url: string): boolean => url.includes('limit=');

// Without the cache in front of it etcd itself answers, and forgets when it is made to.
describe('against an API server whose etcd is killed and compacted, and which is short of time, the watcher', () => {
  let world: ApiserverWorld;
  let proxy: ApiserverProxy;
  let names = 0;

  beforeAll(async () => {
    world = await ApiserverWorld.create(['--watch-cache=false']);
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    proxy = await startApiserverProxy(world.server);
    await world.writeKubeconfig(proxy.port);
  });
  afterEach(async () => {
    await world.stopWatchers();
    await proxy[Symbol.asyncDispose]();
  });

  const untilReported = (what: string): Promise<void> =>
    until(() => world.record.reported.has(what), `${what} is reported`, DEADLINE_MS);
  const newRemediation = async (): Promise<{ name: string; uid: string }> => {
    const name = `rr-${(names += 1)}`;
    return { name, uid: await world.create(name) };
  };
  const answersOf = (status: number, isMeant: (url: string) => boolean) =>
    proxy.passages.filter((passage) => passage.status === status && isMeant(passage.url));

  test('goes on when etcd was killed and started again', async () => {
    const watcher = world.startWatcher();
    const { name, uid } = await newRemediation();
    await untilReported(`${uid} phase Pending`);
    world.server.etcd.signal('SIGKILL');
    await world.server.etcd.exited;
    await until(() => watcher.silentMs() > 4_000, 'the API server has no answer', DEADLINE_MS);
    await world.server.restartEtcd();
    await until(
      () =>
        world.setPhase(name, 'Completed').then(
          () => true,
          () => false,
        ),
      'it takes writes',
      DEADLINE_MS,
    );
    await untilReported(`${uid} verdict terminal`);
    await world.delete(name);
    await untilReported(`${uid} deleted`);
  });

  test('lists anew when the stream says that its version is forgotten', async () => {
    world.startWatcher({ timing: { reconcileMs: NEVER_MS } });
    const [kept, gone] = [await newRemediation(), await newRemediation()];
    await untilReported(`${gone.uid} phase Pending`);
    proxy.intercept = (url) => (isWatchUrl(url) ? { status: 503 } : undefined);
    proxy.cut();
    await world.setPhase(kept.name, 'Executing');
    await world.delete(gone.name);
    await world.compact();
    proxy.intercept = () => undefined;
    await untilReported(`${kept.uid} phase Executing`);
    await untilReported(`${gone.uid} verdict deleted-before-terminal`);
    expect(await world.metricOf('watch_ends_total', 'cause="gone"')).toBeGreaterThan(0);
  });

  test('lists from the first page again when the rest of a list is forgotten', async () => {
    const uids: string[] = [];
    for (let count = 0; count < 5; count += 1) uids.push((await newRemediation()).uid);
    let isHeld = false;
    proxy.intercept = async (url) => {
      if (isHeld || !isPageUrl(url)) return undefined;
      isHeld = true;
      uids.push((await newRemediation()).uid);
      await world.compact();
      return undefined;
    };
    world.startWatcher({ timing: { reconcileMs: NEVER_MS } });
    for (const uid of uids) await untilReported(`${uid} phase Pending`);
    expect(answersOf(410, isPageUrl)).toHaveLength(1);
  });

  test('waits as long as the answer says when there are too many requests', async () => {
    world.startWatcher({ timing: { reconcileMs: NEVER_MS } });
    const { name, uid } = await newRemediation();
    await untilReported(`${uid} phase Pending`);
    proxy.intercept = () => ({ status: 429, headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } });
    proxy.cut();
    await world.setPhase(name, 'Executing');
    await until(() => answersOf(429, () => true).length >= 3, 'it was refused three times', DEADLINE_MS);
    proxy.intercept = () => undefined;
    const times = answersOf(429, () => true).map(({ atMs }) => atMs);
    const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(RETRY_AFTER_SECONDS * 1_000);
    await untilReported(`${uid} phase Executing`);
  });

  test('distinguishes two remediations of one name', async () => {
    const { name, uid } = await newRemediation();
    world.startWatcher();
    await untilReported(`${uid} phase Pending`);
    proxy.intercept = (url) => (isWatchUrl(url) ? { status: 503 } : undefined);
    proxy.cut();
    await world.delete(name);
    const next = await world.create(name);
    await world.setPhase(name, 'Completed');
    proxy.intercept = () => undefined;
    await untilReported(`${uid} verdict deleted-before-terminal`);
    await untilReported(`${next} verdict terminal`);
    expect(world.record.reported.has(`${uid} verdict terminal`)).toBe(false);
    expect(world.record.reported.has(`${next} deleted`)).toBe(false);
  });

  test('reads its token anew when it has expired, also while its watch is still open', async () => {
    await world.writeKubeconfig(proxy.port, await world.newTokenExpiringIn(4));
    world.startWatcher({ timing: { watchTimeoutSeconds: 300, inactivityMs: 300_000, reconcileMs: 1_000 } });
    const { name, uid } = await newRemediation();
    await untilReported(`${uid} phase Pending`);
    await until(() => answersOf(401, isListUrl).length > 0, 'it has expired', DEADLINE_MS);
    await world.writeKubeconfig(proxy.port);
    const refused = answersOf(401, isListUrl).at(-1)?.atMs ?? 0;
    await until(
      () => answersOf(200, isListUrl).some(({ atMs }) => atMs > refused),
      'the new one is in use',
      DEADLINE_MS,
    );
    expect(answersOf(401, isWatchUrl)).toEqual([]);
    await world.setPhase(name, 'Failed');
    await untilReported(`${uid} verdict terminal`);
  });
});
