import { describe, expect, test } from 'vitest';

import type { JsonObject } from '../../../src/domain/json.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import { readRemediationRequest } from '../../../src/kubernaut/remediation-request.ts';
import { readable } from '../../support/readings.ts';
import { CONTEXT, REMEDIATION } from './samples/parts.ts';
import {
  COMPLETION_STATUS,
  fullG1,
  fullG2,
  fullG3,
  OPERATOR_AUDIT,
  OWN_KEY,
  PHASE_PROGRESS,
  remediationRequest,
  ROUTING_STATUS,
  WORKFLOW_SELECTION,
} from './samples/remediation-request.ts';

const read = (resource: JsonObject) => readable(readRemediationRequest(resource, CONTEXT));
const inState = (status: JsonObject, spec: JsonObject = {}) => read(remediationRequest({ status, spec }));
const ownRecordOf = (status: JsonObject): Observation => {
  const [own] = inState(status).observations;
  if (own === undefined) throw new Error('nothing was said of the remediation itself');
  return own;
};
const extraOf = ({ columns }: Observation): unknown => JSON.parse(String(columns['extra'] ?? '{}'));
const fragmentsOf = (status: JsonObject) =>
  inState(status)
    .observations.filter(({ fragment }) => fragment)
    .map(({ table, key, phase, columns }) => ({ table, key, phase, columns }));

test('a fresh remediation names its signal and target, is open, and invents nothing', () => {
  const reading = read(remediationRequest());
  expect(reading).toMatchObject({
    remediation: REMEDIATION,
    summary: 'payments/Deployment/api: HighErrorRate',
    target: 'payments/Deployment/api',
    shape: 'unknown',
    unrecognised: [],
    misshapen: [],
  });
  const [own, ...others] = reading.observations;
  expect(others).toEqual([]);
  expect(own).toMatchObject({
    table: 'remediation_audit',
    key: OWN_KEY,
    phase: 'progress',
    sourceVersion: '4711',
  });
  const { extra, ...columns } = own?.columns ?? {};
  expect(columns).toEqual({
    remediation_id: REMEDIATION.name,
    remediation_uid: REMEDIATION.uid,
    namespace: REMEDIATION.namespace,
    source_kind: 'RemediationRequest',
    source_uid: REMEDIATION.uid,
    signal_fingerprint: '4f1c22ab90de'.padEnd(64, '0'),
    signal_name: 'HighErrorRate',
    severity: 'critical',
    signal_type: 'alert',
    signal_source: 'prometheus-adapter',
    signal_labels: '{"alertname":"HighErrorRate","team":"payments"}',
    target_kind: 'Deployment',
    target_name: 'api',
    target_namespace: 'payments',
    verdict: 'open',
  });
  expect(JSON.parse(String(extra))).toEqual({
    cluster_id: 'eu-1',
    target_type: 'kubernetes',
    target_api_version: 'apps/v1',
    firing_time: '2026-11-21T10:39:50Z',
    received_time: '2026-11-21T10:39:58Z',
    original_payload_characters: 13,
  });
});

