import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, expect, test, vi } from 'vitest';

import type { WatchedState } from '../../dev/simulator/states.ts';
import { statesOf } from '../../dev/simulator/states.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { textAt } from '../../src/kubernaut/resource.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import type { RemediationSignal } from '../../src/temporal/remediation-signals.ts';
import { createObservationSender } from '../../src/watcher/delivery/observation-sender.ts';
import { ClusterState } from '../../src/watcher/state/cluster-state.ts';
import { KindObserver } from '../../src/watcher/state/kind-observer.ts';
import { collectionsOf } from '../../src/watcher/watched-kind.ts';
import { createDispatcher } from '../support/dispatching.ts';

/** Longer than any signal waits. */
const REST_MS = 20_000;

afterEach(() => {
  vi.useRealTimers();
});

async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
}

/** What a watcher reads of the states of one remediation, each at the time at which it was written, and what it sends. */
async function watch(states: readonly WatchedState[]) {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  const signals: RemediationSignal[] = [];
  let read = 0;
  const metrics = createMetrics().watcher;
  const sender = createObservationSender({
    ...{ cluster: 'test', redactor: createRedactor(), metrics, logger: createLogger('silent', 'test') },
    signals: {
      send: (signal) => {
        signals.push(signal);
        return Promise.resolve('run');
      },
    },
  });
  const dispatcher = createDispatcher({ send: sender, gatherMs: 2_000 });
  const state = new ClusterState();
  const observers = KUBERNAUT_KINDS.map((kind) => {
    const observer = new KindObserver({
      ...{ kind, cluster: 'test', known: state, now: Date.now },
      dispatcher: {
        offer: (tracked, pending) => {
          read += pending.reading.observations.length;
          dispatcher.offer(tracked, pending);
        },
      },
      report: {
        unread: () => undefined,
        read: () => undefined,
        gone: () => undefined,
        leftHeld: () => undefined,
      },
    });
    state.add(observer);
    return { kind, observer };
  });
  const see = async ({ type, object }: WatchedState): Promise<void> => {
    const seen = observers.find(({ kind: { kind } }) => kind === object['kind']);
    const [collection] = seen === undefined ? [] : collectionsOf(seen.kind, []);
    if (seen === undefined || collection === undefined) throw new Error('a kind is not watched');
    if (type === 'DELETED') seen.observer.deleted(object, collection);
    else seen.observer.observe(object, collection);
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
  };
  for (const [index, state] of states.entries()) {
    await see(state);
    await pass((states[index + 1]?.writtenAt ?? state.writtenAt + REST_MS) - state.writtenAt);
  }
  return { signals, read, sent: signals.flatMap(({ observations }) => observations) };
}

function repetitions(sent: readonly Observation[]): string[] {
  const last = new Map<string, string>();
  return sent.flatMap(({ table, key, phase, columns, resource }) => {
    const record = `${table} ${key} ${phase} of ${resource?.uid ?? ''}`;
    const said = JSON.stringify([columns, resource?.deletedAt]);
    const isRepeated = last.get(record) === said;
    last.set(record, said);
    return isRepeated ? [record] : [];
  });
}

test('of an ordinary remediation no observation is repeated, and few signals carry what is sent', async () => {
  const states = statesOf('remediated', 'G3', 1).filter(({ object }) => textAt(object, 'kind') !== undefined);
  const { signals, read, sent } = await watch(states);
  expect(repetitions(sent)).toEqual([]);
  expect(read).toBeGreaterThanOrEqual(49);
  expect(sent.length / read).toBeLessThanOrEqual(42 / 49);
  expect(signals.length).toBeLessThanOrEqual(20);
});
