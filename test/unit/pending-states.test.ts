import { expect, test } from 'vitest';

import { Backoff } from '../../src/watcher/backoff.ts';
import { Dispatcher } from '../../src/watcher/dispatcher.ts';
import { enqueue } from '../../src/watcher/pending-states.ts';
import type { PendingState } from '../../src/watcher/tracked.ts';
import { newTracked } from '../../src/watcher/tracked.ts';
import { until } from '../support/until.ts';

function stateOf(shows: readonly string[], given: Partial<PendingState> = {}): PendingState {
  const reading = {
    ...{ remediation: { namespace: 'payments', name: 'rr-1', uid: 'rr-uid' }, observations: [], summary: '' },
    ...({ target: undefined, shape: 'G3', unrecognised: [], misshapen: [] } as const),
  };
  return {
    reading,
    shows,
    phase: undefined,
    isFirst: false,
    isDeletion: false,
    isKept: false,
    queuedAtMs: 0,
    ...given,
  };
}

const trackedOf = (uid: string) =>
  newTracked({
    kind: 'AIAnalysis',
    namespace: 'payments',
    name: uid,
    uid,
    createdAt: '2026-11-21T10:00:00Z',
  });

test('a resource is sent while the signal of another one hangs', async () => {
  const sent: string[] = [];
  let letGo = (): void => undefined;
  const hanging = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const dispatcher = new Dispatcher({
    concurrency: 2,
    send: async ({ uid }) => {
      if (uid === 'slow') await hanging;
      sent.push(uid);
    },
    acknowledged: () => undefined,
    failed: () => ({ isAway: true }),
    backoff: new Backoff({ firstMs: 1, longestMs: 1, random: () => 0 }),
    refusedRetryMs: 1,
    coalesced: () => undefined,
  });
  dispatcher.offer(trackedOf('slow'), stateOf(['phase Running']));
  dispatcher.offer(trackedOf('quick'), stateOf(['phase Running']));
  await until(() => sent.length > 0, 'one of them is sent');
  letGo();
  await until(() => sent.length === 2, 'both are sent');
  expect(sent).toEqual(['quick', 'slow']);
  dispatcher.stop();
});

test('a deletion supersedes nothing: of most kinds it says no more than that', () => {
  const pending: PendingState[] = [];
  const last = stateOf(['phase Completed']);
  const deletion = stateOf(['phase Completed'], { isDeletion: true });
  enqueue(pending, last);
  expect(enqueue(pending, deletion)).toBe(0);
  expect(pending).toEqual([last, deletion]);
});
