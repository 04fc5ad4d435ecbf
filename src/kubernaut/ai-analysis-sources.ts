import { instantOf, millisecondsOf, parseInstant } from '../domain/instant.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject, numberLexeme } from '../domain/json.ts';
import { aiAnalysisAudit } from '../domain/records/ai-analysis-audit.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import type { ColumnSource } from './column-source.ts';
import { inAll, readValue } from './column-source.ts';
import { definePhase } from './read-kind.ts';
import { at, textAt } from './resource.ts';

/** G1 has no record of its own shape: it is read through the paths of G2 and G0. */
const ALL = ['G3', 'G2', 'G1', 'G0', 'G0a'] as const;
const NEW = ['G3', 'G2', 'G1'] as const;

const SIGNAL = 'spec.analysisRequest.signalContext';
const ALERT = 'spec.analysisRequest.alertContext';

/** A member of the signal that the analysis was made for. G0a called it an alert and kept it under another name. */
function ofSignal(member: string): ColumnSource {
  return { paths: { ...inAll(['G3', 'G2', 'G1', 'G0'], `${SIGNAL}.${member}`), G0a: `${ALERT}.${member}` } };
}

/** A member of a struct of G3 that lies flat in G2, through whose paths G1 is read. */
function grouped(struct: string, member: string): Readonly<Record<'G3' | 'G2' | 'G1', string>> {
  return { G3: `status.${struct}.${member}`, G2: `status.${member}`, G1: `status.${member}` };
}

/**
 * What the model found out, and how long that took. Every analysis has this phase, also a fresh one that
 * says nothing yet: it makes the row that the other phases of the analysis add to.
 */
