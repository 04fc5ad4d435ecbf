import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { Observation } from '../../src/domain/observation.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { RemediationSignal } from '../../src/temporal/remediation-signals.ts';
import { createObservationSender } from '../../src/watcher/delivery/observation-sender.ts';
import type { PendingState } from '../../src/watcher/delivery/pending-states.ts';
import type { Tracked } from '../../src/watcher/state/tracked.ts';
import { isSent } from '../../src/watcher/state/tracked.ts';
import { createDispatcher, createFlapping, stateOf, trackedOf } from '../support/dispatching.ts';

const GRPC_INVALID_ARGUMENT = 3;
/** One for each state, and some for the signals. */
const MOST_TURNS = 100;
const BEGAN_AT = Date.parse('2026-11-21T10:00:00Z');

const metrics = createMetrics();
const signals: RemediationSignal[] = [];
let refuses: (signal: RemediationSignal) => boolean;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: BEGAN_AT });
  signals.splice(0);
  metrics.registry.resetMetrics();
  refuses = () => false;
});
afterEach(() => {
  vi.useRealTimers();
});

function createDelivery() {
  const send = createObservationSender({
    ...{
      cluster: 'test',
      redactor: createRedactor(),
      metrics: metrics.watcher,
      logger: createLogger('silent', 'test'),
    },
    signals: {
      send: (signal) => {
        if (refuses(signal)) {
          const cause = { code: GRPC_INVALID_ARGUMENT, details: 'Blob data size exceeds limit.' };
          return Promise.reject(new Error('refused', { cause }));
        }
        signals.push(signal);
        return Promise.resolve('run');
      },
    },
  });
  return createDispatcher({
    send,
    ...{
      gatherMs: 2_000,
      briefGatherMs: 0,
      coalesceMs: MINUTE_MS,
      flapping: createFlapping(MINUTE_MS, metrics.watcher),
    },
  });
}

async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
}

let versions = 0;
function observationOf(columns: Observation['columns'], given: Partial<Observation> = {}): Observation {
  versions += 1;
  return {
    ...{ table: 'remediation_audit', cluster: 'test', key: 'rr-uid', phase: 'progress' },
    ...{ sourceVersion: String(versions), createdAt: '2026-11-21T10:00:00.000000Z' },
    ...{ createdAtSource: 'resource', observedAt: '2026-11-21T10:00:00.000000Z', actor: 'watcher', columns },
    ...given,
  };
}

const saying = (observations: readonly Observation[], given: Partial<PendingState> = {}): PendingState => {
  const state = stateOf(['phase Executing'], { phase: 'Executing', ...given });
  return { ...state, reading: { ...state.reading, observations } };
};
const sent = (): Observation[] => signals.flatMap(({ observations }) => observations);

