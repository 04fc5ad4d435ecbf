import { expect, test } from 'vitest';

import type { JsonObject } from '../../src/domain/json.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createObservationSender } from '../../src/watcher/delivery/observation-sender.ts';
import { ClusterState } from '../../src/watcher/state/cluster-state.ts';
import { KindObserver } from '../../src/watcher/state/kind-observer.ts';
import { collectionsOf } from '../../src/watcher/watched-kind.ts';
import { createDispatcher } from '../support/dispatching.ts';
import { heldBytes } from '../support/heap.ts';
import { until } from '../support/until.ts';

const RESOURCES = 2_000;
/** A hundred thousand resources must leave half of the heap that Node takes in the chart. */
const MOST_BYTES = 1_100;

/** As it comes from a server: each text is a copy by itself. */
function executionOf(index: number, phase: string): JsonObject {
  const uid = (of: string): string => `${of}${String(index).padStart(7, '0')}-3e5f-4a2b-9c8d-000000000001`;
  const execution = {
    kind: 'WorkflowExecution',
    metadata: {
      ...{ name: `we-remediation-${index}`, namespace: 'kubernaut-system', uid: uid('a') },
      ...{ resourceVersion: String(100_000 + index), creationTimestamp: '2026-11-21T10:00:00Z' },
    },
    spec: {
      remediationRequestRef: { name: `remediation-${index}`, namespace: 'kubernaut-system', uid: uid('b') },
      workflowRef: { workflowId: 'restart-deployment', version: '1.2.3' },
      targetResource: 'payments/Deployment/api',
    },
    status: { phase },
  };
  return JSON.parse(JSON.stringify(execution)) as JsonObject;
}

test('of a resource that was sent a thousand bytes are kept', async () => {
  const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === 'WorkflowExecution');
  const [collection] = kind === undefined ? [] : collectionsOf(kind, []);
  if (kind === undefined || collection === undefined) throw new Error('executions are not watched');
  const common = {
    cluster: 'test',
    redactor: createRedactor(),
    metrics: createMetrics().watcher,
    logger: createLogger('silent', 'test'),
  };
  let runs = 0;
  const run = (): string => `${String((runs += 1)).padStart(8, '0')}-1a2b-4c3d-8e4f-000000000002`;
  const dispatcher = createDispatcher({
    send: createObservationSender({ ...common, signals: { send: () => Promise.resolve(run()) } }),
  });
  const state = new ClusterState();
  const report = {
    unread: () => undefined,
    read: () => undefined,
    gone: () => undefined,
    leftHeld: () => undefined,
  };
  const observer = new KindObserver({
    ...{ kind, cluster: 'test', known: state, dispatcher, report },
    now: Date.now,
  });
  state.add(observer);
  const observe = async (from: number, count: number): Promise<void> => {
    for (let index = from; index < from + count; index += 1)
      observer.observe(executionOf(index, 'Completed'), collection);
    await until(() => dispatcher.depth === 0, 'all is sent');
  };
  // Code, shapes and caches are no part of it.
  await observe(0, RESOURCES);
  const before = heldBytes();
  await observe(RESOURCES, RESOURCES);
  const kept = (heldBytes() - before) / RESOURCES;
  expect([...observer.tracked()]).toHaveLength(2 * RESOURCES);
  expect(kept).toBeGreaterThan(100);
  expect(kept).toBeLessThan(MOST_BYTES);
});
