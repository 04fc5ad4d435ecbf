import { expect, test } from 'vitest';

import { Backoff } from '../../src/watcher/backoff.ts';
import { Dispatcher } from '../../src/watcher/dispatcher.ts';
import type { PendingState } from '../../src/watcher/tracked.ts';
import { newTracked } from '../../src/watcher/tracked.ts';
import { until } from '../support/until.ts';

const STATES = 100;
const PREPARING_MS = 1;

const STATE: PendingState = {
  reading: {
    remediation: { namespace: 'default', name: 'rr', uid: 'rr-uid' },
    ...{ observations: [], summary: 'rr', target: undefined, shape: 'G3', unrecognised: [], misshapen: [] },
  },
  ...{ phase: 'Pending', shows: [], isFirst: true, isDeletion: false, isKept: false, queuedAtMs: 0 },
};

function work(durationMs: number): void {
  const end = performance.now() + durationMs;
  while (performance.now() < end);
}

test('states that Temporal takes at once leave turns to whatever else waits', async () => {
  let sent = 0;
  const dispatcher = new Dispatcher({
    concurrency: 4,
    send: () => {
      work(PREPARING_MS);
      sent += 1;
      return Promise.resolve();
    },
    acknowledged: () => undefined,
    failed: () => ({ isAway: false }),
    backoff: new Backoff({ firstMs: 1, longestMs: 1, random: Math.random }),
    refusedRetryMs: 1,
    coalesced: () => undefined,
  });
  for (let index = 0; index < STATES; index += 1) {
    const uid = `uid-${index}`;
    dispatcher.offer(
      newTracked({ kind: 'RemediationRequest', namespace: 'default', name: uid, uid, createdAt: '' }),
      STATE,
    );
  }
  let sentBeforeTheTurn = STATES;
  setImmediate(() => {
    sentBeforeTheTurn = sent;
  });
  await until(() => sent === STATES, 'all states are sent');
  expect(sentBeforeTheTurn).toBeLessThan(STATES);
});
