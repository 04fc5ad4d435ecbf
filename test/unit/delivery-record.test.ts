import fc from 'fast-check';
import { expect, test } from 'vitest';

import {
  enqueueState,
  finishSending,
  forgetSent,
  observationSent,
  putBack,
  startSending,
  stateRecorded,
  stateSent,
} from '../../src/watcher/delivery/delivery-record.ts';
import { markOf } from '../../src/watcher/delivery/sent-observations.ts';
import { isRecorded, isSent, isWaiting } from '../../src/watcher/state/tracked.ts';
import { stateOf, trackedOf } from '../support/dispatching.ts';

const STEPS = ['observe', 'start', 'fail', 'finish'] as const;

test('the states of a resource stay in the order they were observed, whatever is sent, fails or is sent again', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...STEPS), { maxLength: 60, size: 'max' }), (steps) => {
      const tracked = trackedOf('uid');
      const finished: number[] = [];
      let observed = 0;
      for (const step of steps) {
        const [next, first] = [tracked.delivery.pending[0], tracked.delivery.sending[0]];
        if (step === 'observe') {
          observed += 1;
          enqueueState(tracked, stateOf([`phase ${observed}`], { isFirst: true, queuedAtMs: observed }), {});
        } else if (step === 'start' && next !== undefined) startSending(tracked, next);
        else if (step === 'fail')
          for (const state of tracked.delivery.sending.toReversed()) putBack(tracked, state);
        else if (step === 'finish' && first !== undefined) {
          finished.push(first.queuedAtMs);
          finishSending(tracked, first);
        }
        const { pending, sending } = tracked.delivery;
        const order = [...finished, ...[...sending, ...pending].map(({ queuedAtMs }) => queuedAtMs)];
        expect(order).toEqual(Array.from({ length: observed }, (_, index) => index + 1));
        expect(isWaiting(tracked)).toBe(finished.length < observed);
      }
    }),
  );
});

test('a state is recorded when the database shows the hash that was sent, and not any more when that may be lost', () => {
  const tracked = trackedOf('uid');
  observationSent(tracked, { mark: markOf('row', 'a') }, 'run-1');
  stateSent(tracked, 'state-a');
  expect([isSent(tracked), isRecorded(tracked)]).toEqual([true, false]);
  stateRecorded(tracked, 'state-a');
  expect(isRecorded(tracked)).toBe(true);
  forgetSent(tracked);
  expect([isSent(tracked), isRecorded(tracked), tracked.delivery.sent]).toEqual([false, false, '']);
  // Which run took it stays known: a signal that opens another one shows that the first was lost.
  expect(tracked.delivery.sentToRun).toBe('run-1');
});