describe('an object with every field of its generation is understood whole:', () => {
  test.each([
    ['G3', fullG3()],
    ['G2', fullG2()],
    ['G1', fullG1()],
  ])('%s', (shape, resource) => {
    const reading = read(resource);
    expect(reading).toMatchObject({ shape, unrecognised: [], misshapen: [] });
    const said = JSON.stringify(reading);
    for (const secret of ['user:secret', 'too many errors', 'lastSeenAt', '10:41:00Z'])
      expect(said).not.toContain(secret);
  });

  test('G2 says the same as G3', () => {
    const [g3, g2] = [fullG3(), fullG2()].map((resource) => {
      const { extra, source_shape: shape, ...columns } = read(resource).observations[0]?.columns ?? {};
      expect(shape).toBeDefined();
      return { columns, extra: JSON.parse(String(extra)) as JsonObject };
    });
    expect(g2?.columns).toEqual(g3?.columns);
    expect(g2?.extra).toMatchObject(g3?.extra ?? {});
    expect(g3?.columns).toMatchObject({
      overall_phase: 'Executing',
      outcome: 'Remediated',
      failure_phase: 'WorkflowExecution',
      failure_reason: 'the job ran out of memory',
      workflow_id: 'restart-deployment-v1',
      workflow_name: 'restart-deployment',
      workflow_version: '1.2.0',
      workflow_confidence: '0.92',
      pre_remediation_spec_hash: 'sha256:before',
      started_at: '2026-11-21T10:40:00.000000Z',
      completed_at: '2026-11-21T10:49:00.000000Z',
      retention_expires_at: '2026-11-22T10:49:00.000000Z',
      verdict: 'open',
    });
    expect(g3?.extra).toMatchObject({
      occurrence_count: 3,
      analyzing_started_at: '2026-11-21T10:40:03Z',
      last_modified_by: 'sam@example.com',
      notification_status: 'Sent',
      duplicate_of: 'rr-original',
      last_block: { reason: 'ResourceBusy', execution: 'we-other' },
    });
  });

  test('a member of a later generation is kept, and named', () => {
    const reading = inState({ overallPhase: 'Pending', mood: { happy: true } }, { colour: 'red' });
    expect(reading.unrecognised).toEqual(['spec.colour', 'status.mood']);
    expect(reading.observations[0]?.columns['extra']).toContain(
      '"unrecognised":{"spec.colour":"red","status.mood":{"happy":true}}',
    );
  });

  test('a value of the wrong kind is named, and costs its column only', () => {
    const reading = inState({ overallPhase: 'Pending', startTime: 'noon', completedAt: 7 });
    expect(reading.misshapen).toEqual(['status.startTime', 'status.completedAt']);
    expect(reading.observations[0]?.columns).toMatchObject({ overall_phase: 'Pending' });
  });
});

test.each([
  ['lower case', {}, { overallPhase: 'pending' }],
  ['a priority of its own', { priority: 'P0' }, { signalProcessingRef: { name: 'sp' } }],
])('G1 is recognised by %s', (_mark, spec, status) => {
  const apiVersion = 'remediation.kubernaut.io/v1alpha1';
  const resource = { ...remediationRequest({ status, spec }), apiVersion };
  expect(readRemediationRequest(resource, CONTEXT)).toMatchObject({ shape: 'G1' });
});

test('the group decides where G2 still has members of G1, and a RemediationProcessing makes G0 of G1', () => {
  const status = { overallPhase: 'Processing', processingStartTime: '2026-11-21T10:40:00Z' };
  expect(inState(status, { environment: 'production', timeoutConfig: {} }).shape).toBe('G2');
  const oldest = {
    ...remediationRequest({
      status: { remediationProcessingRef: { name: 'rp-1' } },
      spec: { priority: 'P0' },
    }),
    apiVersion: 'remediation.kubernaut.io/v1alpha1',
  };
  expect(readRemediationRequest(oldest, CONTEXT)).toMatchObject({ shape: 'G0', unrecognised: [] });
});

test('an empty spec.deduplication does not make a G1 of G2', () => {
  const deduplication = { isDuplicate: false, occurrenceCount: 0 };
  expect(inState({ overallPhase: 'Processing', processingStartTime: 'x' }, { deduplication }).shape).toBe(
    'G2',
  );
});

