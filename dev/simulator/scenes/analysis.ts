import type { Step, TemplateObject } from '../step.ts';
import { condition, seenAgain } from './signal.ts';

/** The agent is asked again and again; only counters move. */
const polled = (count: number, every: string): readonly Step[] =>
  Array.from({ length: count }, (_, index) => ({
    after: every,
    update: 'AIA' as const,
    status: { investigationSession: { lastPolled: '@now', pollCount: index + 1 } },
  }));

/** A session exists before it has a status; the agent that takes it up writes the first one. */
function sessionBegins(which: string, generation: number): readonly Step[] {
  const id = which === '' ? '@sessionId' : `@sessionId ${which}`;
  return [
    { after: '0.2s', create: 'AS' },
    { after: '0.3s', update: 'AIA', status: { phase: 'Investigating', message: 'Investigating the cause' } },
    {
      update: 'AIA',
      status: {
        investigationSession: { id, generation, interactive: false, createdAt: '@now', pollCount: 0 },
        conditions: [condition('InvestigationSessionReady', 'SessionCreated', 'The agent has a session')],
      },
    },
    {
      after: '0.5s',
      update: 'AS',
      status: { phase: 'Investigating', sessionID: id, dispatchedAt: '@now' },
    },
  ];
}

/** The analysis exists and its agent investigates. */
const analysisBegins: readonly Step[] = [
  { after: '1s', create: 'AIA' },
  {
    update: 'RR',
    status: {
      overallPhase: 'Analyzing',
      message: 'Investigating the cause',
      phaseProgress: {
        analyzingStartTime: '@now',
        aiAnalysisRef: '@ref AIA',
        currentProcessingRef: '@ref AIA',
      },
      conditions: [
        condition('SignalProcessingComplete', 'SignalProcessingSucceeded', 'The signal was processed'),
        condition('AIAnalysisReady', 'AIAnalysisCreated', 'It was created'),
      ],
    },
  },
  { update: 'AIA', status: { phase: 'Pending', startedAt: '@now' } },
  ...sessionBegins('', 1),
];

/** The agent has no capacity: its session is thrown away, and a second one of the same name is another resource. */
const turnedAway: readonly Step[] = [
  {
    after: '2s',
    update: 'AS',
    status: {
      phase: 'Failed',
      reason: 'CapacityExceeded',
      error: 'the agent is at its capacity',
      completedAt: '@now',
    },
  },
  { after: '1s', delete: 'AS' },
  {
    after: '30s',
    update: 'AIA',
    status: { message: 'The agent was at its capacity', investigationSession: null },
  },
  ...sessionBegins('again', 2),
];

/** Somebody takes the investigation over, loses the connection, comes back, and leaves it to the agent again. */
const takenOver: readonly Step[] = [
  { after: '10s', create: 'IS' },
  {
    after: '0.2s',
    update: 'IS',
    status: {
      phase: 'Active',
      aiAnalysisRef: '@nameOf AIA',
      connectionState: 'Connected',
      startedAt: '@now',
      leaseHolder: 'dana@example.com',
      leaseAcquiredAt: '@now',
    },
  },
  {
    after: '0.5s',
    update: 'AS',
    status: { interactive: true, actingUser: 'dana@example.com', actingUserGroups: ['sre', 'on-call'] },
  },
  {
    after: '40s',
    update: 'IS',
    status: { phase: 'Disconnected', connectionState: 'Disconnected', disconnectedAt: '@now' },
  },
  {
    after: '25s',
    update: 'IS',
    status: { phase: 'Active', connectionState: 'Connected', reconnectedAt: '@now' },
  },
  {
    after: '60s',
    update: 'IS',
    status: { phase: 'Completed', connectionState: 'Disconnected', completedAt: '@now', leaseHolder: '' },
  },
];

/** The investigation is over: what it found. `proposal` is what the agent proposes, see `sessionResult`. */
const investigated = (
  rcaResult: TemplateObject,
  before: readonly Step[] = [],
  proposal: 'workflow' | 'review' | 'none' = 'workflow',
): readonly Step[] => [
  ...analysisBegins,
  ...before,
  ...polled(5, '14s..26s'),
  {
    after: '1s',
    update: 'AS',
    status: { phase: 'Completed', completedAt: '@now', result: `@sessionResult ${proposal}` },
  },
  {
    after: '2s..6s',
    update: 'AIA',
    status: {
      phase: 'Analyzing',
      message: 'Evaluating the approval policy',
      // The analysis takes the labels over only where it goes on to run a workflow.
      ...(proposal === 'workflow'
        ? { postRCAContext: { detectedLabels: '@detectedLabels', setAt: '@now' } }
        : {}),
      rcaResult,
      investigationMetadata: {
        investigationId: '@investigationId',
        investigationTime: '@elapsedMs startedAt',
        warnings: ['logs of the previous container were truncated at 2000 lines'],
        validationAttemptsHistory: [{ attempt: 1, isValid: true, timestamp: '@now' }],
        degradedMode: false,
      },
      conditions: [condition('InvestigationComplete', 'InvestigationSucceeded', 'The cause was found')],
    },
  },
  { after: '0.1s', update: 'AIA', status: { phase: 'Recommending' }, only: ['G1'] },
];

