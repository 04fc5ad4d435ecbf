import { describe, expect, test } from 'vitest';

import { foldEntries } from '../../../src/domain/fold.ts';
import type { JsonObject } from '../../../src/domain/json.ts';
import type { Observation } from '../../../src/domain/observation.ts';
import { remediationAudit } from '../../../src/domain/records/remediation-audit.ts';
import { readApprovalRequest } from '../../../src/kubernaut/approval-request.ts';
import { readEffectivenessAssessment } from '../../../src/kubernaut/effectiveness-assessment.ts';
import { readInvestigationSession } from '../../../src/kubernaut/investigation-session.ts';
import { readNotificationRequest } from '../../../src/kubernaut/notification-request.ts';
import type { ResourceReading, Unread } from '../../../src/kubernaut/observed-remediation.ts';
import { readRemediationRequest } from '../../../src/kubernaut/remediation-request.ts';
import { readable } from '../../support/readings.ts';
import type { Parts } from './samples/parts.ts';
import { CONTEXT, REMEDIATION } from './samples/parts.ts';
import {
  approvalRequest,
  effectivenessAssessment,
  investigationSession,
  notificationRequest,
  OWNED_BY_REMEDIATION,
} from './samples/remediation-additions.ts';
import { OWN_KEY, remediationRequest, WORKFLOW_SELECTION } from './samples/remediation-request.ts';

function only(reading: ResourceReading | Unread): Observation {
  const [observation, ...others] = readable(reading).observations;
  expect(others).toEqual([]);
  if (observation === undefined) throw new Error('nothing was said');
  return observation;
}
const approvalOf = (status: JsonObject) => only(readApprovalRequest(approvalRequest(status), CONTEXT));
const entry = ({ sourceVersion, columns }: Observation) => ({
  sourceVersion,
  contentHash: '0',
  actor: 'watcher',
  columns,
});
const ABOUT = { remediation_id: REMEDIATION.name, remediation_uid: REMEDIATION.uid };

describe('every field is understood:', () => {
  test.each([
    [
      'an approval request',
      readApprovalRequest(approvalRequest({ decision: 'Approved' }), CONTEXT),
      'approval',
    ],
    ['an assessment', readEffectivenessAssessment(effectivenessAssessment(), CONTEXT), 'verification'],
    ['a notification', readNotificationRequest(notificationRequest(), CONTEXT), 'notification'],
    ['an investigation session', readInvestigationSession(investigationSession(), CONTEXT), 'investigation'],
  ])('%s', (_what, reading, phase) => {
    expect(reading).toMatchObject({ remediation: REMEDIATION, unrecognised: [], misshapen: [] });
    expect(only(reading)).toMatchObject({ table: 'remediation_audit', key: OWN_KEY, phase });
    // The record is the remediation's: who it comes from is not said anew.
    expect(only(reading).columns).toMatchObject(ABOUT);
    expect(only(reading).columns).not.toHaveProperty('source_kind');
  });
});

describe('an approval request', () => {
  test('that is open says that approval is required, and no decision', () => {
    const { columns } = approvalOf({ decision: '' });
    expect(columns).toMatchObject({ approval_required: true });
    expect(columns).not.toHaveProperty('approval_decision');
    expect(JSON.parse(String(columns['extra']))).toEqual({
      approval_request: `rar-${REMEDIATION.name}`,
      approval_analysis: `ai-${REMEDIATION.name}`,
      approval_reason: 'ConfidenceBelowThreshold',
      approval_why: 'confidence 0.72 is below 0.80',
      approval_confidence: 0.72,
      approval_confidence_level: 'medium',
      approval_workflow_id: 'restart-deployment-v1',
      approval_workflow_version: '1.2.0',
      approval_execution_bundle: 'registry.example/bundles/restart:1.2.0',
      approval_policy: {
        policyName: 'approval',
        matchedRules: ['confidence'],
        decision: 'ManualReviewRequired',
      },
      approval_requested_at: '2026-11-21T10:41:00Z',
      approval_required_by: '2026-11-21T10:56:00Z',
    });
  });

  test('that was decided says who, by which way and when', () => {
    const decision = {
      decision: 'Rejected',
      decidedBy: 'sam@example.com',
      decidedVia: 'system:serviceaccount:kubernaut-system:apifrontend',
      decidedAt: '2026-11-21T10:43:00Z',
      decisionMessage: 'not on a Friday',
    };
    const { columns, resource } = approvalOf(decision);
    expect(columns).toMatchObject({
      approval_decision: 'Rejected',
      approval_decided_by: 'sam@example.com',
      approval_decided_via: decision.decidedVia,
      approval_decided_at: '2026-11-21T10:43:00.000000Z',
    });
    expect(columns['extra']).toContain('"approval_message":"not on a Friday"');
    expect(resource).toMatchObject({ phase: 'Rejected' });
  });

  test.each([[{ decision: 'Expired', expired: true }], [{ decision: '', expired: true }]])(
    'that expired is a decision: %j',
    (status) => {
      expect(approvalOf(status).columns).toMatchObject({ approval_decision: 'Expired' });
    },
  );

  test('counts down without anything being observed', () => {
    const left = (timeRemaining: string) => approvalOf({ timeRemaining, message: `${timeRemaining} left` });
    expect(left('14m55s')).toEqual(left('9m55s'));
    expect(JSON.stringify(left('14m55s'))).not.toContain('14m55s');
  });

  test('may override the workflow, and what was recommended stays what was chosen', () => {
    const override = { workflowName: 'scale-up', parameters: { REPLICAS: '3' }, rationale: 'safer' };
    const approval = approvalOf({ decision: 'Approved', workflowOverride: override });
    const [chosen] = readable(
      readRemediationRequest(
        remediationRequest({ status: { overallPhase: 'Executing', workflowSelection: WORKFLOW_SELECTION } }),
        CONTEXT,
      ),
    ).observations;
    if (chosen === undefined) throw new Error('the remediation was not read');
    expect(
      foldEntries(remediationAudit, [chosen, { ...approval, sourceVersion: '4800' }].map(entry)),
    ).toMatchObject({
      workflow_id: 'restart-deployment-v1',
      workflow_name: 'restart-deployment',
      approval_decision: 'Approved',
      approval_override: '{"parameters":{"REPLICAS":"3"},"rationale":"safer","workflowName":"scale-up"}',
    });
  });
});