describe('traps:', () => {
  test('missing completedAt: a remediation that failed from a block has none, and none is invented', () => {
    const own = ownRecordOf({ overallPhase: 'Failed', completionStatus: { failurePhase: 'Blocked' } });
    expect(own).toMatchObject({
      phase: 'closure',
      columns: { verdict: 'terminal', failure_phase: 'Blocked' },
    });
    expect(own.columns).not.toHaveProperty('completed_at');
    // What was observed and when is beside it, and a second watcher says the same of the same state.
    expect(own.observedAt).toBe(CONTEXT.observedAt);
    expect(JSON.stringify(own.columns)).not.toContain('10:48:00');
  });

  test.each(['Inconclusive', 'VerificationTimedOut', 'ManualReviewRequired', 'NoActionRequired', 'DryRun'])(
    'Completed is not Remediated: it may be %s',
    (outcome) => {
      const own = ownRecordOf({ overallPhase: 'Completed', completionStatus: { outcome } });
      expect(own).toMatchObject({ phase: 'closure', columns: { overall_phase: 'Completed', outcome } });
    },
  );

  test('Completed without an outcome has none', () => {
    expect(ownRecordOf({ overallPhase: 'Completed' }).columns).not.toHaveProperty('outcome');
  });

  test.each([
    ['Completed', 'Completed'],
    ['failed', 'Failed'],
    ['TimedOut', 'TimedOut'],
    ['timeout', 'TimedOut'],
    ['Skipped', 'Skipped'],
    ['CANCELLED', 'Cancelled'],
  ])('%s is an end, recorded as %s', (phase, recorded) => {
    const own = ownRecordOf({ overallPhase: phase });
    expect(own).toMatchObject({
      phase: 'closure',
      columns: { verdict: 'terminal', overall_phase: recorded },
    });
  });

  test.each(['Verifying', 'Blocked', 'recovering', 'Hibernating'])('%s is no end', (phase) => {
    expect(ownRecordOf({ overallPhase: phase })).toMatchObject({
      phase: 'progress',
      columns: { verdict: 'open' },
    });
  });

  test('updates after the end are closures of their own and bring what came late', () => {
    const ended = { overallPhase: 'Completed', completionStatus: { outcome: 'Remediated' } };
    const late = ownRecordOf({
      ...ended,
      retentionExpiryTime: '2026-11-22T10:49:00Z',
      completionStatus: { outcome: 'Remediated', notificationStatus: 'Sent' },
    });
    expect(late).toMatchObject({
      phase: 'closure',
      columns: { retention_expires_at: '2026-11-22T10:49:00.000000Z' },
    });
    expect(extraOf(late)).toMatchObject({ notification_status: 'Sent' });
  });

  test('duplicates inherit: a duplicate ends as its original does and says whose ending it took', () => {
    const own = ownRecordOf({
      overallPhase: 'Completed',
      routingStatus: { duplicateOf: 'rr-original', deduplicatedByWE: 'we-first' },
      completionStatus: { outcome: 'Remediated' },
    });
    expect(own.columns).toMatchObject({ outcome: 'Remediated', verdict: 'terminal' });
    expect(extraOf(own)).toMatchObject({ duplicate_of: 'rr-original', deduplicated_by_wfe: 'we-first' });
    expect(
      inState({ overallPhase: 'Completed', routingStatus: { duplicateOf: 'x' } }).observations,
    ).toHaveLength(1);
  });

  test('stale references: notifications are known by name, whatever group a reference speaks of', () => {
    const own = ownRecordOf({ overallPhase: 'Completed', completionStatus: COMPLETION_STATUS });
    expect(extraOf(own)).toMatchObject({ notification_requests: [`nr-completion-${REMEDIATION.name}`] });
    expect(own.columns).not.toHaveProperty('notifications');
    expect(JSON.stringify(own)).not.toContain('notification.kubernaut.ai');
  });

  test('a repetition of the signal that changes its time alone changes nothing that is said', () => {
    const seen = (lastSeenAt: string) => ownRecordOf({ deduplication: { lastSeenAt, occurrenceCount: 2 } });
    expect(seen('2026-11-21T10:41:00Z')).toEqual(seen('2026-11-21T10:42:00Z'));
  });

  test('a score that is text is a score', () => {
    expect(ownRecordOf({ workflowSelection: { confidence: '0.90' } }).columns).toMatchObject({
      workflow_confidence: '0.90',
    });
  });
});

