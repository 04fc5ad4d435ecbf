import type { KindCode } from './generations.ts';
import type { TemplateObject } from './step.ts';

const REF = { remediationRequestRef: '@ref RR' } as const;
const CLUSTER = { clusterID: '@clusterId' } as const;

const SIGNAL = {
  severity: '@severity',
  targetType: 'kubernetes',
  targetResource: '@target',
  firingTime: '@now-30s',
  receivedTime: '@now',
  providerData: '@providerData',
} as const;

/** What each resource is created with, in the newest shape. A notification brings its own. */
export const SPECS: Readonly<Record<KindCode, TemplateObject>> = {
  RR: {
    ...SIGNAL,
    ...CLUSTER,
    signalFingerprint: '@fingerprint',
    signalName: '@signalName',
    signalType: 'alert',
    signalSource: 'prometheus',
    signalLabels: '@signalLabels',
    signalAnnotations: '@signalAnnotations',
    originalPayload: '@originalPayload',
  },
  SP: {
    ...REF,
    signal: {
      ...SIGNAL,
      ...CLUSTER,
      fingerprint: '@fingerprint',
      name: '@signalName',
      type: 'alert',
      source: 'prometheus',
      labels: '@signalLabels',
      annotations: '@signalAnnotations',
    },
    timesOutAt: '@now+5m',
  },
  // In its own shape: it was called otherwise since.
  RP: {
    ...REF,
    ...SIGNAL,
    signalFingerprint: '@fingerprint',
    signalName: '@signalName',
    signalType: 'prometheus',
    signalSource: 'prometheus-adapter',
    signalLabels: '@signalLabels',
    signalAnnotations: '@signalAnnotations',
    environment: '@environment',
    priority: '@priority',
    deduplication: { firstOccurrence: '@now', occurrenceCount: 1 },
  },
  // Of the documents; each step brings its index and its action.
  KE: { workflowExecutionRef: { name: '@nameOf WFE' }, maxRetries: 3 },
  AIA: {
    ...REF,
    ...CLUSTER,
    remediationId: '@name',
    timesOutAt: '@now+25m',
    analysisRequest: {
      signalContext: {
        fingerprint: '@fingerprint',
        severity: '@severity',
        signalName: '@signalName',
        signalMode: 'reactive',
        environment: '@environment',
        businessPriority: '@priority',
        targetResource: '@target',
        enrichmentResults: {
          kubernetesContext: '@kubernetesContext',
          businessClassification: { businessUnit: '@businessUnit', criticality: '@criticality' },
        },
        signalAnnotations: '@signalAnnotations',
      },
      analysisTypes: ['Investigation', 'RootCause', 'WorkflowSelection'],
    },
  },
  AS: REF,
  WFE: {
    ...REF,
    ...CLUSTER,
    workflowRef: '@workflowSnapshot',
    targetResource: '@targetText',
    parameters: '@parameters',
    confidence: '@confidence',
    rationale: '@rationale',
    timesOutAt: '@now+30m',
  },
  RAR: {
    ...REF,
    ...CLUSTER,
    aiAnalysisRef: { name: '@nameOf AIA' },
    confidence: '@confidence',
    confidenceLevel: 'high',
    reason: 'production changes need an approval',
    recommendedWorkflow: '@recommendedWorkflow',
    investigationSummary: '@rootCause',
    evidenceCollected: ['@summary'],
    recommendedActions: [{ action: '@actionType', rationale: '@rationale' }],
    alternativesConsidered: [{ approach: 'Restart', prosCons: 'Quick, but the cause stays' }],
    whyApprovalRequired: 'The namespace is a production environment',
    policyEvaluation: { policyName: 'approval', decision: 'ManualReviewRequired' },
    requiredBy: '@now+15m',
  },
  NR: { ...REF, retentionDays: 7, extensions: { environment: '@environment' } },
  EA: {
    ...CLUSTER,
    correlationID: '@name',
    remediationRequestPhase: 'Verifying',
    signalTarget: '@target',
    remediationTarget: '@target',
    config: { stabilizationWindow: '5m0s', hashComputeDelay: '0s', alertCheckDelay: '0s' },
    remediationCreatedAt: '@createdAt RR',
    signalName: '@signalName',
    preRemediationSpecHash: '@specHash before',
  },
  IS: {
    ...REF,
    a2aTaskID: '@sessionId task',
    userIdentity: { username: 'dana@example.com', groups: ['sre', 'on-call'] },
    joinMode: 'takeover',
  },
};
