import type { Step, TemplateObject } from '../step.ts';

// How a remediation went in G0: a RemediationProcessing instead of a SignalProcessing, and a KubernetesExecution for each step of
// its workflow. Written in the shape of that generation; only the remediation's own status is translated.

/** The processing reads the context; environment and priority came with the signal. */
export const processedInG0: readonly Step[] = [
  { after: '0.1s', create: 'RP' },
  {
    update: 'RR',
    status: {
      overallPhase: 'Processing',
      phaseProgress: { processingStartTime: '@now', remediationProcessingRef: '@ref RP' },
    },
  },
  { after: '0.05s', update: 'RP', status: { phase: 'enriching', startTime: '@now' } },
  { after: '3s..6s', update: 'RP', status: { phase: 'classifying', contextData: '@kubernetesContext' } },
  { after: '0.5s', update: 'RP', status: { phase: 'completed', completedAt: '@now' } },
];

export const analysedInG0: readonly Step[] = [
  { after: '1s..3s', create: 'AIA' },
  {
    update: 'RR',
    status: {
      overallPhase: 'Analyzing',
      phaseProgress: { analyzingStartTime: '@now', aiAnalysisRef: '@ref AIA' },
    },
  },
  { after: '0.2s', update: 'AIA', status: { phase: 'Investigating', startedAt: '@now' } },
  {
    after: '60s..120s',
    update: 'AIA',
    status: {
      phase: 'Completed',
      completedAt: '@now',
      rootCause: '@rootCause',
      confidence: '@confidence',
      recommendedAction: '@actionType',
      requiresApproval: false,
      investigationId: '@investigationId',
      tokensUsed: 4_200,
    },
  },
];

const stepDone = (number: 1 | 2, action: string, status = 'completed'): TemplateObject => ({
  stepNumber: number,
  action,
  status,
  startTime: `@of KE/${number} status.result.startTime`,
  endTime: `@of KE/${number} status.result.endTime`,
  retriesAttempted: `@of KE/${number} status.retryCount`,
});
const STEPS_DONE = [stepDone(1, '@actionType'), stepDone(2, 'verify-health')];

/** An action of a step begins: the object of document 001, which names its workflow execution and not the remediation. */
const actionBegins = (number: 1 | 2, type: string): readonly Step[] => [
  {
    after: '0.2s',
    create: `KE/${number}`,
    spec: {
      stepIndex: number - 1,
      action: { type, parameters: '@parameters', target: '@documentedTarget' },
    },
  },
  { after: '0.5s', update: `KE/${number}`, status: { phase: 'executing', result: { startTime: '@now' } } },
];

const actionEnds = (number: 1 | 2, retryCount: number): Step => ({
  after: '20s..50s',
  update: `KE/${number}`,
  status: {
    phase: 'completed',
    retryCount,
    result: { success: true, output: `step ${number} on {targetText}: done`, error: '', endTime: '@now' },
  },
});

/** The first step is done, the second has begun. */
const halfExecuted: readonly Step[] = [
  { after: '2s..8s', create: 'WFE' },
  {
    update: 'RR',
    status: {
      overallPhase: 'Executing',
      phaseProgress: { executingStartTime: '@now', workflowExecutionRef: '@ref WFE' },
    },
  },
  {
    after: '1s',
    update: 'WFE',
    status: { phase: 'planning', totalSteps: 2, planningStartTime: '@now' },
  },
  {
    after: '1s',
    update: 'WFE',
    status: { phase: 'executing', currentStep: 1, executionStartTime: '@now' },
  },
  ...actionBegins(1, '@actionType'),
  actionEnds(1, 0),
  { update: 'WFE', status: { currentStep: 2, stepStatuses: STEPS_DONE.slice(0, 1) } },
  ...actionBegins(2, 'verify-health'),
];

export const executedInSteps: readonly Step[] = [
  ...halfExecuted,
  // It answers at the second attempt.
  actionEnds(2, 1),
  {
    update: 'WFE',
    status: {
      phase: 'completed',
      completionTime: '@now',
      stepStatuses: STEPS_DONE,
      executionMetrics: { totalDuration: '@elapsed executionStartTime', rollbacksPerformed: 0 },
      workflowResult: { outcome: 'success', effectivenessScore: 0.9 },
    },
  },
];

export const stepFailed: readonly Step[] = [
  ...halfExecuted,
  {
    after: '15s..40s',
    update: 'KE/2',
    status: {
      phase: 'failed',
      retryCount: 3,
      result: { success: false, output: '', error: '@failureMessage', endTime: '@now' },
    },
  },
  {
    update: 'WFE',
    status: {
      phase: 'failed',
      completionTime: '@now',
      failureReason: '@failureMessage',
      failedStep: 2,
      failedAction: 'verify-health',
      stepStatuses: [
        ...STEPS_DONE.slice(0, 1),
        { ...stepDone(2, 'verify-health', 'failed'), errorMessage: '@failureMessage' },
      ],
      executionMetrics: { totalDuration: '@elapsed executionStartTime', rollbacksPerformed: 1 },
      workflowResult: { outcome: 'failed', effectivenessScore: 0 },
    },
  },
  {
    after: '2s..10s',
    update: 'RR',
    status: {
      overallPhase: 'Failed',
      message: 'A step of the workflow failed',
      completedAt: '@now',
      completionStatus: { failurePhase: 'WorkflowExecution', failureReason: '@failureMessage' },
    },
  },
];
