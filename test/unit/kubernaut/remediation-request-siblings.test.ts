import { describe, expect, test } from 'vitest';

import { foldEntries } from '../../../src/domain/fold.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import { remediationAudit } from '../../../src/domain/records/remediation-audit.ts';
import { workflowExecutionAudit } from '../../../src/domain/records/workflow-execution-audit.ts';
import { readRemediationRequest } from '../../../src/kubernaut/remediation-request.ts';
import { readable } from '../../support/readings.ts';
import { CONTEXT, REMEDIATION } from './samples/parts.ts';
import { remediationRequest, ROUTING_STATUS, WORKFLOW_SELECTION } from './samples/remediation-request.ts';

function observed(
  status: JsonObject,
  resourceVersion = '4711',
  spec: JsonObject = {},
): readonly Observation[] {
  const resource = remediationRequest({ status, spec, metadata: { resourceVersion } });
  return readable(readRemediationRequest(resource, CONTEXT)).observations;
}

const skipsOf = (...given: Parameters<typeof observed>): readonly Observation[] =>
  observed(...given).filter(({ phase }) => phase === 'skip');
const blocked = (routingStatus: JsonObject): JsonObject => ({ overallPhase: 'Blocked', routingStatus });
const keyOf = (routingStatus: JsonObject): string | undefined => skipsOf(blocked(routingStatus))[0]?.key;
const entry = ({ sourceVersion, columns }: Observation) => ({
  sourceVersion,
  contentHash: '0',
  actor: 'watcher',
  columns,
});
const UNTIL = '2026-11-21T11:40:00Z';

test('a block is a record of an execution that was skipped, with workflow, target and who is in the way', () => {
  const status = { ...blocked(ROUTING_STATUS), workflowSelection: WORKFLOW_SELECTION };
  expect(skipsOf(status)).toMatchObject([
    {
      table: 'workflow_execution_audit',
      key: 'rr-uid/skip/ResourceBusy',
      columns: {
        remediation_id: REMEDIATION.name,
        correlation_id: REMEDIATION.name,
        remediation_uid: REMEDIATION.uid,
        source_kind: 'RemediationRequest',
        phase: 'Skipped',
        outcome: 'n/a',
        skip_reason: 'ResourceBusy',
        conflicting_wfe: 'we-other',
        workflow_id: 'restart-deployment-v1',
        workflow_name: 'restart-deployment',
        workflow_version: '1.2.0',
        container_image: 'registry.example/bundles/restart:1.2.0@sha256:abcd',
        target_resource: 'payments/Deployment/api',
      },
    },
  ]);
});

test('a block before the analysis knows no workflow and takes the target of the signal', () => {
  const [skip] = skipsOf(blocked({ blockReason: 'UnmanagedResource' }));
  expect(skip?.columns).toMatchObject({ target_resource: 'payments/Deployment/api' });
  for (const column of ['workflow_id', 'workflow_version', 'container_image', 'conflicting_wfe'])
    expect(skip?.columns).not.toHaveProperty(column);
});

test('a cluster-scoped target has no namespace', () => {
  const [skip] = skipsOf(blocked({ blockReason: 'UnmanagedResource' }), '1', {
    targetResource: { kind: 'Node', name: 'worker-1' },
  });
  expect(skip?.columns).toMatchObject({ target_resource: 'Node/worker-1' });
});

