import type { JsonObject } from '../../../../src/domain/json.ts';
import {
  CONDITIONS,
  FINGERPRINT,
  KUBERNETES_CONTEXT,
  REFERENCE,
  REMEDIATION,
  resourceOf,
  TARGET,
} from './parts.ts';

const SIGNAL_CONTEXT: JsonObject = {
  fingerprint: FINGERPRINT,
  severity: 'critical',
  signalName: 'CrashLoop',
  signalMode: 'reactive',
  environment: 'production',
  businessPriority: 'P0',
  targetResource: TARGET,
  enrichmentResults: { kubernetesContext: KUBERNETES_CONTEXT },
  signalAnnotations: { summary: 'token: abc' },
};
const ANALYSIS_SPEC: JsonObject = {
  remediationRequestRef: REFERENCE,
  remediationId: REMEDIATION.name,
  analysisRequest: {
    signalContext: SIGNAL_CONTEXT,
    analysisTypes: ['Investigation', 'RootCause', 'WorkflowSelection'],
  },
};
export const SELECTED: JsonObject = {
  workflowId: 'restart-deployment-v1',
  actionType: 'RestartDeployment',
  version: '1.2.0',
  executionBundle: 'registry.example/bundles/restart:1.2.0',
  confidence: 0.94,
  parameters: { NAMESPACE: 'payments' },
  rationale: 'it helped before',
};
const RESULT: JsonObject = {
  rootCause: 'The image cannot start with so little memory.',
  rootCauseAnalysis: {
    summary: 'memory limit too low',
    severity: 'critical',
    signalType: 'OOMKilled',
    contributingFactors: ['a recent deployment'],
    remediationTarget: TARGET,
  },
  selectedWorkflow: SELECTED,
  alternativeWorkflows: [{ workflowId: 'scale-up-v1', confidence: 0.4, rationale: 'slower' }],
  actionability: 'Actionable',
};
const APPROVAL: JsonObject = {
  approvalRequired: true,
  approvalReason: 'production',
  approvalContext: {
    reason: 'production',
    confidenceScore: 0.94,
    policyEvaluation: {
      policyName: 'approval',
      matchedRules: ['production'],
      decision: 'ManualReviewRequired',
    },
  },
};
const REVIEW: JsonObject = {
  needsHumanReview: false,
  humanReviewReason: 'low_confidence',
  alignmentVerdict: { result: 'clean', circuitBreakerActivated: false, flagged: 0, total: 4 },
};
const METADATA: JsonObject = {
  investigationId: 'inv-1',
  investigationTime: 76_250,
  totalAnalysisTime: 77_000,
  warnings: ['short history'],
  validationAttemptsHistory: [{ attempt: 1, workflowId: 'restart-deployment-v1', isValid: true }],
  degradedMode: false,
  consecutiveFailures: 0,
};
const SESSIONS: JsonObject = {
  investigationSession: {
    id: 'session-1',
    generation: 0,
    interactive: false,
    lastPolled: '2026-11-21T10:41:50Z',
    createdAt: '2026-11-21T10:40:10Z',
    pollCount: 7,
  },
  interactiveSession: { sessionId: 's', actingUser: 'ana@example.com', actingUserGroups: ['sre'] },
  postRCAContext: { detectedLabels: { stateful: false }, setAt: '2026-11-21T10:41:00Z' },
};
const ANALYSED: JsonObject = {
  phase: 'Completed',
  message: 'Analysis completed',
  reason: 'AnalysisCompleted',
  subReason: 'ProblemResolved',
  startedAt: '2026-11-21T10:40:05Z',
  completedAt: '2026-11-21T10:41:30Z',
  observedGeneration: 1,
  conditions: CONDITIONS,
};

export const AI_ANALYSES: Readonly<Record<string, JsonObject>> = {
  G3: resourceOf('AIAnalysis', 'ai', {
    spec: { ...ANALYSIS_SPEC, clusterID: 'eu-1', timesOutAt: '2026-11-21T10:50:00Z' },
    status: {
      ...ANALYSED,
      ...SESSIONS,
      rcaResult: { ...RESULT, selectedWorkflow: { ...SELECTED, workflowName: 'restart-deployment' } },
      approval: APPROVAL,
      review: REVIEW,
      investigationMetadata: METADATA,
    },
  }),
  G2: resourceOf('AIAnalysis', 'ai', {
    spec: { ...ANALYSIS_SPEC, timeoutConfig: { investigatingTimeout: '60s' } },
    status: { ...ANALYSED, ...SESSIONS, ...RESULT, ...APPROVAL, ...REVIEW, ...METADATA },
  }),
  G1: resourceOf('AIAnalysis', 'ai', {
    apiVersion: 'aianalysis.kubernaut.io/v1alpha1',
    spec: ANALYSIS_SPEC,
    status: { ...ANALYSED, phase: 'Recommending', ...RESULT },
  }),
  G0: resourceOf('AIAnalysis', 'ai', {
    apiVersion: 'aianalysis.kubernaut.io/v1alpha1',
    metadata: { ownerReferences: [{ kind: 'RemediationRequest', name: REMEDIATION.name, uid: 'rr-uid' }] },
    spec: {
      remediationRequestRef: REMEDIATION.name,
      analysisRequest: {
        signalContext: { fingerprint: FINGERPRINT, severity: 'critical', environment: 'production' },
      },
      llmProvider: 'holmesgpt',
      llmModel: 'gpt',
      maxTokens: 4000,
      temperature: 0.7,
    },
    status: {
      phase: 'Completed',
      message: 'done',
      startedAt: '2026-11-21T10:40:05Z',
      completedAt: '2026-11-21T10:41:30Z',
      rootCause: 'memory limit too low',
      confidence: 0.8,
      recommendedAction: 'increase-memory-limit',
      requiresApproval: false,
      investigationId: 'inv-1',
      tokensUsed: 1234,
      investigationTime: 76,
      conditions: CONDITIONS,
    },
  }),
  G0a: resourceOf('AIAnalysis', 'ai', {
    apiVersion: 'ai.kubernaut.io/v1',
    metadata: { ownerReferences: [{ kind: 'AlertRemediation', name: REMEDIATION.name, uid: 'rr-uid' }] },
    spec: {
      alertRemediationRef: { name: REMEDIATION.name, namespace: REMEDIATION.namespace },
      analysisRequest: {
        alertContext: { fingerprint: FINGERPRINT, severity: 'critical', environment: 'production' },
        analysisTypes: ['investigation'],
        investigationScope: { timeWindow: '24h' },
      },
    },
    status: {
      phase: 'completed',
      phaseTransitions: {
        investigating: '2026-11-21T10:40:00Z',
        analyzing: '2026-11-21T10:41:00Z',
        recommending: '2026-11-21T10:42:00Z',
      },
      investigationResult: {
        rootCauseHypotheses: [{ hypothesis: 'memory' }, { hypothesis: 'disk' }],
        investigationReport: 'memory limit too low',
        correlatedAlerts: [{ fingerprint: 'abc' }],
        contextualAnalysis: 'grew for days',
      },
      analysisResult: { validationStatus: { hallucinationDetected: false } },
      recommendations: [
        { action: 'increase-memory-limit', effectivenessProbability: 0.88, historicalSuccessRate: 0.9 },
        { action: 'restart-pod', effectivenessProbability: 0.3, historicalSuccessRate: 0.2 },
      ],
      workflowExecutionRef: { name: 'wf-1', namespace: REMEDIATION.namespace },
      conditions: CONDITIONS,
    },
  }),
};
