import type { JsonValue } from '../domain/json.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import type { Paths, Sources } from './column-source.ts';
import { DELETED_AT, inAll } from './column-source.ts';
import type { LeftOut } from './kind.ts';
import { CHURN } from './kind.ts';
import { definePhase } from './read-kind.ts';
import { HOW_NAMED, workflowNameOf } from './resource.ts';

const ALL = ['G3', 'G2', 'G1', 'G0'] as const;

/**
 * Paths of members of the status that G3 gathered in a struct; before, they lay flat. With several members
 * the first that has a value is read, struct before flat.
 */
export function grouped(struct: string, ...members: readonly string[]): Paths {
  const flat = members.map((member) => `status.${member}`);
  return { G3: members.map((member) => `status.${struct}.${member}`), G2: flat, G1: flat, G0: flat };
}

const anywhere = (path: string): Paths => inAll(ALL, path);

type RemediationColumns = Sources<typeof remediationAudit>['columns'];

const COLUMNS = {
  signal_fingerprint: { paths: anywhere('spec.signalFingerprint') },
  signal_name: { paths: anywhere('spec.signalName') },
  severity: { paths: anywhere('spec.severity') },
  signal_type: { paths: anywhere('spec.signalType') },
  signal_source: { paths: anywhere('spec.signalSource') },
  signal_labels: { paths: anywhere('spec.signalLabels') },
  target_kind: { paths: anywhere('spec.targetResource.kind') },
  target_name: { paths: anywhere('spec.targetResource.name') },
  target_namespace: { paths: anywhere('spec.targetResource.namespace') },
  overall_phase: { paths: anywhere('status.overallPhase') },
  outcome: { paths: grouped('completionStatus', 'outcome') },
  // Of a time-out the phase stands in timeoutPhase.
  failure_phase: { paths: grouped('completionStatus', 'failurePhase', 'timeoutPhase') },
  failure_reason: { paths: grouped('completionStatus', 'failureReason') },
  workflow_id: { paths: grouped('workflowSelection', 'selectedWorkflowRef.workflowId') },
  workflow_name: {
    paths: grouped('workflowSelection', 'workflowDisplayName'),
    derive: workflowNameOf,
    how: HOW_NAMED,
  },
  workflow_version: { paths: grouped('workflowSelection', 'selectedWorkflowRef.version') },
  workflow_confidence: { paths: grouped('workflowSelection', 'confidence') },
  pre_remediation_spec_hash: { paths: grouped('operatorAudit', 'preRemediationSpecHash') },
  started_at: { paths: anywhere('status.startTime') },
  // Several ways into Failed set none. Nothing is put in its place: when that state was first seen stands in the ledger,
  // as observed_at of the closure.
  completed_at: { paths: anywhere('status.completedAt') },
  retention_expires_at: { paths: anywhere('status.retentionExpiryTime') },
} satisfies RemediationColumns;

/**
 * What has no column. Some members are written by no kubernaut of today (`skip_reason`, `duplicate_count` …); they are
 * read where they still stand.
 */
const EXTRA: Readonly<Record<string, Paths>> = {
  message: anywhere('status.message'),
  cluster_id: anywhere('spec.clusterID'),
  target_type: anywhere('spec.targetType'),
  target_api_version: anywhere('spec.targetResource.apiVersion'),
  firing_time: anywhere('spec.firingTime'),
  received_time: anywhere('spec.receivedTime'),
  environment: { G1: 'spec.environment' },
  priority: { G1: 'spec.priority' },
  is_storm: inAll(['G2', 'G1'], 'spec.isStorm'),
  storm_type: inAll(['G2', 'G1'], 'spec.stormType'),
  storm_window: inAll(['G2', 'G1'], 'spec.stormWindow'),
  storm_alert_count: inAll(['G2', 'G1'], 'spec.stormAlertCount'),
  affected_resources: inAll(['G2', 'G1'], 'spec.affectedResources'),
  timeouts: { ...inAll(['G3', 'G2'], 'status.timeoutConfig'), G1: 'spec.timeoutConfig' },
  first_seen_at: {
    ...inAll(['G3', 'G2'], 'status.deduplication.firstSeenAt'),
    G1: [
      'status.deduplication.firstSeenAt',
      'spec.deduplication.firstOccurrence',
      'spec.deduplication.firstSeen',
    ],
  },
  occurrence_count: {
    ...inAll(['G3', 'G2'], 'status.deduplication.occurrenceCount'),
    G1: ['status.deduplication.occurrenceCount', 'spec.deduplication.occurrenceCount'],
  },
  processing_started_at: grouped('phaseProgress', 'processingStartTime'),
  analyzing_started_at: grouped('phaseProgress', 'analyzingStartTime'),
  executing_started_at: grouped('phaseProgress', 'executingStartTime'),
  verification_deadline: grouped('phaseProgress', 'verificationDeadline'),
  timeout_phase: grouped('completionStatus', 'timeoutPhase'),
  timeout_time: grouped('completionStatus', 'timeoutTime'),
  requires_manual_review: grouped('completionStatus', 'requiresManualReview'),
  notification_status: grouped('completionStatus', 'notificationStatus'),
  approval_notification_sent: grouped('completionStatus', 'approvalNotificationSent'),
  duplicate_of: grouped('routingStatus', 'duplicateOf'),
  deduplicated_by_wfe: grouped('routingStatus', 'deduplicatedByWE'),
  duplicate_count: grouped('routingStatus', 'duplicateCount'),
  duplicate_refs: grouped('routingStatus', 'duplicateRefs'),
  skip_reason: grouped('routingStatus', 'skipReason'),
  skip_message: grouped('routingStatus', 'skipMessage'),
  next_allowed_execution: grouped('routingStatus', 'nextAllowedExecution'),
  consecutive_failure_count: grouped('routingStatus', 'consecutiveFailureCount'),
  last_modified_by: grouped('operatorAudit', 'lastModifiedBy'),
  last_modified_at: grouped('operatorAudit', 'lastModifiedAt'),
  execution_bundle: grouped('workflowSelection', 'selectedWorkflowRef.executionBundle'),
  execution_bundle_digest: grouped('workflowSelection', 'selectedWorkflowRef.executionBundleDigest'),
  remediation_target: grouped('workflowSelection', 'remediationTarget'),
  workflow_display_name: grouped('workflowSelection', 'workflowDisplayName'),
  target_display: grouped('workflowSelection', 'targetDisplay'),
  signal_target_display: grouped('workflowSelection', 'signalTargetDisplay'),
};

