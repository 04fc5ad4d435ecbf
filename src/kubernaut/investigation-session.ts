import type { JsonObject } from '../domain/json.ts';
import { canonicalJson } from '../domain/json.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import { inAll } from './column-source.ts';
import { readDeletionFromRemediation } from './deletion.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, SAID_BY_COMMON_COLUMNS } from './kind.ts';
import type { ReadingContext, RemediationReference } from './observed-remediation.ts';
import { remediationByName, remediationOf } from './observed-remediation.ts';
import { definePhase } from './read-kind.ts';
import { readerOf } from './remediation-addition.ts';
import { pickMembers, textAt } from './resource.ts';

/** Members of one entry of `investigation_sessions`, and where they come from. */
const MEMBERS = {
  name: 'metadata.name',
  user: 'spec.userIdentity.username',
  groups: 'spec.userIdentity.groups',
  join_mode: 'spec.joinMode',
  phase: 'status.phase',
  connection: 'status.connectionState',
  analysis: 'status.aiAnalysisRef',
  correlation_id: 'status.kaCorrelationID',
  started_at: 'status.startedAt',
  disconnected_at: 'status.disconnectedAt',
  reconnected_at: 'status.reconnectedAt',
  driver: 'status.leaseHolder',
  driver_since: 'status.leaseAcquiredAt',
  completed_at: 'status.completedAt',
  message: 'status.message',
} as const;

/**
 * Who began or took over an investigation by hand, and when they were connected: one entry under the uid of the session in
 * the record of the remediation. Several people may take part, one after the other.
 */
export const INVESTIGATION_SESSION = definePhase({
  definition: remediationAudit,
  phase: 'investigation',
  columns: {
    investigation_sessions: {
      paths: inAll(['G3', 'G2'], ...Object.values(MEMBERS)),
      derive: (_found, resource) => entryOf(resource),
      how: 'an object by uid of the session: user, join mode, phase, connection and their times',
    },
  },
});

export const INVESTIGATION_SESSION_LEFT_OUT: LeftOut = {
  ...SAID_BY_COMMON_COLUMNS,
  ...CHURN,
  'what a client reconnects with': ['spec.a2aTaskID'],
};

/** Reads a session into the phase `investigation` of its remediation. */
export const readInvestigationSession = readerOf({
  sources: INVESTIGATION_SESSION,
  leftOut: INVESTIGATION_SESSION_LEFT_OUT,
  subject: (resource) => `investigated with ${textAt(resource, 'spec.userIdentity.username') ?? 'somebody'}`,
  remediationOf: remediationOfSession,
});

export const readInvestigationSessionDeletion = readDeletionFromRemediation({
  kind: 'InvestigationSession',
  definition: INVESTIGATION_SESSION.definition,
  phase: INVESTIGATION_SESSION.phase,
});

/** Its reference has a name and no uid; its owner has both. */
function remediationOfSession(
  resource: JsonObject,
  ownNamespace: string,
  context: ReadingContext,
): RemediationReference | undefined {
  const namespace = textAt(resource, 'spec.remediationRequestRef.namespace') ?? ownNamespace;
  const name = textAt(resource, 'spec.remediationRequestRef.name');
  return remediationOf(resource, ownNamespace) ?? remediationByName(context, namespace, name);
}

/** The column unites its keys, per key the newest: one session never touches the entry of another. */
function entryOf(resource: JsonObject): string | undefined {
  const uid = textAt(resource, 'metadata.uid');
  return uid === undefined ? undefined : canonicalJson({ [uid]: pickMembers(resource, MEMBERS) });
}