describe('traps:', () => {
  test('blocks are erased on unblock: the record stays, and so does the last block in the record of the remediation', () => {
    const states = [
      ...observed(blocked({ blockReason: 'ResourceBusy', blockingWorkflowExecution: 'we-other' }), '10'),
      ...observed({ overallPhase: 'Analyzing', routingStatus: {} }, '11'),
    ];
    expect(states.map(({ phase }) => phase)).toEqual(['progress', 'skip', 'progress']);
    const own = states.filter(({ table }) => table === 'remediation_audit').map(entry);
    expect(foldEntries(remediationAudit, own)).toMatchObject({ overall_phase: 'Analyzing' });
    expect(foldEntries(remediationAudit, own)['extra']).toContain(
      '"last_block":{"execution":"we-other","reason":"ResourceBusy"}',
    );
  });

  test('the last block is one block: nothing of the one before is mixed in', () => {
    const own = [
      ...observed(blocked({ blockReason: 'ResourceBusy', blockingWorkflowExecution: 'we-other' }), '10'),
      ...observed(blocked({ blockReason: 'RecentlyRemediated', blockedUntil: UNTIL }), '12'),
    ].filter(({ table }) => table === 'remediation_audit');
    expect(foldEntries(remediationAudit, own.map(entry))['extra']).toContain(
      `"last_block":{"reason":"RecentlyRemediated","until":"${UNTIL}"}`,
    );
  });

  test.each(['ConsecutiveFailures', 'ExponentialBackoff', 'RecentlyRemediated'])(
    'repeated blocks: each %s is one of its own',
    (blockReason) => {
      expect(keyOf({ blockReason, blockedUntil: UNTIL })).toBe(
        `rr-uid/skip/${blockReason}/2026-11-21T11%3A40%3A00.000000Z`,
      );
      expect(keyOf({ blockReason, blockedUntil: '2026-11-21T12:40:00Z' })).not.toBe(
        keyOf({ blockReason, blockedUntil: UNTIL }),
      );
      // The same instant, written otherwise.
      expect(keyOf({ blockReason, blockedUntil: '2026-11-21T12:40:00.000+01:00' })).toBe(
        keyOf({ blockReason, blockedUntil: UNTIL }),
      );
      expect(keyOf({ blockReason })).toBe(`rr-uid/skip/${blockReason}`);
    },
  );

  test.each(['DuplicateInProgress', 'ResourceBusy', 'UnmanagedResource', 'IneffectiveChain'])(
    'repeated blocks: %s is looked at again and again, and is one record',
    (blockReason) => {
      expect(keyOf({ blockReason, blockedUntil: UNTIL })).toBe(`rr-uid/skip/${blockReason}`);
      expect(keyOf({ blockReason, blockedUntil: '2026-11-21T12:40:00Z' })).toBe(`rr-uid/skip/${blockReason}`);
    },
  );

  test('repeated blocks: the newest look wins, in whichever order they arrive, and each is an entry of its own', () => {
    const looks = [
      ...skipsOf(
        blocked({ blockReason: 'UnmanagedResource', blockedUntil: UNTIL, consecutiveFailureCount: 1 }),
        '10',
      ),
      ...skipsOf(
        blocked({
          blockReason: 'UnmanagedResource',
          blockedUntil: '2026-11-21T11:45:00Z',
          consecutiveFailureCount: 2,
        }),
        '12',
      ),
    ].map(entry);
    const row = foldEntries(workflowExecutionAudit, looks);
    expect(foldEntries(workflowExecutionAudit, looks.toReversed())).toEqual(row);
    expect(row['extra']).toBe('{"blocked_until":"2026-11-21T11:45:00Z","consecutive_failure_count":2}');
    expect(new Set(looks.map(({ columns }) => JSON.stringify(columns))).size).toBe(2);
  });

  test('duplicates: the execution that came first is in the way of a duplicate, and of nobody else', () => {
    const conflictOf = (blockReason: string) =>
      skipsOf(blocked({ blockReason, deduplicatedByWE: 'we-first', duplicateOf: 'rr-original' }))[0]?.columns;
    expect(conflictOf('DuplicateInProgress')).toMatchObject({
      conflicting_wfe: 'we-first',
      extra: '{"duplicate_of":"rr-original"}',
    });
    expect(conflictOf('RecentlyRemediated')).not.toHaveProperty('conflicting_wfe');
  });

  test('Failed may become Blocked: the verdict stays, phase and outcome follow', () => {
    const course = [
      ...observed({ overallPhase: 'Failed', completionStatus: { failurePhase: 'AIAnalysis' } }, '10'),
      ...observed(blocked({ blockReason: 'ConsecutiveFailures', blockedUntil: UNTIL }), '11'),
    ];
    const own = course.filter(({ table }) => table === 'remediation_audit').map(entry);
    expect(foldEntries(remediationAudit, own)).toMatchObject({
      verdict: 'terminal',
      overall_phase: 'Blocked',
    });
    const [ended] = observed(
      { overallPhase: 'Completed', completionStatus: { outcome: 'Remediated' } },
      '20',
    );
    if (ended === undefined) throw new Error('the second end was not read');
    expect(foldEntries(remediationAudit, [...own, entry(ended)])).toMatchObject({
      verdict: 'terminal',
      overall_phase: 'Completed',
      outcome: 'Remediated',
    });
  });
});

test('what is left of a block in another phase is no block', () => {
  expect(skipsOf({ overallPhase: 'Analyzing', routingStatus: { blockReason: 'ResourceBusy' } })).toEqual([]);
});

describe('a remediation of G1 that was skipped', () => {
  const skipped = { overallPhase: 'Skipped', skipReason: 'ResourceBusy', duplicateOf: 'rr-original' };

  test('leaves it to the execution that skipped itself', () => {
    expect(skipsOf({ ...skipped, workflowExecutionRef: { name: 'we-1' } })).toEqual([]);
  });

  test('is the record itself where there was no execution', () => {
    expect(skipsOf(skipped)).toMatchObject([
      {
        key: 'rr-uid/skip/ResourceBusy',
        columns: { phase: 'Skipped', skip_reason: 'ResourceBusy', extra: '{"duplicate_of":"rr-original"}' },
      },
    ]);
    expect(skipsOf({ overallPhase: 'Skipped' })).toMatchObject([{ key: 'rr-uid/skip/unknown' }]);
  });
});
