import { expect, test } from 'vitest';

import type { JsonObject } from '../../src/domain/json.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import type { KnownResources } from '../../src/watcher/state/kind-observer.ts';
import { KindObserver } from '../../src/watcher/state/kind-observer.ts';
import { collectionsOf } from '../../src/watcher/watched-kind.ts';

/** An observer of one kind, and the summaries of what it offered for sending. */
function observe(
  name: string,
  known: Partial<KnownResources> = {},
  offer?: (observations: readonly Observation[]) => void,
) {
  const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === name);
  const [collection] = kind === undefined ? [] : collectionsOf(kind, []);
  if (kind === undefined || collection === undefined) throw new Error(`${name} is not watched`);
  const offered: string[] = [];
  const unread: string[] = [];
  const observer = new KindObserver({
    kind,
    cluster: 'prod',
    known: {
      epoch: 0n,
      uidOfRemediation: () => undefined,
      createdAtOf: () => undefined,
      choiceOf: () => undefined,
      ...known,
    },
    dispatcher: {
      offer: (_tracked, { reading }) => {
        offered.push(reading.remediation.uid);
        offer?.(reading.observations);
      },
    },
    report: {
      unread: (_kind, reason) => unread.push(reason),
      read: () => undefined,
      gone: () => undefined,
      leftHeld: () => undefined,
    },
    now: Date.now,
  });
  return { observer, collection, offered, unread };
}

const resource = (uid: string, name: string, more: JsonObject = {}): JsonObject => ({
  metadata: {
    namespace: 'kubernaut-system',
    name,
    uid,
    resourceVersion: '7',
    creationTimestamp: '2026-11-21T10:00:00Z',
  },
  ...more,
});

test('a resource that names its remediation without a uid is read once that remediation was seen', () => {
  const remediations = observe('RemediationRequest');
  const sessions = observe('AgentSession', {
    uidOfRemediation: (namespace, name) => remediations.observer.uidOf(namespace, name),
  });
  const session = resource('as-uid', 'as-rr-1', {
    spec: { remediationRequestRef: { name: 'rr-1', namespace: 'kubernaut-system' } },
    status: { phase: 'Completed', completedAt: '2026-11-21T10:05:00Z' },
  });
  sessions.observer.observe(structuredClone(session), sessions.collection);
  expect([sessions.offered, sessions.unread]).toEqual([[], ['no-remediation']]);

  remediations.observer.observe(resource('rr-uid', 'rr-1'), remediations.collection);
  // The same version, as the next list shows it.
  sessions.observer.observe(structuredClone(session), sessions.collection);
  expect(sessions.offered).toEqual(['rr-uid']);
  sessions.observer.observe(structuredClone(session), sessions.collection);
  expect(sessions.offered).toEqual(['rr-uid']);
});

test('what a remediation says of an analysis waits for it, until that was seen as part of it', () => {
  const analyses = observe('AIAnalysis');
  const offered: Observation[] = [];
  const remediations = observe(
    'RemediationRequest',
    { createdAtOf: ({ namespace, name }, uid) => analyses.observer.createdAtOf(namespace, name, uid) },
    (observations) => offered.push(...observations),
  );
  const observedAt = (version: string): Observation | undefined => {
    offered.splice(0);
    const request = resource('rr-uid', 'rr-1', {
      status: {
        overallPhase: 'Executing',
        phaseProgress: {
          aiAnalysisRef: { name: 'ai-rr-1' },
          workflowExecutionRef: { name: 'we-rr-1', namespace: 'kubernaut-system' },
        },
        workflowExecutionRef: { name: 'we-rr-1', namespace: 'kubernaut-system' },
      },
    });
    Object.assign(request['metadata'] ?? {}, { resourceVersion: version });
    remediations.observer.observe(request, remediations.collection);
    return offered.find(({ table }) => table === 'ai_analysis_audit');
  };
  const analysisOf = (uid: string, remediation: string): JsonObject => {
    const analysis = resource(uid, 'ai-rr-1', {
      spec: { remediationRequestRef: { name: 'rr-1', uid: remediation } },
    });
    Object.assign(analysis['metadata'] ?? {}, { creationTimestamp: '2026-10-31T23:59:59Z' });
    return analysis;
  };
  expect(observedAt('7')).toMatchObject({ fragment: true, createdAt: '2026-11-21T10:00:00.000000Z' });
  analyses.observer.observe(analysisOf('other-uid', 'other-rr'), analyses.collection);
  expect(observedAt('8')).toMatchObject({ fragment: true });
  analyses.observer.observe(analysisOf('ai-uid', 'rr-uid'), analyses.collection);
  const known = observedAt('9');
  expect(known).toMatchObject({ createdAt: '2026-10-31T23:59:59.000000Z' });
  expect(known?.fragment).toBeUndefined();
});