export const INVESTIGATION = definePhase({
  definition: aiAnalysisAudit,
  phase: 'investigation',
  columns: {
    crd_name: { paths: inAll(ALL, 'metadata.name') },
    crd_namespace: { paths: inAll(ALL, 'metadata.namespace') },
    alert_fingerprint: ofSignal('fingerprint'),
    environment: ofSignal('environment'),
    severity: ofSignal('severity'),
    // The beginning of the session where there is one, else that of the analysis.
    investigation_start: {
      paths: {
        ...inAll(NEW, 'status.investigationSession.createdAt', 'status.startedAt'),
        G0: 'status.startedAt',
        G0a: 'status.phaseTransitions.investigating',
      },
    },
    investigation_end: {
      // G3 has sessions that name their end; a start in whole seconds plus milliseconds would stand in its place.
      paths: inAll(['G2', 'G1'], 'status.investigationTime'),
      derive: investigationEnd,
      how: 'start of the session plus the time of the investigation, which is in milliseconds although its own comment says seconds',
    },
    investigation_duration_ms: {
      paths: grouped('investigationMetadata', 'investigationTime'),
      derive: millisecondsTaken,
      how: 'as it is; not of G0, whose unit nobody wrote down',
    },
    // The beginning of the whole, as `analysis_end` is its end. Read here, since it is known before there is a conclusion.
    analysis_start: { paths: inAll(['G3', 'G2', 'G1', 'G0'], 'status.startedAt') },
    // Only G0a lists hypotheses. The length of contributingFactors is another thing, and is not put in its place.
    root_cause_count: {
      paths: { G0a: 'status.investigationResult.rootCauseHypotheses' },
      derive: (found) => (Array.isArray(found) ? String(found.length) : undefined),
      how: 'how many there are',
    },
    investigation_report: {
      paths: {
        ...grouped('rcaResult', 'rootCauseAnalysis.summary'),
        G0: 'status.rootCause',
        G0a: 'status.investigationResult.investigationReport',
      },
    },
  },
  extra: {
    phase: inAll(ALL, 'status.phase'),
    reason: inAll(NEW, 'status.reason'),
    sub_reason: inAll(NEW, 'status.subReason'),
    message: inAll(ALL, 'status.message'),
    remediation_target: grouped('rcaResult', 'rootCauseAnalysis.remediationTarget'),
    root_cause: { ...grouped('rcaResult', 'rootCause'), G0: 'status.rootCause' },
    contributing_factors: grouped('rcaResult', 'rootCauseAnalysis.contributingFactors'),
    root_cause_severity: grouped('rcaResult', 'rootCauseAnalysis.severity'),
    root_cause_signal_type: grouped('rcaResult', 'rootCauseAnalysis.signalType'),
    root_cause_hypotheses: { G0a: 'status.investigationResult.rootCauseHypotheses' },
    correlated_signals: {
      G0a: ['status.investigationResult.correlatedSignals', 'status.investigationResult.correlatedAlerts'],
    },
    contextual_analysis: { G0a: 'status.investigationResult.contextualAnalysis' },
    actionability: grouped('rcaResult', 'actionability'),
    needs_human_review: grouped('review', 'needsHumanReview'),
    human_review_reason: grouped('review', 'humanReviewReason'),
    alignment_verdict: grouped('review', 'alignmentVerdict'),
    investigation_id: {
      ...grouped('investigationMetadata', 'investigationId'),
      G0: 'status.investigationId',
    },
    investigation_time: { G0: 'status.investigationTime' },
    total_analysis_time_ms: grouped('investigationMetadata', 'totalAnalysisTime'),
    warnings: grouped('investigationMetadata', 'warnings'),
    validation_attempts: grouped('investigationMetadata', 'validationAttemptsHistory'),
    degraded_mode: grouped('investigationMetadata', 'degradedMode'),
    consecutive_failures: grouped('investigationMetadata', 'consecutiveFailures'),
    tokens_used: { G0: 'status.tokensUsed' },
    approval_status: { G0: 'status.approvalStatus' },
    approved_by: { G0: 'status.approvedBy' },
    rejected_by: { G0: 'status.rejectedBy' },
    session_id: inAll(NEW, 'status.investigationSession.id'),
    session_generation: inAll(NEW, 'status.investigationSession.generation'),
    session_interactive: inAll(NEW, 'status.investigationSession.interactive'),
    interactive_session: inAll(NEW, 'status.interactiveSession'),
    detected_labels: inAll(NEW, 'status.postRCAContext.detectedLabels'),
    phase_transitions: { G0a: 'status.phaseTransitions' },
    validation_status: { G0a: 'status.analysisResult.validationStatus' },
    signal_name: inAll(NEW, `${SIGNAL}.signalName`, `${SIGNAL}.signalType`),
    signal_mode: inAll(NEW, `${SIGNAL}.signalMode`),
    business_priority: inAll(NEW, `${SIGNAL}.businessPriority`),
    signal_target: inAll(NEW, `${SIGNAL}.targetResource`),
    signal_cluster: inAll(NEW, `${SIGNAL}.cluster`),
    analysis_types: inAll(ALL, 'spec.analysisRequest.analysisTypes'),
    cluster_id: { G3: 'spec.clusterID' },
    times_out_at: { G3: 'spec.timesOutAt' },
    recovery_attempt: { G2: 'spec.recoveryAttemptNumber' },
  },
});

/**
 * How the analysis ended and how sure it is. A confidence needs a workflow: an analysis that selected none has no score.
 */
export const ANALYSIS = definePhase({
  definition: aiAnalysisAudit,
  phase: 'analysis',
  columns: {
    analysis_start: { paths: { G0a: 'status.phaseTransitions.analyzing' } },
    analysis_end: {
      paths: {
        ...inAll(['G3', 'G2', 'G1', 'G0'], 'status.completedAt'),
        G0a: ['status.phaseTransitions.recommending', 'status.phaseTransitions.completed'],
      },
    },
    confidence_score: {
      paths: { ...grouped('rcaResult', 'selectedWorkflow.confidence'), G0: 'status.confidence' },
    },
    // validationAttemptsHistory and alignmentVerdict stand in `extra`: neither says what this column asks.
    hallucination_detected: {
      paths: { G0a: 'status.analysisResult.validationStatus.hallucinationDetected' },
    },
    completion_status: {
      paths: inAll(ALL, 'status.phase'),
      derive: (phase) => (wordOf(phase) === 'completed' ? 'completed' : undefined),
      how: 'completed once the phase is Completed; see analysis-failure for the others',
    },
  },
});

