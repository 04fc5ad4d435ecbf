import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject } from '../domain/json.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import { inAll } from './column-source.ts';
import { readDeletionFromRemediation } from './deletion.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, SAID_BY_COMMON_COLUMNS } from './kind.ts';
import { remediationOf } from './observed-remediation.ts';
import { definePhase } from './read-kind.ts';
import { readerOf } from './remediation-addition.ts';
import { at, conditionAt, pickMembers, textAt } from './resource.ts';

/** Members of one entry of `notifications`, and where they come from. */
const MEMBERS = {
  type: 'spec.type',
  priority: 'spec.priority',
  severity: 'spec.severity',
  about_phase: 'spec.phase',
  review_source: 'spec.reviewSource',
  channels: 'spec.channels',
  phase: 'status.phase',
  reason: 'status.reason',
  total_attempts: 'status.totalAttempts',
  successful_deliveries: 'status.successfulDeliveries',
  failed_deliveries: 'status.failedDeliveries',
  queued_at: 'status.queuedAt',
  processing_started_at: 'status.processingStartedAt',
  completed_at: 'status.completionTime',
} as const;

/** Members of one attempt to deliver; the paths start at the attempt. Who was written to is not among them. */
const ATTEMPT_MEMBERS = {
  channel: 'channel',
  attempt: 'attempt',
  status: 'status',
  at: 'timestamp',
  error: 'error',
  duration_seconds: 'durationSeconds',
} as const;

/** Which rule chose which channels: the resource says it in a condition only. */
const ROUTING_MEMBERS = { reason: 'reason', message: 'message' } as const;

const ATTEMPTS = 'status.deliveryAttempts';

/** One entry of the map `notifications` in the record of the remediation: a remediation may have many requests. */
export const NOTIFICATION = definePhase({
  definition: remediationAudit,
  phase: 'notification',
  columns: {
    notifications: {
      paths: inAll(['G3', 'G2', 'G1'], ...Object.values(MEMBERS), ATTEMPTS),
      derive: entryOf,
      how: 'an object by name of the request: type, priority, phase, reason, attempts and their times; `routing` from the condition RoutingResolved',
    },
  },
});

export const NOTIFICATION_LEFT_OUT: LeftOut = {
  ...SAID_BY_COMMON_COLUMNS,
  ...CHURN,
  'what was written to whom: sensitive, and no column needs it': [
    'spec.subject',
    'spec.body',
    'spec.recipients',
    'spec.metadata',
    'spec.extensions',
    'spec.context',
    'spec.actionLinks',
  ],
  'how it was to be delivered; what became of it is recorded': ['spec.retryPolicy', 'spec.retentionDays'],
  'the remediation says it': ['spec.clusterID'],
  'repeats the reason in prose': ['status.message'],
};

/**
 * Reads a request into the phase `notification` of its remediation. The reference is optional in the
 * resource: a request without one, and without an owner, belongs to no remediation and is not read.
 */
export const readNotificationRequest = readerOf({
  sources: NOTIFICATION,
  leftOut: NOTIFICATION_LEFT_OUT,
  subject: (resource) => `notification ${textAt(resource, 'metadata.name') ?? ''}`,
  remediationOf,
});

export const readNotificationDeletion = readDeletionFromRemediation({
  kind: 'NotificationRequest',
  definition: NOTIFICATION.definition,
  phase: NOTIFICATION.phase,
});

/** The column unites its keys, per key the newest: one request never touches the entry of another. */
function entryOf(_found: JsonValue | undefined, resource: JsonObject): string | undefined {
  const name = textAt(resource, 'metadata.name');
  if (name === undefined) return undefined;
  const entry = pickMembers(resource, MEMBERS);
  const routing = pickMembers(conditionAt(resource, 'RoutingResolved') ?? {}, ROUTING_MEMBERS);
  if (Object.keys(routing).length > 0) entry['routing'] = routing;
  const attempts = at(resource, ATTEMPTS);
  if (Array.isArray(attempts) && attempts.length > 0) {
    entry['attempts'] = attempts.filter(isJsonObject).map((attempt) => pickMembers(attempt, ATTEMPT_MEMBERS));
  }
  return canonicalJson({ [name]: entry });
}
