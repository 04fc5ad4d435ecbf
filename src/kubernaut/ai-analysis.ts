import type { JsonObject } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey } from '../domain/observation.ts';
import {
  ANALYSIS,
  ANALYSIS_FAILURE,
  APPROVAL_OF_ANALYSIS,
  INVESTIGATION,
  isOfFirstGeneration,
  RECOMMENDATION,
} from './ai-analysis-sources.ts';
import { choiceOf } from './chosen-workflow.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, pathsLeftOut } from './kind.ts';
import type {
  ReadingContext,
  RemediationReference,
  ResourceReading,
  Unread,
} from './observed-remediation.ts';
import { ownerOf, remediationByName, remediationOf } from './observed-remediation.ts';
import type { PhaseRead, Subject } from './read-kind.ts';
import { readPhase, subjectOf, understoodBy } from './read-kind.ts';
import type { Shape, ShapeMarks } from './resource.ts';
import { at, groupOf, shapeOf, targetTextAt, textAt } from './resource.ts';

/** `status.rootCause` is in G2 and in G0, so it decides last, when nothing that only G0 has was there. */
const MARKS: ShapeMarks = [
  [
    'G3',
    'status.rcaResult',
    'status.approval',
    'status.review',
    'status.investigationMetadata',
    'spec.timesOutAt',
  ],
  ['G0a', 'spec.alertRemediationRef', 'spec.analysisRequest.alertContext'],
  [
    'G2',
    'status.selectedWorkflow',
    'status.rootCauseAnalysis',
    'status.approvalRequired',
    'status.needsHumanReview',
  ],
  ['G0', 'status.recommendedAction', 'status.requiresApproval'],
  ['G2', 'status.rootCause'],
];

const GROUP_OF_G1 = 'aianalysis.kubernaut.io';

/**
 * A path here stands for all below it, also where the sources read one of its members:
 * `status.investigationSession` is left out for its counters, and its id is recorded.
 */
export const AI_ANALYSIS_LEFT_OUT: LeftOut = {
  'whose it is stands in columns that every record has': [
    'spec.remediationRequestRef',
    'spec.remediationId',
    'spec.alertRemediationRef',
  ],
  ...CHURN,
  'counts how often the controller asked, and when it last did': [
    'status.investigationSession',
    'status.postRCAContext.setAt',
  ],
  'what the model was given: copied from clusters as it is, it holds secrets; no column needs it': [
    'spec.analysisRequest.signalContext',
    'spec.analysisRequest.alertContext',
    'spec.analysisRequest.investigationScope',
    'spec.llmProvider',
    'spec.llmModel',
    'spec.maxTokens',
    'spec.temperature',
    'spec.includeHistory',
    'spec.holmesGPTConfig',
    'spec.isRecoveryAttempt',
    'spec.previousExecutions',
    'spec.timeoutConfig',
  ],
  'read into recommendations': ['status.rcaResult.alternativeWorkflows', 'status.alternativeWorkflows'],
  'repeats, for an approver, what stands in the columns': [
    'status.approval.approvalContext',
    'status.approvalContext',
  ],
};

/** The first one is of every analysis; the others are recorded once they say something. */
export const AI_ANALYSIS_PHASES = [
  INVESTIGATION,
  ANALYSIS,
  RECOMMENDATION,
  ANALYSIS_FAILURE,
  APPROVAL_OF_ANALYSIS,
] as const;

const UNDERSTOOD = understoodBy(AI_ANALYSIS_PHASES, [
  ...pathsLeftOut(AI_ANALYSIS_LEFT_OUT),
  'status.subReason',
]);

/**
 * Reads one analysis: its own record in up to four phases, and whether the remediation needed an approval,
 * which is said in the row of the remediation. In: the JSON in any generation. Out: observations, the
 * investigation first.
 *
 * Unrecognised fields are kept with the investigation alone, so that they are stored once.
 */
export function readAiAnalysis(resource: JsonObject, context: ReadingContext): ResourceReading | Unread {
  const shape = generationOf(resource);
  const subject = subjectOf(resource, {
    shape,
    remediation: remediationOfAnalysis(resource, context),
    context,
  });
  if ('unread' in subject) return subject;
  const investigation = readPhase(INVESTIGATION, subject, { known: UNDERSTOOD });
  const later = [ANALYSIS, RECOMMENDATION, ANALYSIS_FAILURE]
    .map((phase) => readPhase(phase, subject))
    .filter((read) => read.saysSomething);
  const all = [investigation, ...later];
  const target = targetTextAt(resource, 'spec.analysisRequest.signalContext.targetResource');
  const outcome = later.find((read) => 'top_recommendation' in read.observation.columns);
  return {
    remediation: subject.remediation,
    observations: [...all.map((read) => read.observation), ...approvalOf(subject)],
    target,
    summary: summaryOf(target, outcome, investigation),
    choice: choiceOf(resource),
    shape,
    unrecognised: investigation.unrecognised,
    misshapen: [...new Set(all.flatMap((read) => read.misshapen))],
  };
}

/** The row of the remediation: the analysis only knows whether somebody had to approve. */
function approvalOf(subject: Subject): readonly Observation[] {
  const { observation } = readPhase(APPROVAL_OF_ANALYSIS, subject, {
    key: naturalKey(subject.remediation.uid),
    own: false,
  });
  return 'approval_required' in observation.columns ? [observation] : [];
}

/** The proposal once there is one, else the name of the analysis. */
function summaryOf(
  target: string | undefined,
  recommended: PhaseRead | undefined,
  { observation }: PhaseRead,
): string {
  const top = recommended?.observation.columns['top_recommendation'];
  return `${target ?? 'unknown target'}: ${String(top ?? observation.columns['crd_name'] ?? 'analysis')}`;
}

/**
 * By a reference or an owner with a uid; in G0a by the AlertRemediation. G0 has a name only: then the
 * remediation of that name which the reader saw last, or none yet.
 */
function remediationOfAnalysis(
  resource: JsonObject,
  context: ReadingContext,
): RemediationReference | undefined {
  const namespace = textAt(resource, 'metadata.namespace') ?? '';
  const owner = ownerOf(resource, 'AlertRemediation');
  const uid = textAt(resource, 'spec.alertRemediationRef.uid') ?? textAt(owner, 'uid');
  const name = textAt(resource, 'spec.alertRemediationRef.name') ?? textAt(owner, 'name');
  const alert = uid !== undefined && name !== undefined ? { namespace, name, uid } : undefined;
  const reference = textAt(resource, 'spec.remediationRequestRef', 'spec.remediationRequestRef.name');
  return remediationOf(resource, namespace) ?? alert ?? remediationByName(context, namespace, reference);
}

/** G1 has nothing of its own but a phase that was dropped, and the group in which it was served. */
function generationOf(resource: JsonObject): Shape {
  if (isOfFirstGeneration(resource)) return 'G0';
  const shape = shapeOf(resource, MARKS);
  if (shape === 'G3' || shape === 'G0a') return shape;
  const recommending = textAt(resource, 'status.phase')?.toLowerCase() === 'recommending';
  const isReference = at(resource, 'spec.remediationRequestRef') !== undefined;
  return isReference && (recommending || groupOf(resource) === GROUP_OF_G1) ? 'G1' : shape;
}
