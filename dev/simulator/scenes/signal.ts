import type { Step, TemplateObject } from '../step.ts';

/** A condition as controllers set it: true, unless it is said to be otherwise. */
export const condition = (
  type: string,
  reason: string,
  message: string,
  status: 'True' | 'False' = 'True',
): TemplateObject => ({
  type,
  status,
  observedGeneration: 1,
  lastTransitionTime: '@now',
  reason,
  message,
});

/**
 * The gateway creates the remediation, the orchestrator takes it up. Most phases are written more than once: a write
 * without `after` follows the one before at once.
 */
export const received: readonly Step[] = [
  { create: 'RR' },
  {
    update: 'RR',
    status: { deduplication: { firstSeenAt: '@now', lastSeenAt: '@now', occurrenceCount: 1 } },
  },
  {
    after: '0.05s',
    update: 'RR',
    status: { overallPhase: 'Pending', message: 'Signal received', observedGeneration: 1, startTime: '@now' },
  },
  {
    update: 'RR',
    status: {
      timeoutConfig: { global: '1h0m0s', processing: '5m0s', analyzing: '10m0s', executing: '30m0s' },
      conditions: [condition('Ready', 'RemediationAccepted', 'The remediation was accepted')],
    },
  },
];

/** SignalProcessing exists and has begun to enrich. */
export const processingBegins: readonly Step[] = [
  { after: '0.1s', create: 'SP' },
  {
    update: 'RR',
    status: {
      overallPhase: 'Processing',
      message: 'Enriching and classifying the signal',
      phaseProgress: { processingStartTime: '@now' },
    },
  },
  {
    update: 'RR',
    status: {
      phaseProgress: { signalProcessingRef: '@ref SP', currentProcessingRef: '@ref SP' },
      conditions: [condition('SignalProcessingReady', 'SignalProcessingCreated', 'It was created')],
    },
  },
  { after: '0.05s', update: 'SP', status: { phase: 'Pending', startTime: '@now' } },
  { after: '0.1s', update: 'SP', status: { phase: 'Enriching' } },
];

/** The signal's classes and priority, once its context is there. */
const classified: readonly Step[] = [
  {
    after: '0.1s..0.5s',
    update: 'SP',
    status: {
      phase: 'Categorizing',
      environmentClassification: {
        environment: '@environment',
        source: 'namespace-labels',
        classifiedAt: '@now',
      },
      signalClassification: {
        severity: '@severity',
        policyHash: '@policyHash',
        clusterClassification: 'workload',
        signalMode: 'reactive',
        signalName: '@signalName',
        sourceSignalName: '@signalName',
      },
      conditions: [
        condition(
          'ClassificationComplete',
          'ClassificationSucceeded',
          'Classified: environment={environment} (source=namespace-labels), priority={priority} (source=rego-policy), severity={severity} (source=rego-policy)',
        ),
      ],
    },
  },
  {
    after: '0.1s..0.5s',
    update: 'SP',
    status: {
      phase: 'Completed',
      completionTime: '@now',
      priorityAssignment: {
        priority: '@priority',
        source: 'rego-policy',
        policyName: 'priority-by-environment',
        assignedAt: '@now',
      },
      businessClassification: {
        businessUnit: '@businessUnit',
        serviceOwner: '@serviceOwner',
        criticality: '@criticality',
        slaRequirement: '@slaRequirement',
      },
      conditions: [
        condition('CategorizationComplete', 'CategorizationSucceeded', 'Priority {priority}'),
        condition(
          'ProcessingComplete',
          'ProcessingSucceeded',
          'Signal processed successfully in 0.42s: {priority} {environment} alert ready for remediation',
        ),
        condition('Ready', 'ProcessingCompleted', 'Signal enriched and classified'),
      ],
    },
  },
];

/** Another alert of the same group is folded into the remediation: churn, and no phase. */
export const seenAgain: readonly Step[] = [
  { after: '5s', update: 'RR', status: { deduplication: { lastSeenAt: '@now', occurrenceCount: 2 } } },
];

/** The context is there after so long. */
export const processedAfter = (enrichment: string): readonly Step[] => [
  ...processingBegins,
  {
    after: enrichment,
    update: 'SP',
    status: {
      phase: 'Classifying',
      kubernetesContext: '@kubernetesContext',
      conditions: [condition('EnrichmentComplete', 'EnrichmentSucceeded', 'The context was read')],
    },
  },
  ...classified,
];

export const processed = processedAfter('0.3s..1s');

/** How most remediations begin. */
export const beginning: readonly Step[] = [...received, ...processed];
