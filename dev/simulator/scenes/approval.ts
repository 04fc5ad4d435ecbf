import type { Step, TemplateObject } from '../step.ts';
import { notified } from './notifications.ts';

/** The remediation waits for a person. */
export const approvalAsked: readonly Step[] = [
  { after: '2s', create: 'RAR' },
  {
    update: 'RR',
    status: { overallPhase: 'AwaitingApproval', message: 'Waiting for an approval' },
  },
  {
    after: '0.1s',
    update: 'RAR',
    status: { decision: '', createdAt: '@now', timeRemaining: '15m0s', expired: false },
  },
  ...notified('approval', {
    type: 'Approval',
    severity: '@severity',
    priority: 'High',
    subject: 'Approval needed: {workflowName} on {targetText}',
    body: 'The analysis proposes {workflowName} with confidence {confidence}.\n\n{rationale}',
  }),
  { update: 'RR', status: { completionStatus: { approvalNotificationSent: true } } },
  { after: '30s', update: 'RAR', status: { timeRemaining: '14m30s' } },
  { after: '30s', update: 'RAR', status: { timeRemaining: '14m0s' } },
];

const decided = (decision: string, message: string, more: TemplateObject = {}): readonly Step[] => [
  {
    after: '40s..3m',
    update: 'RAR',
    status: {
      decision,
      decidedBy: 'dana@example.com',
      decidedVia: 'kubectl',
      decidedAt: '@now',
      decisionMessage: message,
      timeRemaining: null,
      ...more,
    },
  },
];

export const approved: readonly Step[] = decided('Approved', 'Looks right, go ahead');

export const approvedOtherwise: readonly Step[] = decided('Approved', 'A restart is enough for now', {
  workflowOverride: {
    workflowName: '@overridingWorkflow',
    parameters: '@overridingParameters',
    rationale: 'Less invasive, and the shift is about to end',
  },
});

export const rejected: readonly Step[] = [
  ...decided('Rejected', 'Not during the sale'),
  {
    after: '2s..30s',
    update: 'RR',
    status: {
      overallPhase: 'Failed',
      message: 'The approval was rejected',
      completedAt: '@now',
      completionStatus: {
        failurePhase: 'Approval',
        failureReason: 'Rejected by dana@example.com: Not during the sale',
      },
    },
  },
];

export const approvalExpired: readonly Step[] = [
  {
    after: '14m',
    update: 'RAR',
    status: {
      decision: 'Expired',
      decidedBy: 'system',
      decidedAt: '@now',
      expired: true,
      timeRemaining: '0s',
      reason: 'Expired',
      message: 'Nobody decided in time',
    },
  },
  {
    after: '1s',
    update: 'RR',
    status: {
      overallPhase: 'Failed',
      message: 'The approval expired',
      completedAt: '@now',
      completionStatus: { failurePhase: 'Approval', failureReason: 'Approval expired after 15m0s' },
    },
  },
];
