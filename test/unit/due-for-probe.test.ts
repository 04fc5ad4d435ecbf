import { expect, test } from 'vitest';

import { DueForProbe } from '../../src/watcher/state/confirm-deletion.ts';
import type { Seen, Tracked } from '../../src/watcher/state/tracked.ts';
import { newTracked } from '../../src/watcher/state/tracked.ts';

const PATH = '/apis/kubernaut.ai/v1alpha1/remediationrequests';
const COLLECTION = {
  kind: 'RemediationRequest',
  apiVersion: 'kubernaut.ai/v1alpha1',
  namespace: '',
  path: PATH,
};
const NOW_MS = 1_000_000;
const RECONCILE_MS = 10_000;

function trackedAs(uid: string, given: Partial<Seen>): Tracked {
  const identity = { kind: 'RemediationRequest', namespace: 'payments', name: uid, uid, createdAt: '' };
  const tracked = newTracked(identity);
  return { ...tracked, seen: { ...tracked.seen, collection: PATH, ...given } };
}

function dueAt() {
  let nowMs = NOW_MS;
  const due = new DueForProbe({ reconcileMs: RECONCILE_MS, now: () => nowMs });
  return {
    pass: (ms: number) => {
      nowMs += ms;
    },
    take: (tracked: readonly Tracked[]) => due.take(tracked, COLLECTION).map(({ uid }) => uid),
  };
}

test('what is open beyond its deadline, or may be deleted before the list after the next, is probed', () => {
  const tracked = [
    trackedAs('overdue', { deadlineAtMs: NOW_MS - 1 }),
    trackedAs('in-time', { deadlineAtMs: NOW_MS + 1 }),
    trackedAs('ended', { deadlineAtMs: NOW_MS - 1, isTerminal: true }),
    trackedAs('expiring', { retentionExpiresAtMs: NOW_MS + 2 * RECONCILE_MS - 1, isTerminal: true }),
    trackedAs('expired', { retentionExpiresAtMs: NOW_MS - 1, isTerminal: true }),
    trackedAs('kept', { retentionExpiresAtMs: NOW_MS + 2 * RECONCILE_MS, isTerminal: true }),
    trackedAs('gone', { deadlineAtMs: NOW_MS - 1, isGone: true }),
    trackedAs('elsewhere', { deadlineAtMs: NOW_MS - 1, collection: '/apis/other' }),
  ];
  expect(dueAt().take(tracked)).toEqual(['overdue', 'expiring', 'expired']);
});

test('each is due once between two lists, and of many the longest due come first', () => {
  const { take, pass } = dueAt();
  const tracked = Array.from({ length: 150 }, (_, index) =>
    trackedAs(String(index), { deadlineAtMs: NOW_MS - 1 }),
  );
  const first = take(tracked);
  expect(first).toHaveLength(100);
  const second = take(tracked);
  expect(new Set([...first, ...second]).size).toBe(150);
  expect(take(tracked)).toEqual([]);
  pass(RECONCILE_MS);
  expect(take(tracked)).toEqual(first);
});
