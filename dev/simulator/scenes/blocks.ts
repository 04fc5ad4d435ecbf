import type { Step, TemplateObject } from '../step.ts';
import { notified } from './notifications.ts';

/** When a block is over, its fields are gone: only the states in between have them. */
const RELEASED: TemplateObject = {
  blockReason: null,
  blockMessage: null,
  blockedUntil: null,
  blockingWorkflowExecution: null,
  duplicateOf: null,
  consecutiveFailureCount: null,
};

const blocked = (reason: string, message: string, more: TemplateObject): readonly Step[] => [
  {
    after: '0.2s',
    update: 'RR',
    status: {
      overallPhase: 'Blocked',
      message: `Blocked: ${message}`,
      routingStatus: { blockReason: reason, blockMessage: message, ...more },
    },
  },
];

export const released = (phase: 'Pending' | 'Analyzing', after: string): readonly Step[] => [
  {
    after,
    update: 'RR',
    status: { overallPhase: phase, message: 'No longer blocked', routingStatus: RELEASED },
  },
];

const notManaged = (count: number, wait: string): readonly Step[] => [
  ...blocked('UnmanagedResource', '{targetText} is not managed: label its namespace to change that', {
    blockedUntil: `@now+${wait}`,
    consecutiveFailureCount: count,
  }),
  ...released('Pending', wait),
];

/** Blocked three times, until somebody labelled the namespace. */
export const unmanagedThreeTimes: readonly Step[] = [
  ...notManaged(1, '5s'),
  ...notManaged(2, '10s'),
  ...notManaged(3, '20s'),
];

export const failedTooOften: readonly Step[] = [
  ...blocked('ConsecutiveFailures', '3 remediations of this signal failed in a row', {
    blockedUntil: '@now+1h',
    consecutiveFailureCount: 3,
  }),
  ...notified('block-consecutivefailures', {
    type: 'Escalation',
    severity: '@severity',
    priority: 'High',
    reviewSource: 'RoutingEngine',
    subject: '{signalName} on {targetText} is blocked for an hour',
    body: 'Three remediations of this signal failed in a row.',
  }),
  {
    after: '1h',
    update: 'RR',
    status: {
      overallPhase: 'Failed',
      message: 'Blocked after consecutive failures',
      routingStatus: RELEASED,
      completionStatus: { failurePhase: 'Blocked', failureReason: '3 consecutive failures' },
    },
  },
];

/** The same signal is being remediated already: this one has no children, and is looked at every 30 s without a write. */
export const duplicate: readonly Step[] = blocked('DuplicateInProgress', 'Duplicate of {otherRemediation}', {
  duplicateOf: '@otherRemediation',
});

export const inheritsSuccess: readonly Step[] = [
  {
    after: '90s',
    update: 'RR',
    status: {
      overallPhase: 'Completed',
      message: 'Ended as {otherRemediation} did',
      completedAt: '@now',
      routingStatus: RELEASED,
      completionStatus: { outcome: 'Remediated' },
    },
  },
];

export const inheritsFailure: readonly Step[] = [
  {
    after: '90s',
    update: 'RR',
    status: {
      overallPhase: 'Failed',
      message: 'Ended as {otherRemediation} did',
      completedAt: '@now',
      routingStatus: RELEASED,
      completionStatus: { failurePhase: 'Deduplicated', failureReason: 'Original {otherRemediation} failed' },
    },
  },
];

export const backsOff: readonly Step[] = [
  ...blocked('ExponentialBackoff', 'Next attempt in 2m0s', {
    blockedUntil: '@now+2m',
    nextAllowedExecution: '@now+2m',
    consecutiveFailureCount: 2,
  }),
  ...released('Pending', '2m'),
];

/** Which workflow is held back, and from what, only the analysis says. */
export const targetBusy: readonly Step[] = blocked('ResourceBusy', '{otherExecution} works on {targetText}', {
  blockingWorkflowExecution: '@otherExecution',
});

export const remediatedJustNow: readonly Step[] = [
  ...blocked(
    'RecentlyRemediated',
    'Target was remediated recently ({otherExecution}). Cooldown expires: {cooldownEnd}',
    { blockedUntil: '@now+4m' },
  ),
  ...released('Analyzing', '4m'),
];

export const ineffective: readonly Step[] = [
  ...blocked('IneffectiveChain', '3 executions of {workflowName} changed nothing', {
    blockedUntil: '@now+4h',
  }),
  {
    after: '0.1s',
    update: 'RR',
    status: { completionStatus: { outcome: 'ManualReviewRequired', requiresManualReview: true } },
  },
  ...notified('block-ineffectivechain', {
    type: 'ManualReview',
    severity: '@severity',
    priority: 'Critical',
    reviewSource: 'RoutingEngine',
    subject: '{workflowName} does not help {targetText}',
    body: 'Three executions changed nothing; somebody has to look.',
  }),
  {
    after: '5m',
    update: 'RR',
    status: {
      overallPhase: 'Failed',
      message: 'The workflow does not help',
      routingStatus: RELEASED,
      completionStatus: { failurePhase: 'Blocked', failureReason: 'Ineffective chain of remediations' },
    },
  },
];