test('of a name that is used again the newest remediation is meant', () => {
  const { observer, collection } = observe('RemediationRequest');
  observer.observe(resource('first', 'rr-1'), collection);
  observer.observe(resource('second', 'rr-1'), collection);
  expect(observer.uidOf('kubernaut-system', 'rr-1')).toBe('second');
  const [first] = [...observer.tracked()].filter(({ uid }) => uid === 'first');
  if (first !== undefined) observer.forget(first);
  expect(observer.uidOf('kubernaut-system', 'rr-1')).toBe('second');
  expect(observer.uidOf('elsewhere', 'rr-1')).toBeUndefined();
});

/** As the database names it at a start. */
const RECORDED = {
  ...{
    uid: 'rr-uid',
    namespace: 'kubernaut-system',
    name: 'rr-1',
    remediation: undefined,
    sourceVersion: '7',
  },
  ...{ projectionHash: undefined, phase: 'Executing', firstSeen: '2026-11-21T10:00:00.000000Z' },
};

test('a remediation that the database named is found by its name, too', () => {
  const { observer, collection } = observe('RemediationRequest');
  observer.recall(RECORDED);
  expect(observer.uidOf('kubernaut-system', 'rr-1')).toBe('rr-uid');
  observer.observe(resource('newer', 'rr-1'), collection);
  observer.recall(RECORDED);
  expect(observer.uidOf('kubernaut-system', 'rr-1')).toBe('newer');
});

test('a resource whose end was sent is not recalled, however late the database answers', () => {
  const { observer, collection } = observe('RemediationRequest');
  observer.observe(resource('rr-uid', 'rr-1'), collection);
  const last = resource('rr-uid', 'rr-1');
  Object.assign(last['metadata'] ?? {}, { resourceVersion: '8' });
  observer.deleted(last, collection);
  const tracked = observer.find('rr-uid');
  if (tracked !== undefined) observer.forget(tracked);
  observer.recall(RECORDED);
  expect(observer.find('rr-uid')).toBeUndefined();
});

test('what an analysis chose is known to a block of its remediation, and to no other', () => {
  const analyses = observe('AIAnalysis');
  const blocks: Observation[] = [];
  const remediations = observe(
    'RemediationRequest',
    { choiceOf: ({ namespace, name }, uid) => analyses.observer.choiceOf(namespace, name, uid) },
    (observations) => blocks.push(...observations.filter(({ phase }) => phase === 'skip')),
  );
  const analysis = resource('ai-uid', 'ai-rr-1', {
    spec: { remediationRequestRef: { name: 'rr-1', uid: 'rr-1-uid', namespace: 'kubernaut-system' } },
    status: { rcaResult: { selectedWorkflow: { workflowId: 'wf-7' } } },
  });
  analyses.observer.observe(analysis, analyses.collection);
  for (const name of ['rr-1', 'rr-2']) {
    const status = { overallPhase: 'Blocked', routingStatus: { blockReason: 'ResourceBusy' } };
    remediations.observer.observe(resource(`${name}-uid`, name, { status }), remediations.collection);
  }
  expect(blocks.map(({ columns }) => columns['workflow_id'])).toEqual(['wf-7', undefined]);
});
