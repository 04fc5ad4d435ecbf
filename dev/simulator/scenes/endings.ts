import type { Part, Step, TemplateObject } from '../step.ts';
import {
  ESCALATION,
  MANUAL_REVIEW,
  notified,
  notifiedAndTakenBack,
  notifiedInPart,
  notifiedInVain,
} from './notifications.ts';
import { condition } from './signal.ts';

const COMPLETION: TemplateObject = {
  type: 'Completion',
  severity: '@severity',
  priority: 'Low',
  subject: '{targetText}: {workflowName} is done',
  body: '{summary}\n\n{rationale}',
};

/** Marked for deletion: some time after the end, and by the orchestrator's next reconcile. */
export const retained: readonly Step[] = [
  { after: '0.2s', update: 'RR', status: { retentionExpiryTime: '@retention' } },
];

/** Phase Completed, which is not yet to say remediated. */
export const completed = (outcome: string, message: string, more: TemplateObject = {}): readonly Step[] => [
  {
    after: '1s..5s',
    update: 'RR',
    status: {
      overallPhase: 'Completed',
      message,
      completedAt: '@now',
      completionStatus: { outcome },
      ...more,
    },
  },
];

const DELIVERED = condition(
  'NotificationDelivered',
  'DeliverySucceeded',
  'Notification delivered successfully',
);

/** What happens after the end: people are notified, and the remediation notes that. */
export const peopleNotified: readonly Step[] = [
  // At once, as the phase is written: the time of its end, who is notified, and only then what else is known.
  { update: 'RR', status: { retentionExpiryTime: '@retention' } },
  {
    update: 'RR',
    status: { conditions: [condition('EffectivenessAssessed', 'AssessmentCompleted', 'It was assessed')] },
  },
  ...notified('completion', COMPLETION),
  {
    after: '1s',
    update: 'RR',
    status: {
      completionStatus: {
        notificationStatus: 'Sent',
        // The group that the controller still names here is the one of December 2025.
        notificationRequestRefs: ['@staleRef NR/completion'],
      },
      conditions: [DELIVERED],
    },
  },
];

const deliveredAs = (status: 'Sent' | 'Failed'): TemplateObject => ({
  completionStatus: { notificationStatus: status },
  conditions: [
    status === 'Sent'
      ? DELIVERED
      : condition(
          'NotificationDelivered',
          'DeliveryFailed',
          'Notification delivery failed: HTTP 503',
          'False',
        ),
  ],
});

/** One notification is delivered and another is not: at each reconcile the orchestrator writes first one, then the other. */
export const notifiedAndNotNotified: readonly Step[] = [
  ...retained,
  ...notified('completion', COMPLETION),
  ...notifiedInVain('escalation', ESCALATION),
  {
    after: '1s',
    update: 'RR',
    status: {
      completionStatus: { notificationRequestRefs: ['@staleRef NR/completion', '@staleRef NR/escalation'] },
    },
  },
  { flap: 'RR', between: [deliveredAs('Sent'), deliveredAs('Failed')] },
];

/** Of the phases of a notification only some are noted: one that is tried again says nothing, one that is gone does. */
export const notificationDeleted: readonly Step[] = [
  ...retained,
  ...notifiedAndTakenBack('completion', COMPLETION),
  {
    after: '1s',
    update: 'RR',
    status: {
      completionStatus: { notificationStatus: 'Cancelled' },
      message: 'NotificationRequest deleted by user before delivery completed',
    },
  },
];

export const notifiedPartly: readonly Step[] = [...retained, ...notifiedInPart('completion', COMPLETION)];

export const reviewAsked: readonly Step[] = [...retained, ...notified('manual-review', MANUAL_REVIEW)];

export const NOT_AGAIN_TODAY: TemplateObject = { routingStatus: { nextAllowedExecution: '@now+24h' } };

/** The remediation ran out of time in a phase. `about` names the notification. */
export const timedOut = (phase: string, about: string, limit: string): readonly Step[] => [
  {
    after: '2s',
    update: 'RR',
    status: {
      overallPhase: 'TimedOut',
      message: `Timed out after ${limit}`,
      completedAt: '@now',
      completionStatus: {
        timeoutPhase: phase,
        timeoutTime: '@now',
        failureReason: `${about} after ${limit}`,
      },
    },
  },
  ...notified(about, ESCALATION),
];

/** A remediation that ends takes its open children along: each says so in its own way, and none says when. */
const CASCADES: Readonly<Partial<Record<Part, TemplateObject>>> = {
  SP: { phase: 'Failed', failureInfo: { error: 'The remediation {name} has ended', consecutiveFailures: 0 } },
  AIA: { phase: 'Failed', reason: 'ParentCancelled', message: 'The remediation {name} has ended' },
  WFE: { phase: 'Failed', failureReason: 'The remediation {name} has ended' },
  EA: { phase: 'Failed', assessmentReason: 'Unrecoverable', message: 'The remediation {name} has ended' },
};

export const cascaded = (...children: readonly Part[]): readonly Step[] =>
  children.map((child) => {
    const status = CASCADES[child];
    // A session says nothing of it: it is deleted.
    return status === undefined ? { after: '0.3s', delete: child } : { after: '0.3s', update: child, status };
  });

export const cancelledByTool: readonly Step[] = [
  {
    after: '20s..60s',
    update: 'RR',
    status: {
      overallPhase: 'Cancelled',
      completedAt: '@now',
      // The patch has lastModifiedAt too, which the definition of the kind prunes; it names no user.
      message: 'Cancelled by user via kubernaut_cancel_remediation',
    },
  },
];

/** `kubectl delete`: owner references take the children along. */
export const deleted = (...children: readonly Part[]): readonly Step[] => [
  { after: '20s..60s', delete: 'RR' },
  ...children.map((child) => ({ after: '0.2s', delete: child })),
];
