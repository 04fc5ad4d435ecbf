import { expect, test } from 'vitest';

import { foldEntries } from '../../../src/domain/fold.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import { remediationAudit } from '../../../src/domain/records/remediation-audit.ts';
import type { GoneResource } from '../../../src/kubernaut/kind.ts';
import { KUBERNAUT_KINDS } from '../../../src/kubernaut/kinds.ts';
import {
  readRemediationDeletion,
  readRemediationRequest,
} from '../../../src/kubernaut/remediation-request.ts';
import { readable } from '../../support/readings.ts';
import { CONTEXT, REMEDIATION } from './samples/parts.ts';
import { fullG3, OWN_KEY, remediationRequest } from './samples/remediation-request.ts';

const DELETED_AT = '2026-11-21T12:00:00.000000Z';

const gone = (given: Partial<GoneResource> = {}): GoneResource => ({
  ...REMEDIATION,
  sourceVersion: '4800',
  deletedAt: DELETED_AT,
  createdAt: '2026-11-21T10:40:00.000000Z',
  ...given,
});
const closureOf = (given: Partial<GoneResource>) => {
  const { observations } = readRemediationDeletion(gone(given), CONTEXT);
  expect(observations).toHaveLength(1);
  const [closure] = observations;
  if (closure === undefined) throw new Error('a deletion closes a remediation');
  return closure;
};
const lastState = (overallPhase: string): JsonObject => remediationRequest({ status: { overallPhase } });

test('a remediation deleted before its end is closed with all that its last state says', () => {
  const state = fullG3();
  const closure = closureOf({ lastState: state });
  const [seen] = readable(readRemediationRequest(state, CONTEXT)).observations;
  expect(closure).toEqual({
    ...seen,
    phase: 'closure',
    sourceVersion: '4800',
    columns: {
      ...seen?.columns,
      verdict: 'deleted-before-terminal',
      deleted_at: DELETED_AT,
      final_state_unknown: false,
    },
    resource: { ...seen?.resource, deletedAt: DELETED_AT },
  });
  expect(readRemediationDeletion(gone({ lastState: state }), CONTEXT).summary).toBe(
    'payments/Deployment/api: HighErrorRate',
  );
});

test('a remediation deleted after its end keeps its verdict', () => {
  expect(closureOf({ lastState: lastState('Completed') }).columns).toMatchObject({
    verdict: 'terminal',
    overall_phase: 'Completed',
    final_state_unknown: false,
  });
});

test('of a remediation that is only found to be gone the last known phase is said, and that it may not be the last', () => {
  expect(closureOf({ phase: 'Executing' })).toEqual({
    table: 'remediation_audit',
    cluster: 'prod',
    key: OWN_KEY,
    phase: 'closure',
    sourceVersion: '4800',
    createdAt: '2026-11-21T10:40:00.000000Z',
    createdAtSource: 'resource',
    observedAt: CONTEXT.observedAt,
    actor: 'watcher',
    resource: { kind: 'RemediationRequest', ...REMEDIATION, phase: 'Executing', deletedAt: DELETED_AT },
    columns: {
      remediation_id: REMEDIATION.name,
      remediation_uid: REMEDIATION.uid,
      namespace: REMEDIATION.namespace,
      source_kind: 'RemediationRequest',
      source_uid: REMEDIATION.uid,
      overall_phase: 'Executing',
      verdict: 'deleted-before-terminal',
      deleted_at: DELETED_AT,
      final_state_unknown: true,
    },
  });
});

test('a remediation found to be gone after its end is terminal, and its final state known', () => {
  expect(closureOf({ phase: 'Failed' }).columns).toMatchObject({
    verdict: 'terminal',
    final_state_unknown: false,
  });
  expect(closureOf({}).columns).toMatchObject({
    verdict: 'deleted-before-terminal',
    final_state_unknown: true,
  });
});

test('a last state that cannot be read is as good as none', () => {
  expect(closureOf({ lastState: { metadata: 'torn' }, phase: 'Analyzing' }).columns).toMatchObject({
    overall_phase: 'Analyzing',
    verdict: 'deleted-before-terminal',
    final_state_unknown: true,
  });
});

test('a watcher that saw the deletion overrules one that only found it gone', () => {
  const found = closureOf({
    phase: 'Executing',
    sourceVersion: '4711',
    deletedAt: '2026-11-21T12:09:00.000000Z',
  });
  const seen = closureOf({ lastState: lastState('Failed') });
  const entries = [seen, found].map(({ sourceVersion, columns }) => ({
    sourceVersion,
    contentHash: '0',
    actor: 'watcher',
    columns,
  }));
  expect(foldEntries(remediationAudit, entries)).toMatchObject({
    verdict: 'terminal',
    overall_phase: 'Failed',
    deleted_at: DELETED_AT,
    final_state_unknown: false,
  });
});

test.each(['RemediationApprovalRequest', 'EffectivenessAssessment', 'NotificationRequest'])(
  'of a deleted %s nothing is said but that it is gone',
  (name) => {
    const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === name);
    const child = { ...gone({ remediation: REMEDIATION }), name: 'child', uid: 'child-uid' };
    const reading = kind?.readDeletion(child, CONTEXT);
    expect(reading).toMatchObject({
      observations: [
        {
          key: OWN_KEY,
          columns: { remediation_id: REMEDIATION.name, remediation_uid: REMEDIATION.uid },
          resource: { kind: name, name: 'child', uid: 'child-uid', deletedAt: DELETED_AT },
        },
      ],
    });
    expect(kind?.readDeletion(gone(), CONTEXT)).toEqual({ unread: 'no-remediation' });
  },
);
