import type { ServerResponse } from 'node:http';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { FINALIZER } from '../../src/watcher/strict/finalizer.ts';
import { StrictWorld } from '../support/strict-world.ts';
import { until } from '../support/until.ts';
import type { WorldOptions } from '../support/watcher-world.ts';

const COLLECTION = '/apis/kubernaut.ai/v1alpha1/namespaces/default/remediationrequests';

let world: StrictWorld;

beforeEach(async () => {
  world = await StrictWorld.create();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const startAnew = async (options: WorldOptions): Promise<void> => {
  await world[Symbol.asyncDispose]();
  world = await StrictWorld.create(options);
};
const untilReported = (what: string): Promise<void> =>
  until(
    () => world.record.reported.has(what),
    () => `${what} is reported; reported was ${[...world.record.reported].join(', ')}`,
  );
const untilHeld = (name: string): Promise<void> => until(() => world.isHeld(name), `${name} is held`);
const untilReleased = (name: string): Promise<void> =>
  until(() => world.find(name) !== undefined && !world.isHeld(name), `${name} is released`);
const untilGone = (name: string): Promise<void> =>
  until(() => world.find(name) === undefined, `${name} is gone`);
/** Several rounds of everything the watcher does by itself. */
const untilSettled = async (): Promise<void> => {
  const reads = world.record.reads + 3;
  await until(() => world.record.reads >= reads, 'the watch was checked three times');
};
const refuse =
  (code: number) =>
  (response: ServerResponse): void => {
    const message = `${code} it says`;
    response.writeHead(code).end(JSON.stringify({ kind: 'Status', code, message, reason: 'Refused' }));
  };

describe('strict mode', () => {
  test('holds a remediation from its first observation until its end is reported, and then leaves it alone', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await untilHeld('a');
    world.setStatus('a', { overallPhase: 'Executing' });
    await untilReported('uid-a phase Executing');
    expect(world.isHeld('a')).toBe(true);
    world.setStatus('a', { overallPhase: 'Completed' });
    await untilReleased('a');
    expect(world.record.reported).toContain('uid-a verdict terminal');
    const writes = world.patches.length;
    world.setStatus('a', { overallPhase: 'Completed', retentionExpiryTime: '2026-11-23T10:00:00Z' });
    await untilSettled();
    expect(world.patches).toHaveLength(writes);
    expect(writes).toBe(2);
    world.delete('a');
    await untilReported('uid-a deleted');
    expect(world.early).toEqual([]);
  });

  test('sends the end of a deleted remediation while it holds it, and lets it go then', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await untilHeld('a');
    world.delete('a');
    await untilGone('a');
    await untilSettled();
    expect(world.record.reported).toContain('uid-a verdict deleted-before-terminal');
    expect(world.early).toEqual([]);
    const closures = world.record.taken.filter(({ observation }) => observation.phase === 'closure');
    expect(closures).toHaveLength(1);
    expect(closures[0]?.observation.columns).toMatchObject({ final_state_unknown: false });
    expect(world.watcher.completeness().kinds).toMatchObject([{ seen: 0 }]);
  });

  test.each(['Executing', 'Completed'])(
    'loses no remediation that is deleted as %s while Temporal is away, whatever becomes of the watcher',
    async (overallPhase) => {
      world.create('a', 'uid-a');
      world.startWatcher();
      await untilHeld('a');
      world.record.temporalAway = true;
      world.setStatus('a', { overallPhase });
      world.delete('a');
      await until(
        () => world.linesAbout('sending a signal to Temporal failed: it is tried again', 'warn').length > 0,
        'Temporal is missed',
      );
      await untilSettled();
      await world.stopWatchers();
      expect(world.isHeld('a')).toBe(true);
      world.startWatcher();
      await untilSettled();
      expect(world.isHeld('a')).toBe(true);
      world.record.temporalAway = false;
      await untilGone('a');
      const verdict = overallPhase === 'Completed' ? 'terminal' : 'deleted-before-terminal';
      expect(world.record.reported).toContain(`uid-a verdict ${verdict}`);
      expect(world.record.reported).toContain(`uid-a phase ${overallPhase}`);
      expect(world.early).toEqual([]);
    },
  );

  test('heals a kill between what Temporal took and the release', async () => {
    world.create('a', 'uid-a');
    world.create('b', 'uid-b');
    world.startWatcher();
    await untilHeld('a');
    await untilHeld('b');
    world.patchFault = (response) => response.destroy();
    world.setStatus('a', { overallPhase: 'Failed' });
    world.delete('b');
    await untilReported('uid-a verdict terminal');
    await untilReported('uid-b deleted');
    await world.stopWatchers();
    expect([world.isHeld('a'), world.isHeld('b')]).toEqual([true, true]);
    world.patchFault = undefined;
    world.startWatcher();
    await untilReleased('a');
    await untilGone('b');
  });

  test('lets a deleted remediation go at its deadline, counts it, names it, and sends its end later', async () => {
    await startAnew({ strict: { kinds: ['RemediationRequest'], holdMs: 400 } });
    world.create('a', 'uid-a');
    world.create('open', 'uid-open');
    world.startWatcher();
    await untilHeld('a');
    await untilHeld('open');
    world.record.temporalAway = true;
    world.setStatus('a', { overallPhase: 'Executing' });
    world.setStatus('open', { overallPhase: 'Executing' });
    const deletedAt = Date.now();
    world.delete('a');
    await untilGone('a');
    expect(Date.now() - deletedAt).toBeGreaterThanOrEqual(399);
    await until(() => world.linesAbout('deadline').length === 1, 'it is named');
    expect(world.linesAbout('deadline')).toMatchObject([{ namespace: 'default', name: 'a', uid: 'uid-a' }]);
    expect(await world.metricOf('unrecorded_releases_total')).toBe(1);
    expect(world.isHeld('open')).toBe(true);
    world.record.temporalAway = false;
    await untilReported('uid-a verdict deleted-before-terminal');
    await untilReported('uid-a phase Executing');
  });

  test('tries to send first when a deadline has passed while nothing ran', async () => {
    await startAnew({ strict: { kinds: ['RemediationRequest'], holdMs: 400 } });
    world.create('a', 'uid-a');
    world.startWatcher();
    await untilHeld('a');
    await world.stopWatchers();
    const deletedAt = Date.now();
    world.delete('a');
    await until(() => Date.now() - deletedAt > 500, 'the deadline has passed');
    world.startWatcher();
    await untilGone('a');
    expect(world.early).toEqual([]);
    expect(await world.metricOf('unrecorded_releases_total')).toBe(0);
  });

  test('writes nothing to what was deleted before it could be held', async () => {
    const foreign = ['kubernaut.ai/finalizer'];
    world.create('a', 'uid-a');
    await patch('a', { metadata: { finalizers: foreign } });
    world.delete('a');
    world.patches.length = 0;
    world.startWatcher();
    await untilReported('uid-a phase Pending');
    await untilSettled();
    expect(world.patches).toEqual([]);
    await patch('a', { metadata: { finalizers: null } });
    await untilReported('uid-a verdict deleted-before-terminal');
  });

  test('lets go of what others still hold, and leaves them theirs', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await untilHeld('a');
    await patch('a', { metadata: { finalizers: [FINALIZER, 'kubernaut.ai/finalizer'] } });
    world.delete('a');
    await untilReleased('a');
    expect(world.find('a')?.metadata.finalizers).toEqual(['kubernaut.ai/finalizer']);
    await until(() => world.record.rows.get('uid-a')?.deleted === true, 'its end is recorded');
    await untilSettled();
    expect(world.watcher.completeness().gaps).toEqual([]);
    await patch('a', { metadata: { finalizers: null } });
    await untilGone('a');
    await untilSettled();
    expect(world.record.reported.has('uid-a verdict terminal')).toBe(false);
  });

  test('releases also what somebody else owns with it, as after a restore', async () => {
    world.create('a', 'uid-a');
    await patch('a', { metadata: { finalizers: [FINALIZER, 'example.com/other'] } });
    world.startWatcher();
    await untilReported('uid-a phase Pending');
    world.setStatus('a', { overallPhase: 'Completed' });
    await untilReleased('a');
    expect(world.find('a')?.metadata.finalizers).toEqual(['example.com/other']);
  });

  test('does not put back what somebody took away', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await untilHeld('a');
    await patch('a', { metadata: { finalizers: null } });
    await untilSettled();
    world.setStatus('a', { overallPhase: 'Executing' });
    await untilReported('uid-a phase Executing');
    await untilSettled();
    expect(world.isHeld('a')).toBe(false);
  });

  test('says which right is missing and what grants it, sends all the same, and holds once it is granted', async () => {
    world.patchFault = refuse(403);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) world.create(name, `uid-${name}`);
    world.startWatcher();
    await untilReported('uid-f phase Pending');
    await until(() => world.linesAbout('may not patch').length > 0, 'the right is named');
    const right = { verb: 'patch', group: 'kubernaut.ai', resource: 'remediationrequests' };
    expect(world.linesAbout('may not patch')).toMatchObject([right]);
    expect(world.linesAbout('may not patch')[0]?.['reason']).toContain('403');
    expect(world.linesAbout('may not patch')[0]?.['msg']).toContain('deploy/rbac-strict.yaml');
    expect(await world.metricOf('strict_rights_missing')).toBe(1);
    world.setStatus('a', { overallPhase: 'Executing' });
    await untilReported('uid-a phase Executing');
    world.patchFault = undefined;
    await untilHeld('f');
    await until(async () => (await world.metricOf('strict_rights_missing')) === 0, 'no right is missing');
  });

  test('keeps neither the watch nor the signals waiting for its writes', async () => {
    world.patchFault = () => undefined;
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) world.create(name, `uid-${name}`);
    world.startWatcher();
    await until(() => world.patches.length > 0, 'a write hangs');
    world.setStatus('f', { overallPhase: 'Executing' });
    await untilReported('uid-f phase Executing');
    world.delete('e');
    await untilReported('uid-e deleted');
    world.patchFault = undefined;
    await untilHeld('f');
  });

  test('holds an ended remediation only when Temporal has been away for long', async () => {
    world.create('a', 'uid-a');
    world.setStatus('a', { overallPhase: 'Completed' });
    world.startWatcher();
    await untilReported('uid-a verdict terminal');
    await untilSettled();
    expect(world.patches).toEqual([]);
    world.record.temporalAway = true;
    world.create('b', 'uid-b');
    world.setStatus('b', { overallPhase: 'Failed' });
    await untilHeld('b');
    world.delete('b');
    await untilSettled();
    expect(world.isHeld('b')).toBe(true);
    world.record.temporalAway = false;
    await untilGone('b');
    expect(world.record.reported).toContain('uid-b verdict terminal');
  });
});

describe('without strict mode', () => {
  test('nothing is written, and a finalizer that was left behind is named with its remedy', async () => {
    world.create('a', 'uid-a');
    await patch('a', { metadata: { finalizers: [FINALIZER] } });
    world.patches.length = 0;
    world.startWatcher({ strict: undefined });
    await untilReported('uid-a phase Pending');
    world.setStatus('a', { overallPhase: 'Completed' });
    await untilReported('uid-a verdict terminal');
    await untilSettled();
    expect(world.patches).toEqual([]);
    expect(world.linesAbout('strict uninstall')).toMatchObject([{ namespace: 'default', name: 'a' }]);
  });
});

async function patch(name: string, body: object): Promise<void> {
  const answer = await fetch(`${world.sandbox.url}${COLLECTION}/${name}`, {
    method: 'PATCH',
    headers: {
      authorization: `Bearer ${world.sandbox.token}`,
      'content-type': 'application/merge-patch+json',
    },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBe(200);
}
