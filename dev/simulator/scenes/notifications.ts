import type { Step, TemplateObject } from '../step.ts';
import { condition } from './signal.ts';

const attempt = (channel: string, status: string): TemplateObject => ({
  channel,
  attempt: 1,
  timestamp: '@now',
  status,
  durationSeconds: 0.4,
});

/** Who is notified is decided by rules; the resource says so in this condition only. */
const routed = (channels: string): TemplateObject =>
  condition('RoutingResolved', 'RoutingRuleMatched', `Matched rule 'default' → channels: ${channels}`);

const queued = (about: string, channels: string): readonly Step[] => [
  {
    after: '0.1s',
    update: `NR/${about}`,
    status: { phase: 'Pending', queuedAt: '@now', conditions: [routed(channels)] },
  },
];

/** A notification, delivered over two channels. `about` begins its name. */
export const notified = (about: string, spec: TemplateObject): readonly Step[] => [
  { after: '0.1s', create: `NR/${about}`, spec },
  ...queued(about, 'console, slack'),
  { after: '0.1s', update: `NR/${about}`, status: { phase: 'Sending', processingStartedAt: '@now' } },
  {
    after: '0.6s',
    update: `NR/${about}`,
    status: {
      phase: 'Sent',
      reason: 'AllDeliveriesSucceeded',
      deliveryAttempts: [attempt('console', 'success'), attempt('slack', 'success')],
      totalAttempts: 2,
      successfulDeliveries: 2,
      failedDeliveries: 0,
      completionTime: '@now',
      conditions: [condition('Ready', 'AllDeliveriesSucceeded', 'Every channel was served')],
    },
  },
];

/** One whose only channel is away. */
export const notifiedInVain = (about: string, spec: TemplateObject): readonly Step[] => [
  { after: '0.1s', create: `NR/${about}`, spec },
  ...queued(about, 'slack'),
  { after: '0.1s', update: `NR/${about}`, status: { phase: 'Sending', processingStartedAt: '@now' } },
  {
    after: '30s',
    update: `NR/${about}`,
    status: {
      phase: 'Failed',
      reason: 'AllDeliveriesFailed',
      deliveryAttempts: [{ ...attempt('slack', 'failed'), error: 'HTTP 503 from the webhook' }],
      totalAttempts: 1,
      successfulDeliveries: 0,
      failedDeliveries: 1,
      completionTime: '@now',
    },
  },
];

/** One that somebody deletes while its channel is tried again. */
export const notifiedAndTakenBack = (about: string, spec: TemplateObject): readonly Step[] => [
  { after: '0.1s', create: `NR/${about}`, spec },
  ...queued(about, 'slack'),
  { after: '0.1s', update: `NR/${about}`, status: { phase: 'Sending', processingStartedAt: '@now' } },
  {
    after: '30s',
    update: `NR/${about}`,
    status: { phase: 'Retrying', reason: 'PartialFailureRetrying', totalAttempts: 1, failedDeliveries: 1 },
  },
  { after: '20s', delete: `NR/${about}` },
];

/** One whose chat channel is away: delivered in part. */
export const notifiedInPart = (about: string, spec: TemplateObject): readonly Step[] => [
  { after: '0.1s', create: `NR/${about}`, spec },
  ...queued(about, 'console, slack'),
  { after: '0.1s', update: `NR/${about}`, status: { phase: 'Sending', processingStartedAt: '@now' } },
  {
    after: '30s',
    update: `NR/${about}`,
    status: { phase: 'Retrying', reason: 'PartialFailureRetrying', totalAttempts: 2, failedDeliveries: 1 },
  },
  {
    after: '60s',
    update: `NR/${about}`,
    status: {
      phase: 'PartiallySent',
      reason: 'PartialDeliverySuccess',
      deliveryAttempts: [
        attempt('console', 'success'),
        { ...attempt('slack', 'failed'), error: 'HTTP 503 from the webhook' },
      ],
      totalAttempts: 3,
      successfulDeliveries: 1,
      failedDeliveries: 1,
      completionTime: '@now',
    },
  },
];

export const MANUAL_REVIEW: TemplateObject = {
  type: 'ManualReview',
  severity: '@severity',
  priority: 'Critical',
  reviewSource: 'AIAnalysis',
  subject: 'Somebody has to look at {targetText}',
  body: '{summary}\n\nThe automation could not go on by itself.',
};

export const FAILED_EXECUTION: TemplateObject = {
  ...MANUAL_REVIEW,
  reviewSource: 'WorkflowExecution',
  body: '{workflowName} failed on {targetText}: {failureMessage}',
};

export const ESCALATION: TemplateObject = {
  type: 'Escalation',
  severity: '@severity',
  priority: 'High',
  subject: 'Remediation of {targetText} timed out',
  body: '{summary}\n\nThe remediation ran out of time.',
};