/**
 * What the analysis proposes: all proposals as JSON, and the first of them as one word. Probability and
 * success rate of the past were dropped after G0a.
 */
export const RECOMMENDATION = definePhase({
  definition: aiAnalysisAudit,
  phase: 'recommendation',
  columns: {
    recommendation_start: { paths: { G0a: 'status.phaseTransitions.recommending' } },
    recommendations: {
      paths: {
        ...grouped('rcaResult', 'selectedWorkflow'),
        G0: 'status.recommendedAction',
        G0a: 'status.recommendations',
      },
      derive: recommendationsOf,
      how: 'selectedWorkflow, then alternativeWorkflows beside it; in G0 the action, in G0a the list as it is',
    },
    // In each generation the most readable name that it has; G2 and G1 name no workflow.
    top_recommendation: {
      paths: {
        G3: ['workflowName', 'actionType', 'workflowId'].map(
          (name) => `status.rcaResult.selectedWorkflow.${name}`,
        ),
        ...inAll(['G2', 'G1'], 'status.selectedWorkflow.actionType', 'status.selectedWorkflow.workflowId'),
        G0: 'status.recommendedAction',
        G0a: 'status.recommendations',
      },
      derive: (found) => (Array.isArray(found) ? textAt(found[0], 'action') : textOf(found)),
      how: 'in G0a the action of the first',
    },
    effectiveness_probability: ofFirst('effectivenessProbability'),
    historical_success_rate: ofFirst('historicalSuccessRate'),
    // Later generations do not name it here: the remediation and the execution say it (see the fragments in kinds.ts).
    workflow_crd_name: { paths: { G0a: 'status.workflowExecutionRef.name' } },
    workflow_crd_namespace: { paths: { G0a: 'status.workflowExecutionRef.namespace' } },
  },
});

/**
 * That an analysis failed, and why. A phase of its own beside ANALYSIS: both fill `completion_status`, and
 * only one of them does so for a given state.
 */
export const ANALYSIS_FAILURE = definePhase({
  definition: aiAnalysisAudit,
  phase: 'analysis-failure',
  columns: {
    completion_status: {
      paths: inAll(ALL, 'status.phase'),
      derive: failureOf,
      how: 'failed once the phase is Failed, timeout when the reason is TransientError',
    },
    failure_reason: {
      paths: inAll(ALL, 'status.reason', 'status.message'),
      derive: failureReasonOf,
      how: 'reason, subReason and humanReviewReason, then the message; only of a failed analysis',
    },
  },
});

/** What an analysis knows of the approval of its remediation. */
export const APPROVAL_OF_ANALYSIS = definePhase({
  definition: remediationAudit,
  phase: 'approval',
  columns: {
    approval_required: {
      paths: { ...grouped('approval', 'approvalRequired'), G0: 'status.requiresApproval' },
      derive: approvalRequired,
      how: 'false only once the analysis is Completed: before, false only means that nothing was decided',
    },
  },
  extra: {
    approval_reason: grouped('approval', 'approvalReason'),
    approval_policy: grouped('approval', 'approvalContext.policyEvaluation'),
  },
});

function isFailed(resource: JsonObject): boolean {
  return wordOf(at(resource, 'status.phase')) === 'failed';
}

/** G0 names its remediation by a text and not by a reference. */
export function isOfFirstGeneration(resource: JsonObject): boolean {
  return typeof at(resource, 'spec.remediationRequestRef') === 'string';
}

