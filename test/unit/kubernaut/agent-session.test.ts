import { expect, test } from 'vitest';

import type { Entry } from '../../../src/domain/fold.ts';
import { foldEntries } from '../../../src/domain/fold.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { parseJson } from '../../../src/domain/json.ts';
import { aiAnalysisAudit } from '../../../src/domain/records/ai-analysis-audit.ts';
import { readAgentSession } from '../../../src/kubernaut/agent-session.ts';
import { readable } from '../../support/readings.ts';
import { AGENT_SESSIONS } from './samples/agent-session.ts';
import { CONTEXT, REMEDIATION, resourceOf } from './samples/parts.ts';

const WITHOUT_UID = { name: REMEDIATION.name, namespace: REMEDIATION.namespace };

const REFUSED = {
  phase: 'Failed',
  reason: 'CapacityExceeded',
  error: 'at its capacity',
  completedAt: '2026-11-21T10:40:10Z',
};
const DONE = { phase: 'Completed', completedAt: '2026-11-21T10:41:27Z' };

const session = (status: JsonObject, metadata: JsonObject = {}): JsonObject =>
  resourceOf('AgentSession', 'as', {
    metadata,
    spec: { remediationRequestRef: { ...WITHOUT_UID, uid: REMEDIATION.uid } },
    status,
  });

test('a session gives the analysis the end of its investigation and the long text', () => {
  const [observation, ...others] = readable(
    readAgentSession(AGENT_SESSIONS['G3'] ?? {}, CONTEXT),
  ).observations;
  expect(others).toEqual([]);
  expect(observation).toMatchObject({
    table: 'ai_analysis_audit',
    key: `${REMEDIATION.uid}/ai-${REMEDIATION.name}`,
    phase: 'investigation',
    fragment: true,
    columns: { investigation_end: '2026-11-21T10:41:27.000000Z' },
  });
  expect(parseJson(String(observation?.columns['agent_sessions']))).toMatchObject({
    'as-uid': {
      name: `as-${REMEDIATION.name}`,
      phase: 'Completed',
      analysis: 'A long text of what was found.',
      acting_user: 'ana@example.com',
    },
  });
  expect(observation?.columns).not.toHaveProperty('source_uid');
});

test('a session keeps the grounds of its decision, and its proposal where no workflow is run', () => {
  const result = {
    rootCauseAnalysis: {
      summary: 'full disk',
      causal_chain: ['logs grow', 'disk full'],
      due_diligence: { x: 'y' },
    },
    selectedWorkflow: {
      workflow_id: 'w',
      version: '1.2',
      execution_bundle_digest: 'sha256:1',
      parameters: { n: '1' },
    },
    alternativeWorkflows: [{ workflowID: 'other', confidence: 0.4 }],
    detectedLabels: { gitOpsManaged: true },
    needsHumanReview: true,
    humanReviewReason: 'low_confidence',
  };
  const [said] = readable(readAgentSession(session({ phase: 'Completed', result }), CONTEXT)).observations;
  expect(parseJson(String(said?.columns['agent_sessions']))).toEqual({
    'as-uid': {
      name: `as-${REMEDIATION.name}`,
      phase: 'Completed',
      root_cause_analysis: result.rootCauseAnalysis,
      selected_workflow: result.selectedWorkflow,
      alternative_workflows: result.alternativeWorkflows,
      detected_labels: result.detectedLabels,
      needs_human_review: true,
      human_review_reason: 'low_confidence',
    },
  });
});

test('two sessions of one analysis stand apart in its row, and the one without capacity ends no investigation', () => {
  const read = (uid: string, status: JsonObject, resourceVersion: string): Entry => {
    const metadata = { uid, resourceVersion };
    const [observation] = readable(readAgentSession(session(status, metadata), CONTEXT)).observations;
    if (observation === undefined) throw new Error(`the session ${uid} says nothing`);
    return {
      sourceVersion: observation.sourceVersion,
      contentHash: '0',
      actor: 'watcher',
      columns: observation.columns,
    };
  };
  const refused = read('first', REFUSED, '4712');
  const first = foldEntries(aiAnalysisAudit, [refused]);
  expect(first).not.toHaveProperty('investigation_end');
  const row = foldEntries(aiAnalysisAudit, [refused, read('second', DONE, '4713')]);
  const name = `as-${REMEDIATION.name}`;
  expect(parseJson(String(row['agent_sessions']))).toEqual({
    first: {
      ...{ name, phase: 'Failed', reason: 'CapacityExceeded', error: 'at its capacity' },
      completed_at: REFUSED.completedAt,
    },
    second: { name, phase: 'Completed', completed_at: DONE.completedAt },
  });
  expect(row['investigation_end']).toBe('2026-11-21T10:41:27.000000Z');
});

test('the analysis is its owner, and without one the analysis of its remediation', () => {
  const ownerReferences = [{ kind: 'AIAnalysis', name: 'ai-other', uid: 'x' }];
  const keyOf = (resource: JsonObject): string | undefined =>
    readable(readAgentSession(resource, CONTEXT)).observations[0]?.key;
  expect(keyOf(session({ phase: 'Pending' }, { ownerReferences }))).toBe(`${REMEDIATION.uid}/ai-other`);
  expect(keyOf(session({ phase: 'Pending' }))).toBe(`${REMEDIATION.uid}/ai-${REMEDIATION.name}`);
});

test('a session that has not begun says nothing', () => {
  expect(readable(readAgentSession(session({}), CONTEXT)).observations).toEqual([]);
});

test('a session names its remediation without a uid: whom the reader knows decides', () => {
  const resource = resourceOf('AgentSession', 'as', { spec: { remediationRequestRef: WITHOUT_UID } });
  expect(readAgentSession(resource, CONTEXT)).toEqual({ unread: 'no-remediation' });
  const known = {
    ...CONTEXT,
    remediationUid: (namespace: string, name: string) => `${namespace}/${name}`,
  };
  expect(readable(readAgentSession(resource, known)).remediation.uid).toBe(
    `${REMEDIATION.namespace}/${REMEDIATION.name}`,
  );
});
