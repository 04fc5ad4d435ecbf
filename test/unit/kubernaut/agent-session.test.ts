import { expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import { parseJson } from '../../../src/domain/json.ts';
import { readAgentSession } from '../../../src/kubernaut/agent-session.ts';
import { readable } from '../../support/readings.ts';
import { AGENT_SESSIONS } from './samples/agent-session.ts';
import { CONTEXT, REMEDIATION, resourceOf } from './samples/parts.ts';

const WITHOUT_UID = { name: REMEDIATION.name, namespace: REMEDIATION.namespace };

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
  expect(parseJson(String(observation?.columns['extra']))).toMatchObject({
    agent_session_analysis: 'A long text of what was found.',
    agent_session_acting_user: 'ana@example.com',
  });
  expect(observation?.columns).not.toHaveProperty('source_uid');
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
