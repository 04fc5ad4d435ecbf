import { parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson } from '../domain/json.ts';
import { aiAnalysisAudit } from '../domain/records/ai-analysis-audit.ts';
import { inAll } from './column-source.ts';
import { readDeletionAtSibling } from './deletion.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, pathsLeftOut, SAID_BY_COMMON_COLUMNS } from './kind.ts';
import type {
  ReadingContext,
  RemediationReference,
  ResourceReading,
  Unread,
} from './observed-remediation.ts';
import { ownerOf, remediationByName, remediationOf } from './observed-remediation.ts';
import type { Subject } from './read-kind.ts';
import { definePhase, fragmentFor, subjectOf, understoodBy } from './read-kind.ts';
import { pickMembers, textAt } from './resource.ts';
import { unrecognisedOf } from './unrecognised.ts';

/** In `extra`, before the uid of the session. */
const SESSION_DELETED_AT = 'agent_session_deleted_at';

/** Members of one entry of `agent_sessions`, and where they come from. */
const MEMBERS = {
  name: 'metadata.name',
  phase: 'status.phase',
  session_id: 'status.sessionID',
  interactive: 'status.interactive',
  acting_user: 'status.actingUser',
  acting_user_groups: 'status.actingUserGroups',
  dispatched_at: 'status.dispatchedAt',
  completed_at: 'status.completedAt',
  reason: 'status.reason',
  error: ['status.error', 'status.errorMessage'],
  analysis: 'status.result.analysis',
  confidence: 'status.result.confidence',
  warnings: 'status.result.warnings',
  actionable: 'status.result.isActionable',
  // Whole: the analysis takes over five of its members, and none of the grounds, such as `causal_chain` and `due_diligence`.
  root_cause_analysis: 'status.result.rootCauseAnalysis',
  // The analysis takes these over only where it goes on to run a workflow.
  selected_workflow: 'status.result.selectedWorkflow',
  alternative_workflows: 'status.result.alternativeWorkflows',
  detected_labels: 'status.result.detectedLabels',
  needs_human_review: 'status.result.needsHumanReview',
  human_review_reason: 'status.result.humanReviewReason',
  validation_attempts: 'status.result.validationAttemptsHistory',
  alignment_verdict: 'status.result.alignmentVerdict',
} as const;

/**
 * What the session knows of the analysis that it was made for, as one entry under the uid of the session: an analysis whose
 * agent was at its capacity has a second session of the same name. Its long text stands there, too: the summary of the
 * analysis is the text that investigations are compared by, in every generation.
 */
export const SESSION_OF_ANALYSIS = definePhase({
  definition: aiAnalysisAudit,
  phase: 'investigation',
  columns: {
    agent_sessions: {
      paths: inAll(['G3'], ...Object.values(MEMBERS).flat()),
      derive: (_found, resource) => entryOf(resource),
      how: 'an object by uid of the session: its phase, who drove it, its result with the grounds',
    },
    investigation_end: {
      paths: { G3: 'status.completedAt' },
      derive: investigationEnd,
      how: 'not of a session that found no capacity, as it investigated nothing',
    },
  },
});

/** The members are named one by one: one of a later generation is in no list, and so shows as unrecognised. */
export const AGENT_SESSION_LEFT_OUT: LeftOut = {
  ...SAID_BY_COMMON_COLUMNS,
  ...CHURN,
  'what the model was given: the analysis has the same, and the copy holds labels and annotations': [
    ...['incidentID', 'remediationID', 'signalName', 'severity', 'signalSource', 'signalMode'],
    ...['resourceNamespace', 'resourceKind', 'resourceName', 'resourceAPIVersion', 'errorMessage'],
    ...['description', 'environment', 'priority', 'riskTolerance', 'businessCategory', 'clusterName'],
    ...['cluster', 'isDuplicate', 'occurrenceCount', 'deduplicationWindowMinutes', 'firingTime'],
    ...['receivedTime', 'firstSeen', 'lastSeen', 'signalLabels', 'signalAnnotations'],
    ...['enrichmentResults', 'timesOutAt'],
  ].map((member) => `spec.${member}`),
  'repeats the name of the analysis, and the time of the end': [
    'status.result.incidentID',
    'status.result.timestamp',
  ],
};

