/*
 * The kinds of kubernaut's resources: what each says about a remediation, in every shape it ever had.
 *
 * What comes in: the JSON of one resource, or what is known of one that is gone. What goes out: a ResourceReading with
 * observations, one per record it says something about, or the reason why it cannot be read.
 *
 * One file per kind names, for each column and generation (G0 to G3, see `SHAPES` in resource.ts), the path it is read from, and what is
 * left out and why. Documentation (docs/sources.md) and the search for unknown fields follow from the same tables.
 *
 * What must stay true: reading is pure and never throws, whatever the JSON; nothing is dropped in silence: a field that
 * no generation has goes to `extra` and is reported, and one that cannot be read is reported by its path.
 */
import { ACTION_OF_WORKFLOW } from './action-of-workflow.ts';
import {
  AGENT_SESSION_LEFT_OUT,
  readAgentSession,
  readSessionDeletion,
  SESSION_OF_ANALYSIS,
} from './agent-session.ts';
import { INVESTIGATION } from './ai-analysis-sources.ts';
import { AI_ANALYSIS_LEFT_OUT, AI_ANALYSIS_PHASES, readAiAnalysis } from './ai-analysis.ts';
import { takingAnyJson } from './any-json.ts';
import {
  APPROVAL,
  APPROVAL_LEFT_OUT,
  readApprovalDeletion,
  readApprovalRequest,
} from './approval-request.ts';
import { readDeletionOfRecord } from './deletion.ts';
import {
  readAssessmentDeletion,
  readEffectivenessAssessment,
  VERIFICATION,
  VERIFICATION_LEFT_OUT,
} from './effectiveness-assessment.ts';
import {
  INVESTIGATION_SESSION,
  INVESTIGATION_SESSION_LEFT_OUT,
  readInvestigationSession,
  readInvestigationSessionDeletion,
} from './investigation-session.ts';
import type { KubernautKind } from './kind.ts';
import { ACTION, KUBERNETES_EXECUTION_LEFT_OUT, readKubernetesExecution } from './kubernetes-execution.ts';
import {
  NOTIFICATION,
  NOTIFICATION_LEFT_OUT,
  readNotificationDeletion,
  readNotificationRequest,
} from './notification-request.ts';
import type { PhaseSources } from './read-kind.ts';
import {
  readRemediationProcessing,
  REMEDIATION_PROCESSING,
  REMEDIATION_PROCESSING_LEFT_OUT,
} from './remediation-processing.ts';
import {
  ANALYSIS_TIMEOUT,
  NAME_OF_EXECUTED,
  SKIP,
  WORKFLOW_OF_ANALYSED,
} from './remediation-request-siblings.ts';
import {
  CLOSURE,
  PROGRESS,
  REMEDIATION_REQUEST_LEFT_OUT,
  TERMINAL_PHASES,
} from './remediation-request-sources.ts';
import { readRemediationDeletion, readRemediationRequest } from './remediation-request.ts';
import { readSignalProcessing, SIGNAL_PROCESSING, SIGNAL_PROCESSING_LEFT_OUT } from './signal-processing.ts';
import {
  EXECUTION,
  SKIPPED_EXECUTION,
  WORKFLOW_EXECUTION_LEFT_OUT,
  WORKFLOW_OF_ANALYSIS,
} from './workflow-execution-sources.ts';
import { readExecutionDeletion, readWorkflowExecution } from './workflow-execution.ts';

/** For a kind with records of its own: the deletion is said in the phase that each of its resources has. */
function deletionOf(kind: string, { definition, phase }: PhaseSources): KubernautKind['readDeletion'] {
  return readDeletionOfRecord({ kind, definition, phase });
}

