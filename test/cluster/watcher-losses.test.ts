import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { HOUR_MS } from '../../src/domain/time.ts';
import { until } from '../support/until.ts';
import type { WorldOptions } from '../support/watcher-world.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

const NEVER_MS = HOUR_MS;

let world: WatcherWorld;

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

async function startWorld(options: WorldOptions = {}): Promise<void> {
  world = await WatcherWorld.create(options);
}
const untilReported = (what: string): Promise<void> =>
  until(
    () => world.record.reported.has(what),
    () => `${what} is reported; reported was ${[...world.record.reported].join(', ')}`,
  );
const untilRecorded = (uid: string, verdict: string): Promise<void> =>
  until(
    () =>
      world.record.recorded.some(
        ({ observation: { resource, columns } }) => resource?.uid === uid && columns['verdict'] === verdict,
      ),
    `the verdict ${verdict} of ${uid} is recorded`,
  );
/** The deletions reported of one remediation, as closures. */
const deletionsOf = (uid: string) =>
  world.record.taken.flatMap(({ observation: { resource, columns } }) =>
    resource?.uid === uid && resource.deletedAt !== undefined ? [columns] : [],
  );
async function countOf(name: 'relists' | 'missedOnRelist'): Promise<number> {
  const { values } = await world.metrics.watcher[name].get();
  return values.reduce((sum, { value }) => sum + value, 0);
}
/** Lists that check the watch: each asks first what is recorded. */
async function untilChecked(times: number): Promise<void> {
  const enough = world.record.reads + times;
  await until(() => world.record.reads >= enough, `${times} lists have checked the watch`);
}

describe('while nobody works on what Temporal has', () => {
  beforeEach(() => startWorld({ timing: { recordingGraceMs: NEVER_MS } }));

  test('a deletion is reported once, in the state in which the resource went', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await until(() => world.record.rows.has('uid-a'), 'its beginning is recorded');
    world.record.stopWorking();
    world.setStatus('a', { overallPhase: 'Completed' });
    await untilReported('uid-a phase Completed');
    world.delete('a');
    await untilReported('uid-a deleted');
    await untilChecked(3);
    expect(deletionsOf('uid-a')).toMatchObject([{ verdict: 'terminal' }]);
    world.record.work();
    await until(
      () =>
        world.watcher.completeness().gaps.length === 0 && world.record.rows.get('uid-a')?.deleted === true,
      'its end is recorded',
    );
  });

  test('a part that went with a terminated run is sent again with the next part', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await until(() => world.record.rows.has('uid-a'), 'its beginning is recorded');
    world.record.stopWorking();
    world.setStatus('a', { overallPhase: 'Completed' });
    await untilReported('uid-a verdict terminal');
    world.record.terminateRuns();
    world.record.work();
    // Nothing about its verdict changes.
    const retentionExpiryTime = new Date(Date.now() + NEVER_MS).toISOString();
    world.setStatus('a', { overallPhase: 'Completed', retentionExpiryTime });
    await untilRecorded('uid-a', 'terminal');
  });
});

describe('what Temporal took and the database never showed is sent again', () => {
  beforeEach(() => startWorld());

  test('of a resource that is gone, too, in its last state', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await untilReported('uid-a phase Pending');
    world.record.stopWorking();
    world.setStatus('a', { overallPhase: 'Completed' });
    world.delete('a');
    await untilReported('uid-a deleted');
    world.record.terminateRuns();
    world.record.work();
    await until(() => world.record.rows.get('uid-a')?.deleted === true, 'its end is recorded');
    const recorded = world.record.recorded.filter(({ observation }) => observation.resource?.uid === 'uid-a');
    const phases = recorded.map(({ observation: { columns } }) => columns['overall_phase']);
    expect(phases).toContain('Completed');
    const unknown = recorded.map(({ observation: { columns } }) => columns['final_state_unknown']);
    expect(unknown).not.toContain(true);
  });

  test('of a resource whose status never comes to rest', async () => {
    world.create('a', 'uid-a');
    world.setStatus('a', { overallPhase: 'Pending' });
    world.record.losesRuns = true;
    world.startWatcher();
    await untilReported('uid-a phase Pending');
    world.record.losesRuns = false;
    let observedGeneration = 0;
    await until(async () => {
      world.setStatus('a', { overallPhase: 'Pending', observedGeneration: (observedGeneration += 1) });
      await delay(20);
      return world.record.rows.has('uid-a');
    }, 'it is recorded after all');
  });
});

test('a block that the watch is about to deliver is not hidden by a list that came before', async () => {
  await startWorld({ timing: { reconcileGraceMs: 5_000 } });
  world.create('a', 'uid-a');
  world.startWatcher();
  await untilReported('uid-a phase Pending');
  world.faults.start('watches-unavailable');
  world.setStatus('a', { overallPhase: 'Blocked', blockReason: 'ResourceBusy' });
  world.setStatus('a', { overallPhase: 'Analyzing' });
  await untilChecked(1);
  world.faults.stop();
  await untilReported('uid-a phase Analyzing');
  expect(world.record.reported.has('uid-a block ResourceBusy')).toBe(true);
});

test('a cluster that has none of the kinds answers, and so is not silent', async () => {
  await startWorld({ sandbox: { kinds: [] } });
  world.startWatcher();
  let before = 0;
  await until(() => {
    const now = world.watcher.silentMs();
    const hasAnswered = now < before;
    before = now;
    return hasAnswered;
  }, 'it has answered once more');
});

test('a cluster that was put back while nobody watched is noticed by what is recorded of it', async () => {
  await startWorld();
  world.create('a', 'uid-a');
  world.startWatcher();
  await until(() => world.record.rows.has('uid-a'), 'it is recorded');
  await world.stopWatchers();
  const row = world.record.rows.get('uid-a');
  if (row !== undefined) world.record.rows.set('uid-a', { ...row, sourceVersion: '1000000' });
  world.startWatcher();
  await until(async () => {
    const { values } = await world.metrics.watcher.clusterRestored.get();
    return values.some(({ value }) => value === 1);
  }, 'it alarms');
  await until(() => world.watcher.isSynced(), 'it goes on all the same');
});

test('an end that no watch could deliver, because its list came after it, does not count as missed', async () => {
  await startWorld({ timing: { inactivityMs: NEVER_MS } });
  for (const name of ['a', 'b']) world.create(name, `uid-${name}`);
  world.startWatcher();
  await untilReported('uid-b phase Pending');
  world.faults.start('looks-unavailable');
  world.faults.cutAll();
  world.delete('b');
  world.sandbox.store.compact();
  // Missing from the list that the next watch begins with, and from one that checks the watch; and nobody can say more.
  await until(async () => (await countOf('relists')) > 0, 'it begins with a list');
  await untilChecked(2);
  world.faults.stop();
  await untilReported('uid-b verdict deleted-before-terminal');
  await untilChecked(2);
  expect(await countOf('missedOnRelist')).toBe(0);
});
