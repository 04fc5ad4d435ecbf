import { afterEach, expect, test } from 'vitest';

import { HOUR_MS } from '../../src/domain/time.ts';
import { until } from '../support/until.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

const NEVER_MS = HOUR_MS;
const PAST = '2026-01-01T00:00:00Z';

let world: WatcherWorld;

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

/** A remediation whose watch loses what it should deliver from now on, while every list is refused. */
async function startBlind(status: Record<string, unknown>): Promise<void> {
  world = await WatcherWorld.create({ timing: { inactivityMs: NEVER_MS } });
  world.create('a', 'uid-a');
  world.startWatcher();
  await until(() => world.watcher.isSynced(), 'the watch may begin');
  let times = 0;
  await until(async () => {
    world.setStatus('a', { ...status, times: (times += 1) });
    return (await world.metrics.watcher.lastEvent.get()).values.length > 0;
  }, 'the watch has reported something');
  await until(() => world.record.reported.has('uid-a phase Executing'), 'it is reported');
  world.faults.start('only-looks');
}
const untilReported = (what: string): Promise<void> =>
  until(() => world.record.reported.has(what), `${what} is reported`);

test('a resource that is open beyond its deadline is asked for, and its change is not missed', async () => {
  await startBlind({ overallPhase: 'Executing', validityDeadline: PAST });
  world.setStatus('a', { overallPhase: 'Failed', validityDeadline: PAST });
  await untilReported('uid-a verdict terminal');
  await until(async () => (await world.missedOnRelist()) === 1, 'it counts as missed');
});

test('a resource that is soon deleted is asked for, and its deletion is not missed', async () => {
  const retentionExpiryTime = new Date(Date.now() + 1_000).toISOString();
  await startBlind({ overallPhase: 'Executing', retentionExpiryTime });
  world.delete('a');
  await untilReported('uid-a verdict deleted-before-terminal');
});

test('a name that was used again is no sign of life of the one before', async () => {
  await startBlind({ overallPhase: 'Executing', validityDeadline: PAST });
  world.delete('a');
  world.create('a', 'uid-next');
  await untilReported('uid-a verdict deleted-before-terminal');
  await untilReported('uid-next phase Pending');
  expect(world.record.reported.has('uid-next deleted')).toBe(false);
});