const UNDERSTOOD = understoodBy([SESSION_OF_ANALYSIS], pathsLeftOut(AGENT_SESSION_LEFT_OUT));

/**
 * Reads one session into a fragment for the record of its analysis: a session has no record of its own.
 *
 * Out: one observation, which waits until the analysis is there, or none while the session says nothing.
 * Its phase is `investigation`, as the columns of that phase are the ones it adds to.
 */
export function readAgentSession(resource: JsonObject, context: ReadingContext): ResourceReading | Unread {
  const subject = subjectOf(resource, {
    shape: 'G3',
    remediation: remediationOfSession(resource, context),
    context,
  });
  if ('unread' in subject) return subject;
  const { columns, misshapen } = SESSION_OF_ANALYSIS.readColumns(resource);
  const unrecognised = unrecognisedOf(resource, UNDERSTOOD);
  const paths = Object.keys(unrecognised);
  // A name of its own: `unrecognised` is the analysis's, and of two under one name one would be lost.
  const kept: JsonObject = { [`agent_session_unrecognised/${subject.identity.uid}`]: unrecognised };
  const said = paths.length === 0 ? columns : { ...columns, extra: canonicalJson(kept) };
  const name = analysisOf(subject);
  const fragment = fragmentFor({ ...SESSION_OF_ANALYSIS, name }, said, subject);
  return {
    remediation: subject.remediation,
    observations: fragment === undefined ? [] : [fragment],
    target: undefined,
    summary: `${textAt(resource, 'spec.signalName') ?? 'investigation'}: session of ${name}`,
    shape: 'G3',
    unrecognised: paths,
    misshapen,
  };
}

/**
 * The deletion of a session is said in the record of the analysis, under `agent_session_deleted_at` and its uid:
 * `deleted_at` there is the analysis's own.
 */
export const readSessionDeletion = readDeletionAtSibling({
  kind: 'AgentSession',
  definition: SESSION_OF_ANALYSIS.definition,
  phase: SESSION_OF_ANALYSIS.phase,
  member: ({ uid }) => `${SESSION_DELETED_AT}/${uid}`,
  nameOf: ({ lastState = {} }, remediation) => analysisOf({ resource: lastState, remediation }),
});

/** Undefined while the session says nothing: it exists before it has a status. */
function entryOf(resource: JsonObject): string | undefined {
  const uid = textAt(resource, 'metadata.uid');
  const { name, ...said } = pickMembers(resource, MEMBERS);
  if (uid === undefined || Object.keys(said).length === 0) return undefined;
  return canonicalJson({ [uid]: { name: name ?? '', ...said } });
}

function investigationEnd(completedAt: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (typeof completedAt !== 'string' || textAt(resource, 'status.reason') === 'CapacityExceeded')
    return undefined;
  return parseInstant(completedAt);
}

/** Its owner; else the name that an analysis of this remediation has. */
function analysisOf({ resource, remediation }: Pick<Subject, 'resource' | 'remediation'>): string {
  const owner = textAt(ownerOf(resource, 'AIAnalysis'), 'name');
  return owner ?? textAt(resource, 'spec.incidentID') ?? `ai-${remediation.name}`;
}

/** Its reference has a name and no uid, and its owner is the analysis. */
function remediationOfSession(
  resource: JsonObject,
  context: ReadingContext,
): RemediationReference | undefined {
  const own = textAt(resource, 'metadata.namespace') ?? '';
  const namespace = textAt(resource, 'spec.remediationRequestRef.namespace') ?? own;
  const name = textAt(resource, 'spec.remediationRequestRef.name');
  return remediationOf(resource, own) ?? remediationByName(context, namespace, name);
}
