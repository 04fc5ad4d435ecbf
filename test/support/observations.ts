import { randomUUID } from 'node:crypto';

import type { Observation } from '../../src/domain/observation.ts';
import { naturalKey } from '../../src/domain/observation.ts';

/** An observation of a WorkflowExecution that nobody has met yet; whatever a test cares about it says itself. */
export function executionObservation(given: Partial<Observation> = {}): Observation {
  const remediationUid = randomUUID();
  return {
    table: 'workflow_execution_audit',
    cluster: 'test',
    key: naturalKey(remediationUid, 'we-rr-1'),
    phase: 'execution',
    sourceVersion: '1',
    createdAt: '2026-11-21T10:00:00.000000Z',
    createdAtSource: 'resource',
    observedAt: '2026-11-21T10:00:01.000000Z',
    actor: 'watcher',
    columns: { remediation_id: 'rr-1', remediation_uid: remediationUid, phase: 'Running' },
    ...given,
  };
}
