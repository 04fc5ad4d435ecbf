import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { HOUR_MS } from '../../src/domain/time.ts';
import type { DispatcherOptions } from '../../src/watcher/delivery/dispatcher.ts';
import type { WaitingState } from '../../src/watcher/delivery/remediation-queue.ts';
import { StateRefusedError } from '../../src/watcher/delivery/signal-failure.ts';
import { isWaiting } from '../../src/watcher/state/tracked.ts';
import { createDispatcher, stateOf, trackedOf } from '../support/dispatching.ts';
import { until } from '../support/until.ts';

const GATHER_MS = 2_000;
const BRIEF_GATHER_MS = 500;

/** Sends that are taken, as `uid phase` each. */
function takenBy(given: Partial<DispatcherOptions> = {}) {
  const sends: string[][] = [];
  const send: DispatcherOptions['send'] = (those, done) => {
    sends.push(those.map(({ tracked, state }) => `${tracked.uid} ${state.shows.join()}`));
    for (const one of those) done(one);
    return Promise.resolve({ isSignalled: true });
  };
  return { sends, dispatcher: createDispatcher({ send, ...given }) };
}

/** Lets everything happen that needs no time to pass. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await nextTurn();
}

afterEach(() => {
  vi.useRealTimers();
});

test('states that Temporal takes at once leave turns to whatever else waits', async () => {
  const [remediations, preparingMs] = [100, 1];
  let sent = 0;
  const dispatcher = createDispatcher({
    concurrency: 4,
    send: (those, done) => {
      const end = performance.now() + preparingMs;
      while (performance.now() < end);
      sent += 1;
      for (const one of those) done(one);
      return Promise.resolve({ isSignalled: true });
    },
  });
  for (let index = 0; index < remediations; index += 1)
    dispatcher.offer(trackedOf(`uid-${index}`), stateOf([], { remediation: `rr-${index}` }));
  let sentBeforeTheTurn = remediations;
  await nextTurn();
  setImmediate(() => {
    sentBeforeTheTurn = sent;
  });
  await until(() => sent === remediations, 'all states are sent');
  expect(sentBeforeTheTurn).toBeLessThan(remediations);
});

test('a remediation is sent while the signal of another one hangs', async () => {
  const sent: string[] = [];
  const hanging = Promise.withResolvers<undefined>();
  const dispatcher = createDispatcher({
    send: async (those, done) => {
      const [one] = those;
      if (one?.tracked.uid === 'slow') await hanging.promise;
      for (const each of those) done(each);
      sent.push(one?.tracked.uid ?? '');
      return { isSignalled: true };
    },
  });
  dispatcher.offer(trackedOf('slow'), stateOf(['a'], { remediation: 'slow' }));
  dispatcher.offer(trackedOf('quick'), stateOf(['a'], { remediation: 'quick' }));
  await until(() => sent.length > 0, 'one of them is sent');
  hanging.resolve(undefined);
  await until(() => sent.length === 2, 'both are sent');
  expect(sent).toEqual(['quick', 'slow']);
});

test('a dispatcher that is stopped while remediations wait lets its process end', async () => {
  const hanging = Promise.withResolvers<{ isSignalled: boolean }>();
  const dispatcher = createDispatcher({ concurrency: 1, send: () => hanging.promise });
  for (const uid of ['sent', 'waits', 'waits-too'])
    dispatcher.offer(trackedOf(uid), stateOf(['a'], { remediation: uid }));
  await turns();
  dispatcher.stop();
  hanging.resolve({ isSignalled: true });
  // Whatever goes on from turn to turn of the event loop keeps a process alive, and one of its processors busy. It is seen
  // between the turns, when a timer fires.
  const isQuiet = async (): Promise<boolean> => {
    await delay(1);
    return !process.getActiveResourcesInfo().includes('Immediate');
  };
  await until(isQuiet, 'nothing goes on');
});

describe('gathering', () => {
  test('what is seen together of one remediation goes together, whatever resource it is of, in its order', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { sends, dispatcher } = takenBy({ gatherMs: GATHER_MS });
    const [one, other] = [trackedOf('one'), trackedOf('other')];
    dispatcher.offer(one, stateOf(['a']));
    vi.advanceTimersByTime(1);
    dispatcher.offer(other, stateOf(['b']));
    dispatcher.offer(trackedOf('stranger'), stateOf(['x'], { remediation: 'another' }));
    vi.advanceTimersByTime(1);
    dispatcher.offer(one, stateOf(['c']));
    await turns();
    expect(sends).toEqual([['one a', 'other b', 'one c'], ['stranger x']]);
  });

  test('an isolated change waits for nothing, and what follows it waits for the gather time', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { sends, dispatcher } = takenBy({ gatherMs: GATHER_MS });
    const one = trackedOf('one');
    dispatcher.offer(one, stateOf(['a']));
    await turns();
    expect(sends).toEqual([['one a']]);
    vi.advanceTimersByTime(500);
    dispatcher.offer(one, stateOf(['b']));
    vi.advanceTimersByTime(1_000);
    dispatcher.offer(one, stateOf(['c']));
    await turns();
    expect(sends).toHaveLength(1);
    expect(dispatcher.depth).toBe(1);
    vi.advanceTimersByTime(500);
    await turns();
    expect(sends).toEqual([['one a'], ['one b', 'one c']]);
    expect(dispatcher.depth).toBe(0);
    vi.advanceTimersByTime(GATHER_MS);
    dispatcher.offer(one, stateOf(['d']));
    await turns();
    expect(sends.at(-1)).toEqual(['one d']);
  });

  test('something urgent takes with it at once what waits before it', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { sends, dispatcher } = takenBy({ gatherMs: GATHER_MS });
    const one = trackedOf('one');
    dispatcher.offer(one, stateOf(['a']));
    await turns();
    dispatcher.offer(one, stateOf(['b']));
    dispatcher.offer(trackedOf('other'), stateOf(['end'], { isDueSoon: true }));
    await turns();
    expect(sends).toEqual([['one a'], ['one b', 'other end']]);
  });

  test('states that follow each other closely go together, also urgent ones, and a brief time after the first', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { sends, dispatcher } = takenBy({ gatherMs: GATHER_MS, briefGatherMs: BRIEF_GATHER_MS });
    const [one, other] = [trackedOf('one'), trackedOf('other')];
    dispatcher.offer(one, stateOf(['a']));
    vi.advanceTimersByTime(BRIEF_GATHER_MS - 1);
    dispatcher.offer(one, stateOf(['end'], { isDueSoon: true }));
    await turns();
    expect(sends).toEqual([]);
    vi.advanceTimersByTime(1);
    await turns();
    expect(sends).toEqual([['one a', 'one end']]);
    dispatcher.offer(other, stateOf(['b'], { isDueSoon: true }));
    vi.advanceTimersByTime(BRIEF_GATHER_MS - 1);
    dispatcher.offer(other, stateOf(['c'], { isDueSoon: true }));
    await turns();
    expect(sends).toHaveLength(1);
    vi.advanceTimersByTime(1);
    await turns();
    expect(sends.slice(1)).toEqual([['other b', 'other c']]);
  });

  test('a deletion waits for nothing and takes with it what waits', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { sends, dispatcher } = takenBy({ gatherMs: GATHER_MS, briefGatherMs: BRIEF_GATHER_MS });
    dispatcher.offer(trackedOf('one'), stateOf(['end'], { isDueSoon: true }));
    dispatcher.offer(trackedOf('gone'), stateOf(['deleted'], { isDueSoon: true, isDeletion: true }));
    await turns();
    expect(sends).toEqual([['one end', 'gone deleted']]);
  });

  test('while the first lists are read even the first state waits for what belongs to it', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
    const { sends, dispatcher } = takenBy({ gatherMs: GATHER_MS, sync: { isSynced: false } });
    dispatcher.offer(trackedOf('one'), stateOf(['a']));
    await turns();
    vi.advanceTimersByTime(GATHER_MS / 2);
    dispatcher.offer(trackedOf('other'), stateOf(['b']));
    await turns();
    expect(sends).toEqual([]);
    vi.advanceTimersByTime(GATHER_MS / 2);
    await turns();
    expect(sends).toEqual([['one a', 'other b']]);
  });

  test('a watcher that ends sends what gathers, once', async () => {
    const { sends, dispatcher } = takenBy({ gatherMs: HOUR_MS });
    const one = trackedOf('one');
    dispatcher.offer(one, stateOf(['a']));
    await until(() => sends.length === 1, 'the first state is sent');
    dispatcher.offer(one, stateOf(['b']));
    await dispatcher.drain(10_000);
    dispatcher.stop();
    expect(sends).toEqual([['one a'], ['one b']]);
  });
});

describe('what Temporal refuses', () => {
  test('of one remediation waits, and the others go on', async () => {
    const refused = Promise.withResolvers<undefined>();
    let isRefusing = true;
    const sent: string[] = [];
    const dispatcher = createDispatcher({
      send: (those: readonly WaitingState[], done) => {
        if (isRefusing && those[0]?.tracked.uid === 'bad') {
          refused.resolve(undefined);
          return Promise.reject(new Error('no'));
        }
        for (const one of those) done(one);
        sent.push(...those.map(({ tracked, state }) => `${tracked.uid} ${state.shows.join()}`));
        return Promise.resolve({ isSignalled: true });
      },
    });
    const bad = trackedOf('bad');
    dispatcher.offer(bad, stateOf(['a'], { remediation: 'bad' }));
    await refused.promise;
    dispatcher.offer(bad, stateOf(['b'], { remediation: 'bad' }));
    dispatcher.offer(trackedOf('good'), stateOf(['a']));
    await until(() => sent.includes('good a'), 'the other remediation is sent');
    expect(isWaiting(bad)).toBe(true);
    isRefusing = false;
    await until(() => sent.includes('bad b'), 'it is sent after all');
    expect(sent).toEqual(['good a', 'bad a', 'bad b']);
    expect(dispatcher.depth).toBe(0);
  });

  test('of one resource waits, and the rest of its remediation goes on', async () => {
    const sent: string[] = [];
    let isRefusing = true;
    const dispatcher = createDispatcher({
      send: (those, done) => {
        const taken = those.filter(({ tracked }) => !isRefusing || tracked.uid !== 'bad');
        for (const one of taken) done(one);
        sent.push(...taken.map(({ tracked, state }) => `${tracked.uid} ${state.shows.join()}`));
        const refused = those.filter((one) => !taken.includes(one)).map(({ tracked }) => tracked);
        return refused.length === 0
          ? Promise.resolve({ isSignalled: true })
          : Promise.reject(new StateRefusedError(refused, new Error('no')));
      },
    });
    const good = trackedOf('good');
    dispatcher.offer(trackedOf('bad'), stateOf(['a']));
    dispatcher.offer(good, stateOf(['a']));
    await until(() => sent.length === 1, 'the other one is sent');
    dispatcher.offer(good, stateOf(['b']));
    await until(() => sent.includes('good b'), 'it goes on');
    isRefusing = false;
    await until(() => sent.includes('bad a'), 'the refused one is sent after all');
    expect(sent).toEqual(['good a', 'good b', 'bad a']);
  });
});
