import { expect, test } from 'vitest';

import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { completenessOf } from '../../src/watcher/state/completeness.ts';
import { factsOf } from '../../src/watcher/state/read-resource.ts';
import type { Delivery, Seen, Tracked } from '../../src/watcher/state/tracked.ts';
import { newTracked } from '../../src/watcher/state/tracked.ts';
import { stateOf } from '../support/dispatching.ts';

const NOW_MS = 1_000_000;
const GRACE_MS = 60_000;
const REMEDIATION = { namespace: 'payments', name: 'rr-1', uid: 'rr-uid' };

function trackedAs(kind: string, uid: string, given: Partial<Seen & Delivery>): Tracked {
  const tracked = newTracked({ kind, namespace: 'payments', name: uid, uid, createdAt: '' });
  const { seen, delivery } = tracked;
  return {
    ...tracked,
    seen: { ...seen, remediation: REMEDIATION, ...given },
    delivery: { ...delivery, ...given },
  };
}

const completenessWith = (...tracked: readonly Tracked[]) =>
  completenessOf({
    cluster: 'prod',
    kinds: [...Map.groupBy(tracked, ({ kind }) => kind)].map(([kind, ofKind]) => ({ kind, tracked: ofKind })),
    knowsRecorded: true,
    recordingGraceMs: GRACE_MS,
    nowMs: NOW_MS,
  });

test('what belongs to a remediation goes with it: its time is that of the remediation', () => {
  const recorded = { sentHash: 'hash', recordedHash: 'hash' };
  const { leastRetentionSeconds } = completenessWith(
    trackedAs('AIAnalysis', 'ai-uid', { isTerminal: true, sentHash: 'hash' }),
    trackedAs('RemediationRequest', 'rr-uid', {
      ...recorded,
      isTerminal: true,
      retentionExpiresAtMs: NOW_MS + 7_000,
    }),
    trackedAs('RemediationRequest', 'other-uid', {
      ...recorded,
      remediation: { ...REMEDIATION, uid: 'other-uid' },
      isTerminal: true,
      retentionExpiresAtMs: NOW_MS + 1_000,
    }),
  );
  expect(leastRetentionSeconds).toBe(7);
});

test('an end that is not sent, or not recorded in time, is a gap by name, and no resource that is there', () => {
  const { kinds, gaps } = completenessWith(
    trackedAs('AIAnalysis', 'late', { isGone: true, sentHash: 'hash', sentAtMs: NOW_MS - GRACE_MS - 1 }),
    trackedAs('AIAnalysis', 'fresh', { isGone: true, sentHash: 'hash', sentAtMs: NOW_MS - 1 }),
    trackedAs('AIAnalysis', 'overdue', { isGone: true, sentHash: 'hash', sentAtMs: NOW_MS, deadlineAtMs: 1 }),
  );
  expect(kinds).toMatchObject([{ seen: 0, open: 0, overdue: 0 }]);
  expect(gaps).toMatchObject([{ uid: 'late', name: 'late', reason: 'not-recorded' }]);
});

test('what waits of a resource that flaps is a gap of its own, until it is due', () => {
  const flapping = (uid: string, dueAtMs: number, given: Partial<Delivery> = {}): Tracked => {
    const state = stateOf([], { queuedAtMs: NOW_MS });
    const pending = [{ ...state, coalesced: { first: state, changes: 1_620, dueAtMs } }];
    return trackedAs('AIAnalysis', uid, { sentHash: 'hash', pending, ...given });
  };
  const { kinds, gaps } = completenessWith(
    flapping('flaps', NOW_MS + 1),
    flapping('due', NOW_MS),
    flapping('sending', NOW_MS + 1, { sending: [stateOf([])] }),
  );
  expect(kinds).toMatchObject([{ seen: 3, recorded: 0, waiting: 3 }]);
  expect(gaps).toMatchObject([
    { uid: 'flaps', reason: 'flapping', detail: expect.stringContaining('1620 times since') as string },
    { uid: 'due', reason: 'not-sent' },
    { uid: 'sending', reason: 'not-sent' },
  ]);
});

test('a remediation has the time its own timeout gives it, from its start', () => {
  const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === 'RemediationRequest');
  if (kind === undefined) throw new Error('remediations are not watched');
  const status = { startTime: '2026-11-21T10:00:00Z', timeoutConfig: { global: '1h30m0s' } };
  expect(factsOf({ status }, kind).deadlineAtMs).toBe(Date.parse('2026-11-21T11:30:00Z'));
  expect(factsOf({ status: { startTime: '2026-11-21T10:00:00Z' } }, kind).deadlineAtMs).toBeUndefined();
});
