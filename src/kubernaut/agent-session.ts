import type { JsonObject } from '../domain/json.ts';
import { canonicalJson } from '../domain/json.ts';
import { aiAnalysisAudit } from '../domain/records/ai-analysis-audit.ts';
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
import { textAt } from './resource.ts';
import { unrecognisedOf } from './unrecognised.ts';

/**
 * What the session knows of the analysis that it was made for. Its long text stands in `extra`: the summary of the
 * analysis is the text that investigations are compared by, in every generation.
 */
export const SESSION_OF_ANALYSIS = definePhase({
  definition: aiAnalysisAudit,
  phase: 'investigation',
  columns: { investigation_end: { paths: { G3: 'status.completedAt' } } },
  extra: {
    agent_session_phase: { G3: 'status.phase' },
    agent_session_id: { G3: 'status.sessionID' },
    agent_session_interactive: { G3: 'status.interactive' },
    agent_session_acting_user: { G3: 'status.actingUser' },
    agent_session_acting_user_groups: { G3: 'status.actingUserGroups' },
    agent_session_dispatched_at: { G3: 'status.dispatchedAt' },
    agent_session_completed_at: { G3: 'status.completedAt' },
    agent_session_reason: { G3: 'status.reason' },
    agent_session_error: { G3: ['status.error', 'status.errorMessage'] },
    agent_session_analysis: { G3: 'status.result.analysis' },
    agent_session_confidence: { G3: 'status.result.confidence' },
    agent_session_warnings: { G3: 'status.result.warnings' },
    agent_session_actionable: { G3: 'status.result.isActionable' },
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
  'the analysis takes it over and records it': [
    ...['incidentID', 'rootCauseAnalysis', 'selectedWorkflow', 'timestamp', 'needsHumanReview'],
    ...['humanReviewReason', 'alternativeWorkflows', 'validationAttemptsHistory', 'detectedLabels'],
    ...['alignmentVerdict'],
  ].map((member) => `status.result.${member}`),
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
  const { columns, extra, misshapen } = SESSION_OF_ANALYSIS.readColumns(resource);
  const unrecognised = unrecognisedOf(resource, UNDERSTOOD);
  const paths = Object.keys(unrecognised);
  // A name of its own: `unrecognised` is the analysis's, and of two under one name one would be lost.
  const kept: JsonObject =
    paths.length === 0 ? extra : { ...extra, agent_session_unrecognised: unrecognised };
  const said = Object.keys(kept).length === 0 ? columns : { ...columns, extra: canonicalJson(kept) };
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
 * The deletion of a session is said in the record of the analysis, under `agent_session_deleted_at`:
 * `deleted_at` there is the analysis's own.
 */
export const readSessionDeletion = readDeletionAtSibling({
  kind: 'AgentSession',
  definition: SESSION_OF_ANALYSIS.definition,
  phase: SESSION_OF_ANALYSIS.phase,
  member: 'agent_session_deleted_at',
  nameOf: ({ lastState = {} }, remediation) => analysisOf({ resource: lastState, remediation }),
});

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
