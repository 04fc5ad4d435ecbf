import type { JsonObject, JsonValue } from '../domain/json.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import { inAll } from './column-source.ts';
import { readDeletionFromRemediation } from './deletion.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, SAID_BY_COMMON_COLUMNS } from './kind.ts';
import { remediationOf } from './observed-remediation.ts';
import { definePhase } from './read-kind.ts';
import { readerOf } from './remediation-addition.ts';
import { at, textAt } from './resource.ts';

const anywhere = (...paths: readonly string[]) => inAll(['G3', 'G2', 'G1'], ...paths);

/**
 * The workflow that was chosen stays the remediation's word. What an approver put in its place stands in
 * approval_override, and what was executed in the record of the execution.
 */
export const APPROVAL = definePhase({
  definition: remediationAudit,
  phase: 'approval',
  columns: {
    // No field says so: that the request exists does.
    approval_required: { paths: {}, derive: () => true, how: 'true: there is a request for it' },
    approval_decision: {
      paths: anywhere('status.decision'),
      derive: decisionOf,
      how: '`Expired` also where only `status.expired` says so',
    },
    approval_decided_by: { paths: anywhere('status.decidedBy') },
    approval_decided_via: { paths: anywhere('status.decidedVia') },
    approval_decided_at: { paths: anywhere('status.decidedAt') },
    approval_override: { paths: anywhere('status.workflowOverride') },
  },
  extra: {
    approval_request: anywhere('metadata.name'),
    approval_analysis: anywhere('spec.aiAnalysisRef.name'),
    approval_reason: anywhere('spec.reason'),
    approval_why: anywhere('spec.whyApprovalRequired'),
    approval_confidence: anywhere('spec.confidence'),
    approval_confidence_level: anywhere('spec.confidenceLevel'),
    approval_workflow_id: anywhere('spec.recommendedWorkflow.workflowId'),
    approval_workflow_version: anywhere('spec.recommendedWorkflow.version'),
    approval_execution_bundle: anywhere(
      'spec.recommendedWorkflow.executionBundle',
      'spec.recommendedWorkflow.containerImage',
    ),
    approval_policy: anywhere('spec.policyEvaluation'),
    approval_requested_at: anywhere('status.createdAt', 'metadata.creationTimestamp'),
    approval_required_by: anywhere('spec.requiredBy'),
    approval_message: anywhere('status.decisionMessage'),
  },
});

/** `timeRemaining` and `message` change while nobody does anything: read, each change would be an observation. */
export const APPROVAL_LEFT_OUT: LeftOut = {
  ...SAID_BY_COMMON_COLUMNS,
  ...CHURN,
  'counts down': ['status.timeRemaining', 'status.message'],
  'read into approval_decision': ['status.expired', 'status.reason'],
  'repeats the record of the analysis': [
    'spec.investigationSummary',
    'spec.evidenceCollected',
    'spec.recommendedActions',
    'spec.alternativesConsidered',
    'spec.recommendedWorkflow.rationale',
  ],
  'the remediation says it': ['spec.clusterID'],
};

/**
 * Reads a request into the phase `approval` of its remediation; it has no record of its own. Who decided is
 * kept as it stands: that is what an audit asks for.
 */
export const readApprovalRequest = readerOf({
  sources: APPROVAL,
  leftOut: APPROVAL_LEFT_OUT,
  subject: (resource) => `approval ${(textAt(resource, 'status.decision') ?? 'awaited').toLowerCase()}`,
  remediationOf,
});

/** A deletion says nothing about the decision: the columns of the approval stay as they are. */
export const readApprovalDeletion = readDeletionFromRemediation({
  kind: 'RemediationApprovalRequest',
  definition: APPROVAL.definition,
  phase: APPROVAL.phase,
});

/** `""` is an open request, not a decision. */
function decisionOf(decision: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (typeof decision === 'string') return decision;
  return at(resource, 'status.expired') === true ? 'Expired' : undefined;
}