describe('what a remediation knows of its siblings:', () => {
  const about = { remediation_id: REMEDIATION.name, remediation_uid: REMEDIATION.uid };

  test('the record of the analysis gets the name of its execution', () => {
    expect(fragmentsOf({ overallPhase: 'Executing', phaseProgress: PHASE_PROGRESS })).toEqual([
      {
        table: 'ai_analysis_audit',
        key: `rr-uid/ai-${REMEDIATION.name}`,
        phase: 'recommendation',
        columns: {
          ...about,
          workflow_crd_name: `we-${REMEDIATION.name}`,
          workflow_crd_namespace: REMEDIATION.namespace,
        },
      },
    ]);
  });

  const aiAnalysisRef = { name: `ai-${REMEDIATION.name}` };

  test('an analysis that is not named has the name that all analyses have, once one was seen', () => {
    const resource = remediationRequest({ status: { workflowExecutionRef: { name: 'we-1' } } });
    const ofAnalysis = (siblingCreatedAt?: () => string) =>
      readable(
        readRemediationRequest(resource, siblingCreatedAt ? { ...CONTEXT, siblingCreatedAt } : CONTEXT),
      ).observations.filter(({ table }) => table === 'ai_analysis_audit');
    expect(ofAnalysis(() => '2026-11-21T10:40:00.000000Z')).toMatchObject([
      { key: `rr-uid/ai-${REMEDIATION.name}`, columns: { workflow_crd_name: 'we-1' } },
    ]);
    // A row would count an analysis that does not exist.
    expect(ofAnalysis()).toEqual([]);
  });

  test.each([
    ['G3', { overallPhase: 'TimedOut', completionStatus: { timeoutPhase: 'Analyzing' }, aiAnalysisRef }],
    ['G2', { overallPhase: 'TimedOut', timeoutPhase: 'Analyzing', aiAnalysisRef }],
    ['G1', { overallPhase: 'timeout', timeoutPhase: 'analyzing', aiAnalysisRef }],
  ])('a time-out while analysing is the failure of the analysis (%s)', (_generation, status) => {
    expect(fragmentsOf(status)).toEqual([
      {
        table: 'ai_analysis_audit',
        key: `rr-uid/ai-${REMEDIATION.name}`,
        phase: 'analysis-failure',
        columns: { ...about, completion_status: 'timeout' },
      },
    ]);
    expect(ownRecordOf(status).columns['failure_phase']).toMatch(/^analyzing$/i);
  });

  test('a time-out in another phase is not', () => {
    expect(fragmentsOf({ overallPhase: 'TimedOut', timeoutPhase: 'Executing' })).toEqual([]);
  });

  test('the name of the workflow goes to an execution that has none, and not to one that knows better', () => {
    const execution = (status: JsonObject) =>
      fragmentsOf(status).filter(({ table }) => table === 'workflow_execution_audit');
    expect(execution({ ...PHASE_PROGRESS, workflowDisplayName: 'restart-deployment' })).toEqual([
      {
        table: 'workflow_execution_audit',
        key: `rr-uid/we-${REMEDIATION.name}`,
        phase: 'execution',
        columns: { ...about, workflow_name: 'restart-deployment' },
      },
    ]);
    expect(execution({ phaseProgress: PHASE_PROGRESS, workflowSelection: WORKFLOW_SELECTION })).toEqual([]);
    expect(execution({ workflowDisplayName: 'restart-deployment' })).toEqual([]);
  });

  test('its own record comes first, and fragments last', () => {
    const { observations } = inState({
      overallPhase: 'Blocked',
      phaseProgress: PHASE_PROGRESS,
      routingStatus: ROUTING_STATUS,
      operatorAudit: OPERATOR_AUDIT,
    });
    expect(observations.map(({ phase, fragment }) => [phase, fragment ?? false])).toEqual([
      ['progress', false],
      ['skip', false],
      ['recommendation', true],
    ]);
    expect(observations.map(({ resource }) => resource)).toEqual(
      observations.map(() => ({
        kind: 'RemediationRequest',
        namespace: REMEDIATION.namespace,
        name: REMEDIATION.name,
        uid: REMEDIATION.uid,
        phase: 'Blocked',
      })),
    );
  });
});