const FOUND = { rootCause: '@rootCause', rootCauseAnalysis: '@rootCauseAnalysis' };
const WITH_WORKFLOW = {
  ...FOUND,
  selectedWorkflow: '@selectedWorkflow',
  alternativeWorkflows: '@alternativeWorkflows',
  actionability: 'Actionable',
};

const POLICY = { policyName: 'approval', policyHash: '@policyHash' };

const ENDED = {
  completedAt: '@now',
  investigationMetadata: { totalAnalysisTime: '@elapsedMs startedAt' },
};

const ANALYSED = [
  condition('AnalysisComplete', 'AnalysisSucceeded', 'Analysis completed'),
  condition('Ready', 'AnalysisCompleted', 'The analysis has ended'),
];

/** A workflow was chosen, and needs nobody's leave. */
const chosen = (before: readonly Step[]): readonly Step[] => [
  ...investigated(WITH_WORKFLOW, before),
  {
    after: '0.1s',
    update: 'AIA',
    status: {
      ...ENDED,
      phase: 'Completed',
      reason: 'AnalysisCompleted',
      message: 'Analysis completed',
      approval: {
        approvalRequired: false,
        // Also where nobody is asked.
        approvalReason: 'Auto-approved by policy',
        approvalContext: {
          policyEvaluation: { ...POLICY, matchedRules: ['auto-approve'], decision: 'Approved' },
        },
      },
      review: { needsHumanReview: false },
      conditions: [
        ...ANALYSED,
        condition('WorkflowResolved', 'WorkflowFound', 'Workflow {workflowName} was selected'),
        condition('ApprovalRequired', 'AutoApproved', 'Auto-approved by policy', 'False'),
      ],
    },
  },
];

export const analysed: readonly Step[] = chosen([]);
export const analysedTakenOver: readonly Step[] = chosen(takenOver);
export const analysedAtSecondAttempt: readonly Step[] = chosen(turnedAway);

/** A workflow was chosen, and the policy wants somebody to approve it. */
export const analysedForApproval: readonly Step[] = [
  ...investigated(WITH_WORKFLOW, seenAgain),
  {
    after: '0.1s',
    update: 'AIA',
    status: {
      ...ENDED,
      phase: 'Completed',
      reason: 'AnalysisCompleted',
      message: 'Analysis completed; approval required',
      approval: {
        approvalRequired: true,
        approvalReason: 'Production environment requires manual approval',
        approvalContext: {
          reason: 'Production environment requires manual approval',
          confidenceScore: '@confidence',
          confidenceLevel: 'high',
          investigationSummary: '@rootCause',
          policyEvaluation: {
            ...POLICY,
            matchedRules: ['production-needs-approval'],
            decision: 'ManualReviewRequired',
          },
        },
      },
      review: { needsHumanReview: false },
      conditions: [
        ...ANALYSED,
        condition('WorkflowResolved', 'WorkflowFound', 'Workflow {workflowName} was selected'),
        condition('ApprovalRequired', 'PolicyDecision', 'Production environment requires manual approval'),
      ],
    },
  },
];

/** The problem went away by itself. */
export const analysedWithoutNeed: readonly Step[] = [
  ...investigated({ ...FOUND, actionability: 'NotActionable' }, [], 'none'),
  {
    after: '0.1s',
    update: 'AIA',
    status: {
      ...ENDED,
      phase: 'Completed',
      reason: 'WorkflowNotNeeded',
      subReason: 'ProblemResolved',
      message: 'The problem resolved itself',
      approval: { approvalRequired: false },
      review: { needsHumanReview: false },
      conditions: [...ANALYSED, condition('WorkflowResolved', 'NotNeeded', 'Nothing to do', 'False')],
    },
  },
];

/** No workflow fits; a person has to look. Such an analysis carries no completedAt. */
export const analysedForReview: readonly Step[] = [
  ...investigated({ ...FOUND, actionability: 'Actionable' }, [], 'review'),
  {
    after: '0.1s',
    update: 'AIA',
    status: {
      phase: 'Failed',
      reason: 'NoWorkflowSelected',
      subReason: 'LowConfidence',
      message: 'No workflow was selected with sufficient confidence',
      review: { needsHumanReview: true, humanReviewReason: 'low_confidence', alignmentVerdict: 'aligned' },
    },
  },
];

/** A workflow was named that the catalogue does not have. */
export const analysisFailed: readonly Step[] = [
  ...investigated({ ...FOUND, actionability: 'Actionable' }, [], 'review'),
  {
    after: '0.1s',
    update: 'AIA',
    status: {
      ...ENDED,
      phase: 'Failed',
      reason: 'WorkflowResolutionFailed',
      subReason: 'WorkflowNotFound',
      message: 'Workflow {workflowName}-v9 is not in the catalogue',
      review: {
        needsHumanReview: true,
        humanReviewReason: 'workflow_not_found',
        alignmentVerdict: 'aligned',
      },
    },
  },
];

/** An investigation that does not come to an end in time. */
export const investigatesOn: readonly Step[] = [...analysisBegins, ...polled(4, '140s')];