describe('of what a state says', () => {
  const progress = (outcome: string): Observation => observationOf({ overall_phase: 'Executing', outcome });
  const closure = (by: string): Observation => observationOf({ verdict: by }, { phase: 'closure' });
  let tracked: Tracked;
  beforeEach(() => {
    tracked = trackedOf('rr-uid', 'RemediationRequest');
  });

  test('only what differs from what was last sent of its record is sent, and the rest is counted', async () => {
    const dispatcher = createDelivery();
    for (const [one, other] of [
      ['a', 'x'],
      ['b', 'x'],
      ['b', 'x'],
      ['b', 'y'],
      ['a', 'y'],
    ] as const) {
      dispatcher.offer(tracked, saying([progress(one), closure(other)]));
      await pass(2_000);
    }
    expect(sent().map(({ columns }) => columns['outcome'] ?? columns['verdict'])).toEqual([
      'a',
      'x',
      'b',
      'y',
      'a',
    ]);
    const { values } = await metrics.watcher.equalObservations.get();
    expect(values).toMatchObject([{ labels: { kind: 'RemediationRequest' }, value: 5 }]);
    expect(isSent(tracked)).toBe(true);
  });

  test('the same holds among states that go together', async () => {
    const dispatcher = createDelivery();
    for (const one of ['a', 'a', 'b', 'a']) dispatcher.offer(tracked, saying([progress(one)]));
    await pass(0);
    expect(signals).toHaveLength(1);
    expect(sent().map(({ columns }) => columns['outcome'])).toEqual(['a', 'b', 'a']);
  });

  test('where only the phase of its resource changed one observation carries it, with the hash of the state', async () => {
    const dispatcher = createDelivery();
    dispatcher.offer(tracked, saying([progress('a'), closure('x')]));
    await pass(2_000);
    dispatcher.offer(tracked, saying([progress('a'), closure('x')], { phase: 'Completed' }));
    await pass(2_000);
    const carriers = sent().slice(2);
    expect(carriers).toMatchObject([{ phase: 'progress', resource: { phase: 'Completed' } }]);
    expect(carriers[0]?.resource?.projectionHash).toBe(tracked.delivery.sentHash);
    expect(carriers[0]?.resource?.projectionHash).not.toBe(sent()[1]?.resource?.projectionHash);
  });

  test('what is not the first of its record, and nobody waits for, may be stored later, and nothing else', async () => {
    const dispatcher = createDelivery();
    const skip = (reason: string) => observationOf({ skip_reason: reason }, { phase: 'skip' });
    dispatcher.offer(tracked, saying([progress('first'), skip('first')]));
    dispatcher.offer(tracked, saying([progress('second'), skip('second')]));
    dispatcher.offer(tracked, saying([progress('urgent')], { isDueSoon: true }));
    dispatcher.offer(tracked, saying([progress('terminal')], { isTerminal: true }));
    await pass(0);
    expect(sent().map(({ columns, interim }) => [Object.values(columns).at(-1), interim])).toEqual([
      ...[
        ['first', undefined],
        ['first', undefined],
        ['second', true],
        ['second', undefined],
      ],
      ...[
        ['urgent', undefined],
        ['terminal', true],
      ],
    ]);
  });

  test('more than one signal takes goes in several, in order', async () => {
    const dispatcher = createDelivery();
    const states = Array.from({ length: 15 }, (_, state) =>
      Array.from({ length: 20 }, (_, index) => observationOf({ outcome: `${state}` }, { key: `k-${index}` })),
    );
    for (const observations of states) dispatcher.offer(tracked, saying(observations));
    await pass(0);
    // Between states the sender lets others go on when it took long: on a slow machine the second gathers from a later turn on.
    for (let turn = 0; turn < MOST_TURNS && signals.length < 2; turn += 1) await pass(2_000);
    expect(signals.map(({ observations }) => observations.length)).toEqual([200, 100]);
    const outcomes = sent().map(({ columns }) => Number(columns['outcome']));
    expect(outcomes).toEqual(outcomes.toSorted((one, other) => one - other));
  });

  test('a signal that is too large for Temporal is halved, and what is too large alone holds up no other resource', async () => {
    const dispatcher = createDelivery();
    refuses = ({ observations }) => observations.some(({ columns }) => columns['outcome'] === 'huge');
    const bad = trackedOf('bad');
    dispatcher.offer(tracked, saying([progress('a')]));
    dispatcher.offer(bad, saying([observationOf({ outcome: 'huge' }, { key: 'bad' })]));
    dispatcher.offer(trackedOf('good'), saying([observationOf({ outcome: 'b' }, { key: 'good' })]));
    await pass(0);
    expect(sent().map(({ columns }) => columns['outcome'])).toEqual(['a', 'b']);
    expect([...dispatcher.waiting()]).toEqual([bad]);
    expect(isSent(tracked)).toBe(true);
  });
});

test('a status that flaps for an hour is some eighty entries that say what they stand for, and its neighbour is as quick as ever', async () => {
  const [perSecond, hourMs] = [27, HOUR_MS];
  const dispatcher = createDelivery();
  const [flapping, neighbour] = [trackedOf('rr-uid', 'RemediationRequest'), trackedOf('other')];
  const startedCpu = process.cpuUsage();
  let [newest, changes] = ['', 0];
  for (let index = 0; index < (hourMs / 1_000) * perSecond; index += 1) {
    newest = index % 2 === 0 ? 'Sent' : 'Failed';
    changes += 1;
    dispatcher.offer(
      flapping,
      saying([observationOf({ notification_status: newest }, { phase: 'closure' })]),
    );
    vi.advanceTimersByTime(1_000 / perSecond);
    await nextTurn();
    if (index % 10_000 === 0) {
      const before = signals.length;
      dispatcher.offer(neighbour, saying([observationOf({ outcome: String(index) })], { isDueSoon: true }));
      await pass(0);
      expect(signals.slice(before).flatMap(({ observations }) => observations)).toContainEqual(
        expect.objectContaining({ columns: { outcome: String(index) } }),
      );
    }
  }
  const entries = sent().filter(({ phase }) => phase === 'closure');
  expect(entries.length).toBeLessThanOrEqual(100);
  const said = entries.flatMap(({ columns }) =>
    columns['extra'] === undefined ? [] : [JSON.parse(String(columns['extra'])) as { coalesced: Coalesced }],
  );
  expect(said.at(-1)?.coalesced).toMatchObject({
    changes: expect.closeTo(perSecond * 60, -2) as number,
    from: expect.stringMatching(/^2026-11-21T1/) as string,
  });
  expect(said.some(({ coalesced }) => 'notification_status' in coalesced.first)).toBe(true);
  await pass(MINUTE_MS);
  expect(sent().at(-1)?.columns['notification_status']).toBe(newest);
  const counted = said.reduce((sum, { coalesced }) => sum + coalesced.changes, 0);
  expect(counted).toBeGreaterThan(changes * 0.95);
  const exposed = await metrics.registry.metrics();
  expect(exposed).toMatch(/watch_flapping_resources\{[^}]+\} 1\n/);
  expect(exposed).not.toContain('rr-uid');
  const { user, system } = process.cpuUsage(startedCpu);
  // Of an hour on one core, the loop of this test included.
  expect((user + system) / 1_000).toBeLessThan(hourMs * 0.05);
});

interface Coalesced {
  readonly changes: number;
  readonly from: string;
  readonly first: Readonly<Record<string, string>>;
}