/** The time of an investigation in milliseconds, or undefined. G0 has a member of the same name and of an unknown unit. */
function millisecondsTaken(time: JsonValue | undefined, resource: JsonObject): string | undefined {
  const lexeme = isOfFirstGeneration(resource) ? undefined : numberLexeme(time);
  // Thirteen digits of milliseconds are three hundred years: what has more is no duration.
  return lexeme !== undefined && /^\d{1,12}$/.test(lexeme) ? lexeme : undefined;
}

/** Until G2 nothing names the end. Undefined unless both the start and the time taken can be read. */
function investigationEnd(time: JsonValue | undefined, resource: JsonObject): string | undefined {
  const start = textAt(resource, 'status.investigationSession.createdAt', 'status.startedAt');
  const begun = start === undefined ? undefined : parseInstant(start);
  const taken = millisecondsTaken(time, resource);
  if (begun === undefined || taken === undefined) return undefined;
  return instantAfter(begun, Number(taken));
}

/** Behind it a year has five digits, which no instant in this code may have. */
const LAST_MILLISECOND = millisecondsOf('9999-12-31T23:59:59.999Z');

function instantAfter(start: string, milliseconds: number): string | undefined {
  const end = millisecondsOf(start) + milliseconds;
  return end > LAST_MILLISECOND ? undefined : instantOf(end);
}

/**
 * Always a JSON list, the chosen one first. `found` is the selected workflow from G1 on, a text in G0, the
 * list itself in G0a; alternatives may be there without a selected workflow.
 */
function recommendationsOf(found: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (Array.isArray(found)) return canonicalJson(found);
  if (typeof found === 'string') return canonicalJson([{ action: found }]);
  const alternatives =
    at(resource, 'status.rcaResult.alternativeWorkflows') ?? at(resource, 'status.alternativeWorkflows');
  const all = [...(isJsonObject(found) ? [found] : []), ...(Array.isArray(alternatives) ? alternatives : [])];
  return all.length === 0 ? undefined : canonicalJson(all);
}

/** A number of the first recommendation of G0a. One that is not a number costs this column only. */
function ofFirst(member: string): ColumnSource {
  return {
    paths: { G0a: 'status.recommendations' },
    derive: (found) => {
      const value = Array.isArray(found) ? at(found[0], member) : undefined;
      const known = value === undefined ? undefined : readValue(value, 'numeric');
      return typeof known === 'string' ? known : undefined;
    },
    how: `${member} of the first`,
  };
}

/** An analysis that ended for a transient error ran out of time: that is a timeout, not a failure. */
function failureOf(phase: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (wordOf(phase) !== 'failed') return undefined;
  return textAt(resource, 'status.reason') === 'TransientError' ? 'timeout' : 'failed';
}

/** `reason, subReason, humanReviewReason: message`, as far as they are there. A message alone is a reason too. */
function failureReasonOf(_found: JsonValue | undefined, resource: JsonObject): string | undefined {
  if (!isFailed(resource)) return undefined;
  const words = [
    textAt(resource, 'status.reason'),
    textAt(resource, 'status.subReason'),
    textAt(resource, 'status.review.humanReviewReason', 'status.humanReviewReason'),
  ].filter((word) => word !== undefined);
  const parts = [words.join(', '), textAt(resource, 'status.message') ?? ''].filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts.join(': ');
}

/** False is the zero value in Go: before the end it says only that nothing was decided. */
function approvalRequired(found: JsonValue | undefined, resource: JsonObject): boolean | undefined {
  if (found === true) return true;
  return found === false && wordOf(at(resource, 'status.phase')) === 'completed' ? false : undefined;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** In lower case: generations spell their phases differently, and phases are compared without case. */
function wordOf(value: JsonValue | undefined): string | undefined {
  return textOf(value)?.toLowerCase();
}