/** A remediation that goes on. The same columns as its closure; only the verdict differs. */
export const PROGRESS = definePhase({
  definition: remediationAudit,
  phase: 'progress',
  columns: {
    ...COLUMNS,
    verdict: { paths: {}, derive: () => 'open', how: '`open` until it ends' },
  },
  extra: EXTRA,
});

/**
 * The verdict folds by rank and never goes back, though Failed may still become Blocked. That is right: it says that an
 * end was seen and recorded, not that it was the last. What a re-opened remediation comes to is said by the phase and the
 * outcome, where the newest wins, and its second end is another closure.
 */
export const CLOSURE = definePhase({
  definition: remediationAudit,
  phase: 'closure',
  columns: {
    ...COLUMNS,
    verdict: {
      paths: anywhere('status.overallPhase'),
      derive: verdictOf,
      how: '`terminal` in a phase that ends it; `deleted-before-terminal` when it was deleted before',
    },
    deleted_at: DELETED_AT,
    final_state_unknown: {
      paths: {},
      how: 'the watcher: whether it went unseen, in a phase that was no end',
    },
  },
  extra: EXTRA,
});

/**
 * Phases that end a remediation, in lower case, in the words of all generations. `failed` is among them
 * although it may still become Blocked.
 */
export const TERMINAL_PHASES = [
  'completed',
  'failed',
  'timedout',
  'timeout',
  'skipped',
  'cancelled',
] as const;

/** Compares without case: G1 writes its phases in lower case. */
export function isTerminal(phase: JsonValue | undefined): boolean {
  return typeof phase === 'string' && TERMINAL_PHASES.some((terminal) => terminal === phase.toLowerCase());
}

/** The verdict of a remediation that is over. What is gone without a terminal phase was deleted before its end. */
export function verdictOf(phase: JsonValue | undefined): string {
  return isTerminal(phase) ? 'terminal' : 'deleted-before-terminal';
}

/** Both places of the members of a struct, for the list of what is left out. */
const flatAndGrouped = (struct: string, members: readonly string[]): readonly string[] =>
  members.flatMap((member) => [`status.${struct}.${member}`, `status.${member}`]);

export const REMEDIATION_REQUEST_LEFT_OUT: LeftOut = {
  ...CHURN,
  'changes with every repetition of the signal; how often stands in `extra`': [
    'status.deduplication',
    'spec.deduplication',
  ],
  'raw input of strangers, full of secrets; of the payload only the length is kept': [
    'spec.originalPayload',
    'spec.providerData',
    'spec.signalAnnotations',
  ],
  'children are recorded by themselves; their names are read into their own records': flatAndGrouped(
    'phaseProgress',
    [
      'signalProcessingRef',
      'remediationProcessingRef',
      'aiAnalysisRef',
      'workflowExecutionRef',
      'effectivenessAssessmentRef',
      'currentProcessingRef',
    ],
  ),
  'names the execution, as workflowExecutionRef does': flatAndGrouped('workflowSelection', ['executionRef']),
  'only the names are kept: apiVersion still speaks of a group that is gone': flatAndGrouped(
    'completionStatus',
    ['notificationRequestRefs'],
  ),
  'read into a record of the block, and into `last_block`': flatAndGrouped('routingStatus', [
    'blockReason',
    'blockMessage',
    'blockedUntil',
    'blockingWorkflowExecution',
  ]),
};
