import { defineRecord, REMEDIATION_ID, SCORE } from './definition.ts';

/** What is known for certain about the end of a remediation; a later observation only ever makes it more certain. */
const VERDICTS = ['open', 'deleted-before-terminal', 'terminal'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Of all releases: `Recovering` is a word of the oldest. */
const OVERALL_PHASES = [
  'Pending',
  'Processing',
  'Analyzing',
  'AwaitingApproval',
  'Executing',
  'Verifying',
  'Recovering',
  'Blocked',
  'Completed',
  'Failed',
  'TimedOut',
  'Skipped',
  'Cancelled',
] as const;

const OUTCOMES = [
  'Remediated',
  'NoActionRequired',
  'ManualReviewRequired',
  'VerificationTimedOut',
  'Inconclusive',
  'DryRun',
] as const;

export const remediationAudit = defineRecord({
  table: 'remediation_audit',
  kind: 'remediation',
  meaning: 'One remediation from its signal to its verdict, written from the first observation on.',
  postable: false,
  columns: [
    REMEDIATION_ID,
    {
      name: 'signal_fingerprint',
      type: 'text',
      identifier: true,
      meaning: 'Fingerprint of the signal that caused it',
    },
    { name: 'signal_name', type: 'text', meaning: 'Name of the signal' },
    { name: 'severity', type: 'text', meaning: 'Severity of the signal' },
    { name: 'signal_type', type: 'text', meaning: 'Type of the signal' },
    { name: 'signal_source', type: 'text', meaning: 'Where the signal came from' },
    { name: 'signal_labels', type: 'jsonb', meaning: 'Labels of the signal, redacted' },
    { name: 'target_kind', type: 'text', meaning: 'Kind of what the signal is about' },
    {
      name: 'target_name',
      type: 'text',
      identifier: true,
      meaning: 'Name of what the signal is about',
    },
    {
      name: 'target_namespace',
      type: 'text',
      identifier: true,
      meaning: 'Namespace of what the signal is about; unknown for what has none',
    },
    {
      name: 'overall_phase',
      type: 'text',
      vocabulary: OVERALL_PHASES,
      meaning: 'Phase of the remediation',
    },
    {
      name: 'outcome',
      type: 'text',
      vocabulary: OUTCOMES,
      meaning: 'Outcome: a remediation may complete without remediating',
    },
    { name: 'failure_phase', type: 'text', meaning: 'Phase in which it failed or timed out' },
    { name: 'failure_reason', type: 'text', meaning: 'Why it failed, redacted' },
    { name: 'workflow_id', type: 'text', meaning: 'Workflow of the catalogue that was chosen' },
    { name: 'workflow_name', type: 'text', meaning: 'Name of that workflow' },
    { name: 'workflow_version', type: 'text', meaning: 'Version of that workflow' },
    { name: 'workflow_confidence', type: 'numeric', range: SCORE, meaning: 'Confidence in it, 0 to 1' },
    { name: 'approval_required', type: 'boolean', meaning: 'Whether somebody had to approve it' },
    {
      name: 'approval_decision',
      type: 'text',
      vocabulary: ['Approved', 'Rejected', 'Expired'],
      meaning: 'How the approval was decided',
    },
    { name: 'approval_decided_by', type: 'text', meaning: 'Who decided' },
    { name: 'approval_decided_via', type: 'text', meaning: 'By which way the decision came' },
    { name: 'approval_decided_at', type: 'timestamptz', meaning: 'When it was decided' },
    {
      name: 'approval_override',
      type: 'jsonb',
      meaning: 'Workflow and parameters that the approver put in place of the recommended ones, redacted',
    },
    { name: 'verification_reason', type: 'text', meaning: 'How complete the verification was' },
    {
      name: 'verification_health_score',
      type: 'numeric',
      range: SCORE,
      meaning: 'Health of the target afterwards, 0 to 1',
    },
    {
      name: 'verification_alert_score',
      type: 'numeric',
      range: SCORE,
      meaning: 'Whether the alert went away, 0 to 1',
    },
    {
      name: 'verification_metrics_score',
      type: 'numeric',
      range: SCORE,
      meaning: 'Whether the metrics recovered, 0 to 1',
    },
    {
      name: 'pre_remediation_spec_hash',
      type: 'text',
      meaning: 'Hash of the target before the remediation',
    },
    {
      name: 'post_remediation_spec_hash',
      type: 'text',
      meaning: 'Hash of the target right after the remediation',
    },
    { name: 'current_spec_hash', type: 'text', meaning: 'Hash of the target when it was verified' },
    {
      name: 'notifications',
      type: 'jsonb',
      fold: 'union',
      meaning: 'Notifications that were sent: name of the request to type, phase and reason',
    },
    {
      name: 'investigation_sessions',
      type: 'jsonb',
      fold: 'union',
      meaning:
        'People who took part in the investigation: uid of the session to user, join mode, phase and times',
    },
    { name: 'started_at', type: 'timestamptz', fold: 'earliest', meaning: 'Start of the remediation' },
    { name: 'completed_at', type: 'timestamptz', meaning: 'End of the remediation' },
    {
      name: 'deleted_at',
      type: 'timestamptz',
      // The event carries the time of the deletion; a watcher that only finds it gone knows a later one.
      fold: 'earliest',
      meaning: 'When the resource was deleted, or found to be gone',
    },
    {
      name: 'verdict',
      type: 'text',
      fold: 'rank',
      vocabulary: VERDICTS,
      meaning: 'What is certain about its end',
    },
    {
      name: 'final_state_unknown',
      type: 'boolean',
      meaning: 'The resource went away unseen, so its last known state may not be its last',
    },
    {
      name: 'retention_expires_at',
      type: 'timestamptz',
      meaning: 'When its controller may delete the resource',
    },
  ],
});
