import { setImmediate as nextTurn } from 'node:timers/promises';

import { afterEach, expect, test, vi } from 'vitest';

import type { Observation } from '../../src/domain/observation.ts';
import { createRedactor } from '../../src/domain/redaction.ts';
import type { WatchedState } from '../../src/embedded/simulator/states.ts';
import { statesOf } from '../../src/embedded/simulator/states.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { textAt } from '../../src/kubernaut/resource.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { RemediationSignal } from '../../src/temporal/remediation-signals.ts';
import { KindObserver } from '../../src/watcher/kind-observer.ts';
import { createObservationSender } from '../../src/watcher/observation-sender.ts';
import { collectionsOf } from '../../src/watcher/watched-kind.ts';
import { createDispatcher } from '../support/dispatching.ts';

/** The controllers write most phases twice, the second time with conditions and references only. */
const REWRITTEN_AFTER_MS = 300;
/** Controllers answer each other's writes within this. */
const BETWEEN_WRITES_MS = 600;
/** What an investigation, an execution and an assessment take; a remediation is quiet meanwhile. */
const WORK_MS = 20_000;
const WORKERS = ['AgentSession', 'WorkflowExecution', 'EffectivenessAssessment'];

afterEach(() => {
  vi.useRealTimers();
});

function rewritten(state: WatchedState): WatchedState {
  const again = structuredClone(state.object);
  const metadata = again['metadata'] as { resourceVersion: string };
  metadata.resourceVersion = String(Number(metadata.resourceVersion) * 10 + 5);
  const status = (again['status'] ?? {}) as Record<string, unknown>;
  status['conditions'] = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-09-01T09:00:00Z' }];
  again['status'] = status as never;
  return { ...state, type: 'MODIFIED', object: again };
}

function isEndOfWork({ object }: WatchedState): boolean {
  const phase = textAt(object, 'status.phase') ?? '';
  return WORKERS.includes(textAt(object, 'kind') ?? '') && /^(completed|failed)$/i.test(phase);
}

async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  for (let turn = 0; turn < 3; turn += 1) await nextTurn();
}

/** What a watcher reads, but for what is written again without news, and what it sends of the states of one remediation, with every second one written again without news. */
async function watch(states: readonly WatchedState[]) {
  vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  const signals: RemediationSignal[] = [];
  let [read, isRewriting] = [0, false];
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
  const observers = KUBERNAUT_KINDS.map((kind) => {
    const observer: KindObserver = new KindObserver({
      ...{ kind, cluster: 'test', epoch: () => 0n, now: Date.now },
      remediationUid: (namespace, name) => observers[0]?.observer.uidOf(namespace, name),
      siblingCreatedAt: (sibling, uid) =>
        observers
          .find(({ kind: { kind: name } }) => name === sibling.kind)
          ?.observer.createdAtOf(sibling.namespace, sibling.name, uid),
      offer: (tracked, state) => {
        if (!isRewriting) read += state.reading.observations.length;
        dispatcher.offer(tracked, state);
      },
      report: {
        unread: () => undefined,
        read: () => undefined,
        gone: () => undefined,
        leftHeld: () => undefined,
      },
    });
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
    if (isEndOfWork(state)) await pass(WORK_MS);
    const at = structuredClone(state);
    const metadata = at.object['metadata'] as { resourceVersion: string };
    metadata.resourceVersion = String(Number(metadata.resourceVersion) * 10);
    await see(at);
    await pass(REWRITTEN_AFTER_MS);
    isRewriting = true;
    if (index % 2 === 0 && state.type !== 'DELETED') await see(rewritten(state));
    isRewriting = false;
    await pass(BETWEEN_WRITES_MS - REWRITTEN_AFTER_MS);
  }
  await pass(WORK_MS);
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
  // Of 49 observations of real controllers 7 repeated the one before: at most 42 of 49 are worth sending.
  expect(repetitions(sent)).toEqual([]);
  expect(read).toBeGreaterThanOrEqual(49);
  expect(sent.length / read).toBeLessThanOrEqual(42 / 49);
  expect(signals.length).toBeLessThanOrEqual(20);
});
