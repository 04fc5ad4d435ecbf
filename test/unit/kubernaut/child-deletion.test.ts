import { expect, test } from 'vitest';

import { parseJson } from '../../../src/domain/json.ts';
import type { GoneResource } from '../../../src/kubernaut/kind.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import { readable } from '../../support/readings.ts';

const CONTEXT = { cluster: 'prod', epoch: 0n, observedAt: '2026-11-21T12:00:05.000000Z' };
const OF_NOBODY: GoneResource = {
  namespace: 'kubernaut-system',
  name: 'child-of-rr-1',
  uid: 'child-uid',
  sourceVersion: '4800',
  createdAt: '2026-11-21T10:40:00.000000Z',
  deletedAt: '2026-11-21T12:00:00.000000Z',
};
const GONE: GoneResource = {
  ...OF_NOBODY,
  remediation: { namespace: 'kubernaut-system', name: 'rr-1', uid: 'rr-uid' },
};

const kindOf = (name: string) => {
  const kind = KUBERNAUT_KINDS.find(({ kind: candidate }) => candidate === name);
  if (kind === undefined) throw new Error(`${name} is not read`);
  return kind;
};

test.each(KUBERNAUT_KINDS.map(({ kind }) => kind))(
  'that a %s is gone is one observation which says when, so that nobody looks for it again',
  (name) => {
    const { observations } = readable(kindOf(name).readDeletion(GONE, CONTEXT));
    expect(observations).toHaveLength(1);
    expect(observations[0]?.resource).toMatchObject({
      kind: name,
      uid: 'child-uid',
      deletedAt: GONE.deletedAt,
    });
  },
);

test.each([
  ['SignalProcessing', 'signal_processing_audit'],
  ['AIAnalysis', 'ai_analysis_audit'],
  ['WorkflowExecution', 'workflow_execution_audit'],
  ['KubernetesExecution', 'kubernetes_execution_audit'],
])('a %s says in its own record when it was deleted, and nothing that it does not know', (name, table) => {
  const [observation] = readable(kindOf(name).readDeletion(GONE, CONTEXT)).observations;
  expect(observation).toMatchObject({ table, key: 'rr-uid/child-of-rr-1', sourceVersion: '4800' });
  expect(observation?.columns).toEqual({
    namespace: 'kubernaut-system',
    source_kind: name,
    source_uid: 'child-uid',
    ...(table.endsWith('execution_audit')
      ? { deleted_at: GONE.deletedAt }
      : { extra: `{"deleted_at":"${GONE.deletedAt}"}` }),
  });
});

test('the end of a session is said in the record of its analysis', () => {
  const [observation] = readable(kindOf('AgentSession').readDeletion(GONE, CONTEXT)).observations;
  expect(observation).toMatchObject({ table: 'ai_analysis_audit', key: 'rr-uid/ai-rr-1', fragment: true });
  expect(parseJson(String(observation?.columns['extra']))).toEqual({
    'agent_session_deleted_at/child-uid': GONE.deletedAt,
  });
});

test.each(KUBERNAUT_KINDS.map(({ kind }) => kind).filter((kind) => kind !== 'RemediationRequest'))(
  'of a %s whose remediation nobody knows nothing can be recorded',
  (name) => {
    expect(kindOf(name).readDeletion(OF_NOBODY, CONTEXT)).toEqual({ unread: 'no-remediation' });
  },
);