describe('an assessment', () => {
  const read = (parts: Parameters<typeof effectivenessAssessment>[0]) =>
    readEffectivenessAssessment(effectivenessAssessment(parts), CONTEXT);

  test('gives reason, scores and hashes; a score of 0 is a score', () => {
    expect(only(read({})).columns).toEqual({
      ...ABOUT,
      verification_reason: 'Full',
      verification_health_score: '1',
      verification_alert_score: '0',
      verification_metrics_score: '0.75',
      pre_remediation_spec_hash: 'sha256:before',
      post_remediation_spec_hash: 'sha256:after',
      current_spec_hash: 'sha256:after',
      extra: expect.stringContaining('"verification_phase":"Completed"') as string,
    });
  });

  test('without a ref belongs to the remediation that owns it', () => {
    const owner = { kind: 'RemediationRequest', uid: 'rr-uid-2' };
    expect(read({ metadata: { ownerReferences: [owner] } })).toMatchObject({
      remediation: { namespace: REMEDIATION.namespace, name: REMEDIATION.name, uid: 'rr-uid-2' },
    });
  });

  test('without a ref and without an owner belongs to the remediation of its name, once that was seen', () => {
    const alone = effectivenessAssessment({ metadata: { ownerReferences: [] } });
    expect(readEffectivenessAssessment(alone, CONTEXT)).toEqual({ unread: 'no-remediation' });
    const remediationUid = (namespace: string, name: string): string | undefined =>
      namespace === REMEDIATION.namespace && name === REMEDIATION.name ? REMEDIATION.uid : undefined;
    expect(readEffectivenessAssessment(alone, { ...CONTEXT, remediationUid })).toMatchObject({
      remediation: REMEDIATION,
      observations: [{ key: OWN_KEY, phase: 'verification' }],
    });
  });

  test('that looks once more, without finding anything, says the same', () => {
    const looked = (alertDecayRetries: number) =>
      read({ status: { components: { alertScore: 0, alertDecayRetries } } });
    expect(looked(1)).toEqual(looked(2));
  });
});

test('an assessment of something without a health score is told from one that never took place', () => {
  const read = (components: JsonObject) =>
    only(readEffectivenessAssessment(effectivenessAssessment({ status: { components } }), CONTEXT)).columns;
  const node = read({ healthAssessed: true, alertAssessed: false });
  expect(node).not.toHaveProperty('verification_health_score');
  expect(JSON.parse(String(node['extra']))).toMatchObject({
    verification_health_assessed: true,
    verification_alert_assessed: false,
  });
  expect(JSON.parse(String(read({})['extra']))).not.toHaveProperty('verification_health_assessed');
});

