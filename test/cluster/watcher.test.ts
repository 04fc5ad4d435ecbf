import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { collectionOf } from '../../dev/sandbox/kinds.ts';
import { HOUR_MS } from '../../src/domain/time.ts';
import { until } from '../support/until.ts';
import { FAULTS } from '../support/watcher-faults.ts';
import { PLAIN_REMEDIATION } from '../support/watcher-kinds.ts';
import { WatcherWorld } from '../support/watcher-world.ts';

const NEVER_MS = HOUR_MS;
const PAST = '2026-01-01T00:00:00Z';

/** They end no watch: the watch goes on, with or without what it should have reported. */
const HARMLESS: ReadonlySet<string> = new Set([
  'duplicated',
  'byte-by-byte',
  'lost-event',
  'only-looks',
  'looks-unavailable',
  'older-list',
  'gone-page',
]);

let world: WatcherWorld;

beforeEach(async () => {
  world = await WatcherWorld.create();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const untilReported = (what: string): Promise<void> =>
  until(
    () => world.record.reported.has(what),
    () => `${what} is reported; reported was ${[...world.record.reported].join(', ')}`,
  );
const reportedTimes = (uid: string): number =>
  world.record.taken.filter(({ observation }) => observation.resource?.uid === uid).length;
const metricOf = async (name: string): Promise<number> => {
  const text = await world.metrics.registry.metrics();
  const lines = text.split('\n').filter((line) => line.startsWith(`remediation_audit_${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
};

test('what is there, what changes and what is deleted is reported, over all pages', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) world.create(name, `uid-${name}`);
  world.startWatcher();
  await untilReported('uid-e phase Pending');
  world.setStatus('c', { overallPhase: 'Executing' });
  await untilReported('uid-c phase Executing');
  world.setStatus('c', { overallPhase: 'Completed' });
  world.delete('c');
  await untilReported('uid-c verdict terminal');
  world.delete('a');
  await untilReported('uid-a verdict deleted-before-terminal');
  expect(await world.missedOnRelist()).toBe(0);
});

describe('the watcher recovers from', () => {
  test.each(FAULTS)('%s', async (fault) => {
    for (const name of ['a', 'b', 'c', 'd']) world.create(name, `uid-${name}`);
    world.startWatcher();
    await untilReported('uid-d phase Pending');
    // Beyond its deadline it is asked for by its name, which some faults are about.
    const overdue = { overallPhase: 'Executing', validityDeadline: PAST };
    world.setStatus('c', overdue);
    await untilReported('uid-c phase Executing');
    const endsBefore = await metricOf('watch_ends_total');
    world.faults.start(fault);
    world.setStatus('a', { overallPhase: 'Executing' });
    world.delete('b');
    world.create('e', 'uid-e');
    // Met by the watch, by a probe, or by the list that checks the watch; some faults change nothing that ends one.
    let times = 0;
    await until(() => {
      // A watch that begins after the last change gets no bookmark.
      world.setStatus('c', { ...overdue, times: (times += 1) });
      return world.faults.met > 0;
    }, `${fault} is met`);
    const isEnded = async (): Promise<boolean> =>
      HARMLESS.has(fault) || (await metricOf('watch_ends_total')) > endsBefore;
    await until(isEnded, `${fault} has ended a watch`);
    world.faults.stop();
    await untilReported('uid-a phase Executing');
    await untilReported('uid-b deleted');
    await untilReported('uid-e phase Pending');
    expect(world.record.reported.has('uid-a deleted')).toBe(false);
  });
});

describe('a restarted watcher', () => {
  test('sends nothing again that is recorded, and what ended while it was away', async () => {
    world.create('a', 'uid-a');
    world.create('b', 'uid-b');
    world.startWatcher();
    await untilReported('uid-a phase Pending');
    await untilReported('uid-b phase Pending');
    await world.stopWatchers();
    world.delete('b');
    const before = reportedTimes('uid-a');
    world.startWatcher();
    await untilReported('uid-b deleted');
    expect(reportedTimes('uid-a')).toBe(before);
    const closure = world.record.taken.at(-1)?.observation;
    expect(closure?.columns).toMatchObject({ verdict: 'deleted-before-terminal', final_state_unknown: true });
  });

  test('sends everything again while the database is away', async () => {
    world.create('a', 'uid-a');
    world.startWatcher();
    await untilReported('uid-a phase Pending');
    await world.stopWatchers();
    world.record.databaseAway = true;
    world.startWatcher();
    await until(() => reportedTimes('uid-a') === 2, 'it is sent again');
  });
});

test('what Temporal took and the database never showed is sent again', async () => {
  world.create('a', 'uid-a');
  world.record.losesRuns = true;
  world.startWatcher();
  await untilReported('uid-a phase Pending');
  world.record.losesRuns = false;
  await until(() => world.record.rows.has('uid-a'), 'it is recorded after all');
  expect(await metricOf('states_resent_total')).toBeGreaterThan(0);
});

test('while Temporal is away states are superseded, but no block and no phase that was seen first', async () => {
  world.create('a', 'uid-a');
  world.startWatcher();
  await untilReported('uid-a phase Pending');
  world.record.temporalAway = true;
  const count = 60;
  for (let times = 0; times < count; times += 1) world.setStatus('a', { overallPhase: 'Executing', times });
  world.setStatus('a', { overallPhase: 'Blocked', blockReason: 'ResourceBusy' });
  world.setStatus('a', { overallPhase: 'Blocked', blockReason: 'DuplicateInProgress' });
  world.setStatus('a', { overallPhase: 'Analyzing' });
  world.setStatus('a', { overallPhase: 'Completed' });
  await until(async () => (await metricOf('states_coalesced_total')) > count / 2, 'states are superseded');
  world.record.temporalAway = false;
  await untilReported('uid-a verdict terminal');
  const phases = ['Executing', 'Blocked', 'Analyzing', 'Completed'].map((phase) => `uid-a phase ${phase}`);
  const blocks = ['ResourceBusy', 'DuplicateInProgress'].map((block) => `uid-a block ${block}`);
  expect([...phases, ...blocks].filter((what) => !world.record.reported.has(what))).toEqual([]);
});

test('a change without content is not reported', async () => {
  world.create('a', 'uid-a');
  world.setStatus('a', { overallPhase: 'Pending' });
  world.startWatcher();
  await untilReported('uid-a phase Pending');
  world.setStatus('a', { overallPhase: 'Pending', observedGeneration: 2 });
  world.setStatus('a', { overallPhase: 'Executing' });
  await untilReported('uid-a phase Executing');
  expect(reportedTimes('uid-a')).toBe(2);
});

test('a kind is picked up when it is installed, and its resources end when it is removed', async () => {
  const group = 'remediation.kubernaut.io';
  const kind = {
    ...PLAIN_REMEDIATION,
    served: [...PLAIN_REMEDIATION.served, { group, version: 'v1alpha1' }],
  };
  world.startWatcher({ kinds: [kind] });
  await until(() => world.watcher.isSynced(), 'it is ready without the kind');
  world.sandbox.registerKind({
    ...{ group, version: 'v1alpha1', kind: 'RemediationRequest', listKind: 'RemediationRequestList' },
    ...{ plural: 'remediationrequests', singular: 'remediationrequest', shortNames: [] },
    ...{ namespaced: true, statusSubresource: true },
  });
  const collection = collectionOf({ group, plural: 'remediationrequests' });
  const metadata = {
    name: 'old',
    namespace: 'default',
    uid: 'uid-old',
    resourceVersion: '',
    creationTimestamp: '2026-11-21T10:00:00Z',
  };
  const object = { apiVersion: `${group}/v1alpha1`, kind: 'RemediationRequest', metadata };
  world.sandbox.store.commit({ type: 'ADDED', collection, key: 'default/old', object });
  await untilReported('uid-old phase Pending');
  await world.stopWatchers();
  const response = await fetch(
    `${world.sandbox.url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions/remediationrequests.${group}`,
    {
      method: 'DELETE',
      headers: { authorization: `Bearer ${world.sandbox.token}` },
    },
  );
  expect(response.status).toBe(200);
  world.startWatcher({ kinds: [kind] });
  await untilReported('uid-old deleted');
});

test('two watchers send the same, and each remediation has one verdict', async () => {
  world.startWatcher();
  world.startWatcher();
  world.create('a', 'uid-a');
  await until(() => reportedTimes('uid-a') === 2, 'both have reported it');
  world.setStatus('a', { overallPhase: 'Failed' });
  world.delete('a');
  await untilReported('uid-a deleted');
  const verdicts = world.record.taken
    .map(({ observation }) => observation.columns['verdict'])
    .filter(Boolean);
  expect(new Set(verdicts)).toEqual(new Set(['terminal']));
});

describe('completeness names', () => {
  test('what is recorded, what is open, and what waits', async () => {
    world.create('a', 'uid-a');
    world.create('b', 'uid-b');
    world.setStatus('b', {
      overallPhase: 'Completed',
      retentionExpiryTime: new Date(Date.now() + NEVER_MS).toISOString(),
    });
    world.startWatcher();
    await until(() => world.watcher.completeness().kinds[0]?.recorded === 2, 'both are recorded');
    expect(world.watcher.completeness()).toMatchObject({
      kinds: [{ kind: 'RemediationRequest', seen: 2, open: 1, overdue: 0, waiting: 0 }],
      gaps: [],
      leastRetentionSeconds: undefined,
    });
    world.record.temporalAway = true;
    world.setStatus('b', {
      overallPhase: 'Failed',
      retentionExpiryTime: new Date(Date.now() + NEVER_MS).toISOString(),
    });
    await until(() => world.watcher.completeness().gaps.length === 1, 'the gap is named');
    const { gaps, leastRetentionSeconds = 0 } = world.watcher.completeness();
    expect(gaps).toMatchObject([{ uid: 'uid-b', name: 'b', reason: 'not-sent' }]);
    expect(leastRetentionSeconds).toBeGreaterThan(0);
    expect(leastRetentionSeconds).toBeLessThanOrEqual(NEVER_MS / 1_000);
  });

  test('what cannot be read', async () => {
    world.create('a', 'uid-a');
    world.startWatcher({ kinds: [{ ...PLAIN_REMEDIATION, read: () => ({ unread: 'no-remediation' }) }] });
    await until(() => world.watcher.completeness().gaps.length === 1, 'the gap is named');
    expect(world.watcher.completeness().gaps).toMatchObject([
      { reason: 'cannot-be-read', detail: 'no-remediation' },
    ]);
  });
});