const KINDS: readonly KubernautKind[] = [
  {
    kind: 'RemediationRequest',
    plural: 'remediationrequests',
    served: [
      { group: 'kubernaut.ai', version: 'v1alpha1' },
      { group: 'remediation.kubernaut.io', version: 'v1alpha1' },
    ],
    // SKIP makes records of their own: a remediation may be blocked several times.
    phases: [PROGRESS, CLOSURE, SKIP],
    fragments: [WORKFLOW_OF_ANALYSED, ANALYSIS_TIMEOUT, NAME_OF_EXECUTED],
    leftOut: REMEDIATION_REQUEST_LEFT_OUT,
    terminalPhases: TERMINAL_PHASES,
    read: readRemediationRequest,
    readDeletion: readRemediationDeletion,
  },
  {
    kind: 'SignalProcessing',
    plural: 'signalprocessings',
    served: [
      { group: 'kubernaut.ai', version: 'v1alpha1' },
      { group: 'signalprocessing.kubernaut.ai', version: 'v1alpha1' },
      { group: 'signalprocessing.kubernaut.io', version: 'v1alpha1' },
    ],
    phases: [SIGNAL_PROCESSING],
    leftOut: SIGNAL_PROCESSING_LEFT_OUT,
    terminalPhases: ['completed', 'failed'],
    read: readSignalProcessing,
    readDeletion: deletionOf('SignalProcessing', SIGNAL_PROCESSING),
  },
  {
    // What SignalProcessing was called in G0.
    kind: 'RemediationProcessing',
    plural: 'remediationprocessings',
    served: [{ group: 'remediationprocessing.kubernaut.io', version: 'v1alpha1' }],
    phases: [REMEDIATION_PROCESSING],
    leftOut: REMEDIATION_PROCESSING_LEFT_OUT,
    terminalPhases: ['completed', 'failed'],
    read: readRemediationProcessing,
    readDeletion: deletionOf('RemediationProcessing', REMEDIATION_PROCESSING),
  },
  {
    kind: 'AIAnalysis',
    plural: 'aianalyses',
    served: [
      { group: 'kubernaut.ai', version: 'v1alpha1' },
      { group: 'aianalysis.kubernaut.io', version: 'v1alpha1' },
      // G0a, which lived in documents only.
      { group: 'ai.kubernaut.io', version: 'v1' },
    ],
    phases: AI_ANALYSIS_PHASES,
    leftOut: AI_ANALYSIS_LEFT_OUT,
    terminalPhases: ['completed', 'failed'],
    read: readAiAnalysis,
    readDeletion: deletionOf('AIAnalysis', INVESTIGATION),
  },
  {
    kind: 'AgentSession',
    plural: 'agentsessions',
    served: [{ group: 'kubernaut.ai', version: 'v1alpha1' }],
    // No record of its own: it only adds to the record of its analysis.
    phases: [],
    fragments: [SESSION_OF_ANALYSIS],
    leftOut: AGENT_SESSION_LEFT_OUT,
    terminalPhases: ['completed', 'failed', 'cancelled'],
    read: readAgentSession,
    readDeletion: readSessionDeletion,
  },
  {
    kind: 'WorkflowExecution',
    plural: 'workflowexecutions',
    served: [
      { group: 'kubernaut.ai', version: 'v1alpha1' },
      { group: 'workflowexecution.kubernaut.ai', version: 'v1alpha1' },
      { group: 'workflowexecution.kubernaut.io', version: 'v1alpha1' },
      { group: 'workflow.kubernaut.io', version: 'v1' },
    ],
    phases: [EXECUTION, SKIPPED_EXECUTION, ACTION_OF_WORKFLOW],
    fragments: [WORKFLOW_OF_ANALYSIS],
    leftOut: WORKFLOW_EXECUTION_LEFT_OUT,
    terminalPhases: ['completed', 'failed', 'skipped'],
    read: readWorkflowExecution,
    readDeletion: readExecutionDeletion,
  },
  {
    // No controller ever reconciled this kind: it is expected in posts and in tests.
    kind: 'KubernetesExecution',
    plural: 'kubernetesexecutions',
    served: [
      { group: 'kubernetesexecution.kubernaut.io', version: 'v1alpha1' },
      { group: 'executor.kubernaut.io', version: 'v1' },
    ],
    phases: [ACTION],
    leftOut: KUBERNETES_EXECUTION_LEFT_OUT,
    terminalPhases: ['completed', 'failed'],
    read: readKubernetesExecution,
    readDeletion: deletionOf('KubernetesExecution', ACTION),
  },
  {
    kind: 'RemediationApprovalRequest',
    plural: 'remediationapprovalrequests',
    served: [
      { group: 'kubernaut.ai', version: 'v1alpha1' },
      { group: 'remediation.kubernaut.io', version: 'v1alpha1' },
    ],
    phases: [APPROVAL],
    leftOut: APPROVAL_LEFT_OUT,
    // It has no phase: its decision is read as one (`ownPhaseOf`).
    terminalPhases: ['approved', 'rejected', 'expired'],
    read: readApprovalRequest,
    readDeletion: readApprovalDeletion,
  },
  {
    kind: 'EffectivenessAssessment',
    plural: 'effectivenessassessments',
    served: [{ group: 'kubernaut.ai', version: 'v1alpha1' }],
    phases: [VERIFICATION],
    leftOut: VERIFICATION_LEFT_OUT,
    terminalPhases: ['completed', 'failed'],
    read: readEffectivenessAssessment,
    readDeletion: readAssessmentDeletion,
  },
  {
    kind: 'NotificationRequest',
    plural: 'notificationrequests',
    served: [
      { group: 'kubernaut.ai', version: 'v1alpha1' },
      { group: 'notification.kubernaut.ai', version: 'v1alpha1' },
    ],
    phases: [NOTIFICATION],
    leftOut: NOTIFICATION_LEFT_OUT,
    terminalPhases: ['sent', 'partiallysent', 'failed'],
    read: readNotificationRequest,
    readDeletion: readNotificationDeletion,
  },
  {
    kind: 'InvestigationSession',
    plural: 'investigationsessions',
    served: [{ group: 'kubernaut.ai', version: 'v1alpha1' }],
    phases: [INVESTIGATION_SESSION],
    leftOut: INVESTIGATION_SESSION_LEFT_OUT,
    terminalPhases: ['completed', 'cancelled', 'failed'],
    read: readInvestigationSession,
    readDeletion: readInvestigationSessionDeletion,
  },
];

/** All kinds that are read. A kind that a cluster serves in none of its groups is absent there: that is not an error. */
export const KUBERNAUT_KINDS: readonly KubernautKind[] = KINDS.map(takingAnyJson);