describe('an investigation session', () => {
  const read = (uid: string, resourceVersion: string, parts: Parts = {}) =>
    only(
      readInvestigationSession(
        investigationSession({ ...parts, metadata: { ...OWNED_BY_REMEDIATION, uid, resourceVersion } }),
        CONTEXT,
      ),
    );
  const sessionsOf = (observations: readonly Observation[]): JsonObject =>
    JSON.parse(
      String(foldEntries(remediationAudit, observations.map(entry))['investigation_sessions']),
    ) as JsonObject;

  test('says who took the investigation over, and when they were disconnected', () => {
    expect(sessionsOf([read('is-uid', '1')])).toEqual({
      'is-uid': {
        name: `is-${REMEDIATION.name}`,
        user: 'dana@example.com',
        groups: ['sre'],
        join_mode: 'takeover',
        phase: 'Disconnected',
        connection: 'Disconnected',
        analysis: `ai-${REMEDIATION.name}`,
        correlation_id: 'ka-1',
        started_at: '2026-11-21T10:41:00Z',
        disconnected_at: '2026-11-21T10:42:00Z',
        driver: 'dana@example.com',
        driver_since: '2026-11-21T10:41:02Z',
        message: 'the stream was closed',
      },
    });
  });

  test('does not touch the entry of another one', () => {
    const spec = { userIdentity: { username: 'sam@example.com' } };
    const sessions = sessionsOf([read('first', '1'), read('second', '2', { spec })]);
    expect(Object.entries(sessions).map(([uid, said]) => [uid, (said as JsonObject)['user']])).toEqual([
      ['first', 'dana@example.com'],
      ['second', 'sam@example.com'],
    ]);
  });

  test('without an owner belongs to the remediation of its name, once that was seen', () => {
    const alone = investigationSession({ metadata: { ownerReferences: [] } });
    expect(readInvestigationSession(alone, CONTEXT)).toEqual({ unread: 'no-remediation' });
    const remediationUid = (): string => REMEDIATION.uid;
    expect(readInvestigationSession(alone, { ...CONTEXT, remediationUid })).toMatchObject({
      remediation: REMEDIATION,
    });
  });
});

describe('a notification', () => {
  test('is one entry by its name, with what became of it, and nothing of what was written to whom', () => {
    const { columns } = only(readNotificationRequest(notificationRequest(), CONTEXT));
    expect(JSON.parse(String(columns['notifications']))).toEqual({
      [`nr-completion-${REMEDIATION.name}`]: {
        type: 'Completion',
        priority: 'High',
        severity: 'critical',
        about_phase: 'Executing',
        review_source: 'AIAnalysis',
        channels: ['slack', 'console'],
        phase: 'PartiallySent',
        reason: 'PartialDeliverySuccess',
        total_attempts: 2,
        successful_deliveries: 1,
        failed_deliveries: 1,
        queued_at: '2026-11-21T10:49:00Z',
        processing_started_at: '2026-11-21T10:49:01Z',
        completed_at: '2026-11-21T10:49:05Z',
        routing: {
          reason: 'RoutingRuleMatched',
          message: "Matched rule 'critical' → channels: slack, console",
        },
        attempts: [
          { channel: 'slack', attempt: 1, status: 'failed', at: '2026-11-21T10:49:02Z', error: 'no route' },
          {
            channel: 'console',
            attempt: 1,
            status: 'success',
            at: '2026-11-21T10:49:03Z',
            duration_seconds: 0.5,
          },
        ],
      },
    });
    expect(JSON.stringify(columns)).not.toMatch(/hunter2|was restarted|sam@|grafana/);
  });

  test('does not touch the entry of another', () => {
    const named = (name: string, resourceVersion: string) =>
      only(readNotificationRequest(notificationRequest({ metadata: { name, resourceVersion } }), CONTEXT));
    const row = foldEntries(remediationAudit, [named('nr-a', '1'), named('nr-b', '2')].map(entry));
    expect(Object.keys(JSON.parse(String(row['notifications'])) as JsonObject)).toEqual(['nr-a', 'nr-b']);
  });

  test('of G1 keeps its lower-case words', () => {
    const resource = notificationRequest({
      apiVersion: 'notification.kubernaut.ai/v1alpha1',
      spec: { type: 'status-update', priority: 'low' },
    });
    const reading = readNotificationRequest(resource, CONTEXT);
    expect(reading).toMatchObject({ shape: 'G1', unrecognised: [], misshapen: [] });
    expect(only(reading).columns['notifications']).toContain('"type":"status-update"');
  });

  test('of no remediation is not read', () => {
    const alone = notificationRequest({ spec: { remediationRequestRef: null } });
    expect(readNotificationRequest(alone, CONTEXT)).toEqual({ unread: 'no-remediation' });
  });
});

describe('fields of a later generation', () => {
  test('stay in the record under a name for each kind, whichever is recorded last', () => {
    const novelty = { spec: { novelty: 1 } };
    const observations = [
      readRemediationRequest(remediationRequest(novelty), CONTEXT),
      readNotificationRequest(notificationRequest(novelty), CONTEXT),
      readApprovalRequest(approvalRequest({}, novelty), CONTEXT),
      readEffectivenessAssessment(
        { ...effectivenessAssessment(), ...novelty, spec: { correlationID: REMEDIATION.name, novelty: 1 } },
        CONTEXT,
      ),
    ].map((reading) => readable(reading).observations[0]);
    const row = foldEntries(remediationAudit, observations.filter((one) => one !== undefined).map(entry));
    const unknown = { 'spec.novelty': 1 };
    expect(JSON.parse(String(row['extra']))).toMatchObject({
      unrecognised: unknown,
      notification_request_unrecognised: unknown,
      remediation_approval_request_unrecognised: unknown,
      effectiveness_assessment_unrecognised: unknown,
    });
  });
});
