import type { Step, TemplateObject } from '../step.ts';
import { FAILED_EXECUTION, notified } from './notifications.ts';
import { condition } from './signal.ts';

/**
 * The execution exists; its engine has nothing to do yet. The remediation names it and the workflow while its phase is
 * still Analyzing: nothing names the workflow of one that is blocked after its analysis.
 */
const executionBegins: readonly Step[] = [
  { after: '2s..8s', create: 'WFE' },
  { update: 'RR', status: { operatorAudit: { preRemediationSpecHash: '@specHash before' } } },
  {
    update: 'RR',
    status: {
      phaseProgress: { workflowExecutionRef: '@ref WFE', currentProcessingRef: '@ref WFE' },
      conditions: [
        condition('AIAnalysisComplete', 'AIAnalysisSucceeded', 'The analysis has ended'),
        condition('WorkflowExecutionReady', 'WorkflowExecutionCreated', 'It was created'),
      ],
      workflowSelection: {
        selectedWorkflowRef: '@workflow',
        executionRef: '@ref WFE',
        remediationTarget: '@target',
        targetDisplay: '@targetText',
        signalTargetDisplay: '@targetText',
        confidence: '@confidence',
        workflowDisplayName: '@workflowDisplayName',
      },
    },
  },
  {
    after: '0.2s',
    update: 'RR',
    status: {
      overallPhase: 'Executing',
      message: 'Running the workflow',
      phaseProgress: { executingStartTime: '@now' },
    },
  },
  {
    after: '0.1s',
    update: 'WFE',
    status: {
      phase: 'Pending',
      executionStatus: '@tasks none',
      conditions: [condition('ResourceLocked', 'LockAcquired', 'The target is locked')],
    },
  },
];

/** A job or pipeline works on the tasks, one after the other. */
export const running: readonly Step[] = [
  ...executionBegins,
  {
    after: '1s',
    update: 'WFE',
    status: {
      phase: 'Running',
      startTime: '@now',
      executionRef: { name: '@jobName' },
      executionStatus: '@tasks none',
      conditions: [
        condition('ExecutionCreated', 'ResourceCreated', '{jobName} was created'),
        condition('ExecutionRunning', 'ResourceRunning', '{jobName} runs'),
      ],
    },
  },
];

export const executed: readonly Step[] = [
  ...running,
  {
    after: '35s..180s',
    update: 'WFE',
    status: {
      phase: 'Completed',
      completionTime: '@now',
      duration: '@elapsed startTime',
      executionStatus: '@tasks all',
      conditions: [
        condition('ExecutionComplete', 'ExecutionSucceeded', 'Every task succeeded'),
        condition('Ready', 'ExecutionCompleted', 'Every task succeeded'),
      ],
    },
  },
  // Conditions alone: no other member of the status changes.
  {
    after: '0.1s',
    update: 'WFE',
    status: { conditions: [condition('AuditRecorded', 'AuditSucceeded', 'Events were written')] },
  },
];

export const executionFailed: readonly Step[] = [
  ...running,
  {
    after: '15s..90s',
    update: 'WFE',
    status: {
      phase: 'Failed',
      completionTime: '@now',
      duration: '@elapsed startTime',
      failureReason: '@failureMessage',
      executionStatus: '@tasks failed',
      failureDetails: '@failureDetails',
    },
  },
  {
    after: '2s..10s',
    update: 'RR',
    status: {
      overallPhase: 'Failed',
      message: 'The workflow failed; somebody has to look',
      completedAt: '@now',
      completionStatus: {
        failurePhase: 'WorkflowExecution',
        failureReason: '@failureMessage',
        requiresManualReview: true,
      },
    },
  },
  ...notified('manual-review', FAILED_EXECUTION),
];

/** Another execution was quicker to lock the target; the remediation takes over the other's ending. */
export const lockLost: readonly Step[] = [
  ...executionBegins,
  {
    after: '0.5s',
    update: 'WFE',
    status: {
      phase: 'Failed',
      deduplicatedBy: '@otherExecution',
      failureReason: 'Target {targetText} is locked by {otherExecution}',
      failureDetails: {
        reason: 'Deduplicated',
        message: 'Target {targetText} is locked by {otherExecution}',
        failedAt: '@now',
        wasExecutionFailure: false,
      },
    },
  },
  {
    after: '5s',
    update: 'RR',
    status: {
      message: 'Another execution works on the target',
      routingStatus: { deduplicatedByWE: '@otherExecution' },
    },
  },
  {
    after: '2m',
    update: 'RR',
    status: {
      overallPhase: 'Completed',
      message: 'Ended as {otherExecution} did',
      completedAt: '@now',
      completionStatus: { outcome: 'Remediated' },
    },
  },
];

/** As it was until December 2025: the execution itself says that it did not run, and why. */
export const skipped = (skipDetails: TemplateObject, references: TemplateObject): readonly Step[] => [
  ...executionBegins.slice(0, -1),
  {
    after: '0.2s',
    update: 'WFE',
    status: {
      phase: 'Skipped',
      completionTime: '@now',
      skipDetails: { ...skipDetails, skippedAt: '@now' },
      consecutiveFailures: 0,
    },
  },
  {
    after: '2s',
    update: 'RR',
    status: {
      overallPhase: 'Skipped',
      completedAt: '@now',
      ...references,
    },
  },
];
