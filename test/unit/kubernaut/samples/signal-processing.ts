import type { JsonObject } from '../../../../src/domain/json.ts';
import {
  CONDITIONS,
  FINGERPRINT,
  KUBERNETES_CONTEXT,
  REFERENCE,
  resourceOf,
  SIGNAL,
  TARGET,
} from './parts.ts';

const CLASSIFIED: JsonObject = {
  kubernetesContext: KUBERNETES_CONTEXT,
  environmentClassification: {
    environment: 'Production',
    source: 'namespace-labels',
    classifiedAt: '2026-11-21T10:40:02Z',
  },
  priorityAssignment: {
    priority: 'P0',
    source: 'rego-policy',
    policyName: 'production-critical',
    assignedAt: '2026-11-21T10:40:02Z',
  },
  businessClassification: {
    businessUnit: 'payments',
    serviceOwner: 'team-payments',
    criticality: 'Critical',
    slaRequirement: 'Gold',
  },
};
const WHOLE = {
  phase: 'Completed',
  startTime: '2026-11-21T10:40:00Z',
  completionTime: '2026-11-21T10:40:03Z',
  observedGeneration: 1,
  conditions: CONDITIONS,
};

export const SIGNAL_PROCESSINGS: Readonly<Record<string, JsonObject>> = {
  G3: resourceOf('SignalProcessing', 'sp', {
    spec: {
      remediationRequestRef: REFERENCE,
      signal: { ...SIGNAL, clusterID: 'eu-1' },
      timesOutAt: '2026-11-21T10:45:00Z',
    },
    status: {
      ...WHOLE,
      ...CLASSIFIED,
      signalClassification: {
        severity: 'critical',
        policyHash: 'abc',
        clusterClassification: 'production',
        signalMode: 'reactive',
        signalName: 'CrashLoop',
        sourceSignalName: 'KubePodCrashLooping',
      },
      failureInfo: {
        error: 'timed out once',
        consecutiveFailures: 1,
        lastFailureTime: '2026-11-21T10:40:01Z',
      },
    },
  }),
  G2: resourceOf('SignalProcessing', 'sp', {
    spec: {
      remediationRequestRef: REFERENCE,
      signal: SIGNAL,
      enrichmentConfig: { enableMetrics: true },
    },
    status: {
      ...WHOLE,
      ...CLASSIFIED,
      recoveryContext: { attemptCount: 1 },
      severity: 'critical',
      policyHash: 'abc',
      signalMode: 'reactive',
      signalName: 'CrashLoop',
      sourceSignalName: 'KubePodCrashLooping',
      error: 'timed out once',
      consecutiveFailures: 1,
      lastFailureTime: '2026-11-21T10:40:01Z',
    },
  }),
  'G1 as documented': resourceOf('SignalProcessing', 'sp', {
    apiVersion: 'signalprocessing.kubernaut.ai/v1alpha1',
    spec: { remediationRequestRef: REFERENCE, signal: SIGNAL },
    status: {
      phase: 'completed',
      enrichmentResults: { kubernetesContext: KUBERNETES_CONTEXT, enrichmentQuality: 0.92 },
      environmentClassification: {
        environment: 'production',
        confidence: 0.9,
        businessCriticality: 'high',
        slaRequirement: '15m',
      },
      categorization: {
        priority: 'P1',
        priorityScore: 87,
        categorizationFactors: [{ factor: 'environment', weight: 0.5 }],
        categorizationSource: 'enriched_context',
        categorizationTime: '2026-11-21T10:40:02Z',
      },
      routingDecision: { nextService: 'ai-analysis', routingKey: FINGERPRINT, priority: 8 },
      processingTime: '2.5s',
      conditions: CONDITIONS,
    },
  }),
  'G1 as coded': resourceOf('SignalProcessing', 'sp', {
    apiVersion: 'signalprocessing.kubernaut.io/v1alpha1',
    spec: {
      remediationRequestRef: REFERENCE,
      signalFingerprint: FINGERPRINT,
      signalName: 'KubePodCrashLooping',
      severity: 'critical',
      environment: 'prod',
      priority: 'P1',
      signalType: 'prometheus',
      signalSource: 'adapter',
      targetType: 'kubernetes',
      targetResource: TARGET,
      signalLabels: { app: 'api' },
      signalAnnotations: { a: 'b' },
      firingTime: '2026-11-21T10:39:00Z',
      receivedTime: '2026-11-21T10:39:59Z',
      deduplication: { isDuplicate: false },
      isStorm: false,
      providerData: 'e30=',
      originalPayload: 'e30=',
      timeoutConfig: {},
    },
    status: {
      phase: 'completed',
      enrichmentResults: { kubernetesContext: KUBERNETES_CONTEXT },
      startTime: '2026-11-21T10:40:00Z',
      completedAt: '2026-11-21T10:40:02Z',
    },
  }),
  'G1 as in source 002': resourceOf('SignalProcessing', 'sp', {
    apiVersion: 'signalprocessing.kubernaut.ai/v1alpha1',
    spec: {
      remediationRequestRef: REFERENCE,
      signal: SIGNAL,
      enrichmentConfig: { contextSources: ['kubernetes', 'prometheus', 'history'] },
    },
    status: {
      phase: 'Completed',
      enrichmentResults: {
        enrichmentQuality: 0.7,
        completedAt: '2026-11-21T10:40:03.5Z',
        duration: 3_400_000_000,
      },
      classificationStartTime: '2026-11-21T10:40:03.5Z',
      classificationEndTime: '2026-11-21T10:40:04Z',
      classificationDuration: '450ms',
      environmentClassification: { environment: 'Production', confidence: 0.9, businessCriticality: 'high' },
      categorizationStartTime: '2026-11-21T10:40:04Z',
      categorizationEndTime: '2026-11-21T10:40:05Z',
      categorization: { priority: 'P1', priorityScore: 87, categorizationSource: 'enriched_context' },
    },
  }),
};

/** What SignalProcessing was called in G0. */
export const REMEDIATION_PROCESSINGS: Readonly<Record<string, JsonObject>> = {
  G0: resourceOf('RemediationProcessing', 'rp', {
    apiVersion: 'remediationprocessing.kubernaut.io/v1alpha1',
    spec: {
      remediationRequestRef: REFERENCE,
      signalFingerprint: FINGERPRINT,
      signalName: 'KubePodCrashLooping',
      severity: 'critical',
      environment: 'prod',
      priority: 'P1',
      signalType: 'prometheus',
      signalSource: 'prometheus-adapter',
      targetType: 'kubernetes',
      signalLabels: { app: 'api' },
      signalAnnotations: { summary: 'password=hunter2' },
      targetResource: { kind: 'Deployment', name: 'api', namespace: 'payments' },
      firingTime: '2026-11-21T10:39:00Z',
      receivedTime: '2026-11-21T10:39:59Z',
      deduplication: { firstOccurrence: '2026-11-21T10:39:00Z', occurrenceCount: 2 },
      providerData: 'e30=',
      originalPayload: 'e30=',
      isStorm: true,
      stormAlertCount: 12,
      enrichmentConfig: { enableClusterState: true },
    },
    status: {
      phase: 'completed',
      contextData: { token: 'hunter2' },
      startTime: '2026-11-21T10:40:00Z',
      completedAt: '2026-11-21T10:40:02Z',
    },
  }),
};
