import { describe, expect, test } from 'vitest';

import type { PendingState } from '../../src/watcher/delivery/pending-states.ts';
import { enqueue } from '../../src/watcher/delivery/pending-states.ts';
import { stateOf } from '../support/dispatching.ts';

const running = (given: Partial<PendingState> = {}): PendingState => stateOf(['phase Running'], given);

test('a deletion supersedes nothing: of most kinds it says no more than that', () => {
  const pending: PendingState[] = [];
  const last = stateOf(['phase Completed']);
  const deletion = stateOf(['phase Completed'], { isDeletion: true });
  enqueue(pending, last, { isOverloaded: true });
  expect(enqueue(pending, deletion, { isOverloaded: true })).toBe(0);
  expect(pending).toEqual([last, deletion]);
});

test('twenty states of a resource wait each by itself, and of more the newest supersedes the one before', () => {
  const pending: PendingState[] = [];
  const states = Array.from({ length: 25 }, (_, index) => running({ queuedAtMs: index }));
  const superseded = states.map((state) => enqueue(pending, state));
  expect(superseded).toEqual([...Array.from({ length: 20 }, () => 0), 1, 1, 1, 1, 1]);
  expect(pending.map(({ queuedAtMs }) => queuedAtMs)).toEqual([...Array(19).keys(), 24]);
});

test('where much waits even the second state supersedes the first', () => {
  const pending = [running({ queuedAtMs: 1 })];
  expect(enqueue(pending, running({ queuedAtMs: 2 }), { isOverloaded: true })).toBe(1);
  expect(pending).toMatchObject([{ queuedAtMs: 2 }]);
});

describe('of a resource that flaps', () => {
  const flapping = { coalesceMs: 60_000, isChange: true };

  test('the newest state stands for those before it, and is due when the first of them says', () => {
    const pending: PendingState[] = [];
    for (const queuedAtMs of [1_000, 2_000, 3_000]) enqueue(pending, running({ queuedAtMs }), { flapping });
    expect(pending).toMatchObject([
      { queuedAtMs: 3_000, coalesced: { changes: 3, dueAtMs: 61_000, first: { queuedAtMs: 1_000 } } },
    ]);
  });

  test('a state that shows something first, and a deletion, wait by themselves', () => {
    const pending: PendingState[] = [];
    enqueue(pending, running(), { flapping });
    const block = stateOf(['block a'], { isFirst: true });
    const deletion = running({ isDeletion: true });
    for (const state of [block, deletion]) enqueue(pending, state, { flapping });
    expect(pending).toMatchObject([{ coalesced: { changes: 1 } }, block, deletion]);
    enqueue(pending, running(), { flapping });
    expect(pending).toHaveLength(4);
  });

  test('what was coalesced is not superseded once the resource has come to rest', () => {
    const pending: PendingState[] = [];
    enqueue(pending, running(), { flapping });
    expect(enqueue(pending, running(), { isOverloaded: true })).toBe(0);
  });
});
