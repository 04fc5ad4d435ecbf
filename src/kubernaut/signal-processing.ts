import type { JsonObject, JsonValue } from '../domain/json.ts';
import { signalProcessingAudit } from '../domain/records/signal-processing-audit.ts';
import { inAll } from './column-source.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, pathsLeftOut, SAID_BY_COMMON_COLUMNS } from './kind.ts';
import type { ReadingContext, ResourceReading, Unread } from './observed-remediation.ts';
import { remediationOf } from './observed-remediation.ts';
import { definePhase, readPhase, subjectOf, understoodBy } from './read-kind.ts';
import type { Shape, ShapeMarks } from './resource.ts';
import { groupOf, shapeOf, targetTextAt, textAt } from './resource.ts';
import { messagesOf, PHASE_PATHS, processingPhasesOf, sizeOfJson } from './signal-processing-phases.ts';

/**
 * `spec.timesOutAt` marks G3 also before there is a status. A signal flat in the spec is G1 as it was
 * coded, scores and routing are G1 as it was documented.
 */
const MARKS: ShapeMarks = [
  ['G3', 'status.signalClassification', 'status.failureInfo', 'spec.timesOutAt'],
  ['G2', 'status.severity', 'status.policyHash', 'status.signalMode', 'status.signalName', 'status.error'],
  [
    'G1',
    'spec.signalFingerprint',
    'status.enrichmentResults',
    'status.categorization',
    'status.routingDecision',
  ],
];

const GROUP_SINCE_G2 = 'kubernaut.ai';

const ALL = ['G3', 'G2', 'G1'] as const;
const NEW = ['G3', 'G2'] as const;

/**
 * The one phase of a processing. Scores, confidence and routing were dropped after G1: since then these
 * columns are null.
 */
export const SIGNAL_PROCESSING = definePhase({
  definition: signalProcessingAudit,
  phase: 'signal-processing',
  columns: {
    signal_fingerprint: {
      paths: {
        ...inAll(NEW, 'spec.signal.fingerprint'),
        G1: ['spec.signal.fingerprint', 'spec.signalFingerprint'],
      },
    },
    processing_phases: {
      paths: { ...inAll(NEW, 'status.conditions'), G1: ['status.conditions', ...PHASE_PATHS] },
      derive: (_found, resource) => processingPhasesOf(resource),
      how: 'enriching, classifying, categorizing and the whole, each with what it found out, with the times that are named here, with the ends that conditions, classifiedAt and assignedAt name, and durations where they are named or both times are known; enriching begins when the resource is created',
    },
    enrichment_quality: { paths: { G1: 'status.enrichmentResults.enrichmentQuality' } },
    context_size_bytes: {
      paths: { ...inAll(NEW, 'status.kubernetesContext'), G1: 'status.enrichmentResults' },
      derive: sizeOf,
      how: 'bytes of it as canonical JSON',
    },
    // The flat object has what the gateway assigned, and no classification of its own.
    environment: {
      paths: {
        ...inAll(NEW, 'status.environmentClassification.environment'),
        G1: ['status.environmentClassification.environment', 'spec.environment'],
      },
    },
    confidence: { paths: { G1: 'status.environmentClassification.confidence' } },
    business_criticality: {
      paths: {
        ...inAll(NEW, 'status.businessClassification.criticality'),
        G1: [
          'status.environmentClassification.businessCriticality',
          'status.businessClassification.criticality',
        ],
      },
    },
    sla_requirement: {
      paths: {
        ...inAll(NEW, 'status.businessClassification.slaRequirement'),
        G1: [
          'status.environmentClassification.slaRequirement',
          'status.businessClassification.slaRequirement',
        ],
      },
    },
    priority: {
      paths: {
        ...inAll(NEW, 'status.priorityAssignment.priority'),
        G1: ['status.categorization.priority', 'status.priorityAssignment.priority', 'spec.priority'],
      },
    },
    priority_score: { paths: { G1: 'status.categorization.priorityScore' } },
    routed_to_service: { paths: { G1: 'status.routingDecision.nextService' } },
    routing_priority: { paths: { G1: 'status.routingDecision.priority' } },
    // Set on success only: a processing that failed has no end.
    completed_at: {
      paths: {
        ...inAll(NEW, 'status.completionTime'),
        G1: ['status.completedAt', 'status.completionTime'],
      },
    },
    status: { paths: inAll(ALL, 'status.phase') },
    error_message: { paths: { G3: 'status.failureInfo.error', ...inAll(['G2', 'G1'], 'status.error') } },
  },
  extra: {
    started_at: inAll(ALL, 'status.startTime'),
    signal_severity: { ...inAll(NEW, 'spec.signal.severity'), G1: 'spec.severity' },
    signal_type: { ...inAll(NEW, 'spec.signal.type'), G1: 'spec.signalType' },
    signal_source: { ...inAll(NEW, 'spec.signal.source'), G1: 'spec.signalSource' },
    signal_target_type: { ...inAll(NEW, 'spec.signal.targetType'), G1: 'spec.targetType' },
    signal_target: { ...inAll(NEW, 'spec.signal.targetResource'), G1: 'spec.targetResource' },
    firing_time: { ...inAll(NEW, 'spec.signal.firingTime'), G1: 'spec.firingTime' },
    received_time: { ...inAll(NEW, 'spec.signal.receivedTime'), G1: 'spec.receivedTime' },
    cluster_id: { G3: ['spec.signal.clusterID', 'status.kubernetesContext.clusterID'] },
    severity: { G3: 'status.signalClassification.severity', G2: 'status.severity' },
    policy_hash: { G3: 'status.signalClassification.policyHash', G2: 'status.policyHash' },
    cluster_classification: { G3: 'status.signalClassification.clusterClassification' },
    signal_mode: { G3: 'status.signalClassification.signalMode', G2: 'status.signalMode' },
    signal_name: {
      G3: 'status.signalClassification.signalName',
      G2: ['status.signalName', 'spec.signal.name'],
      G1: ['spec.signal.name', 'spec.signalName'],
    },
    source_signal_name: {
      G3: 'status.signalClassification.sourceSignalName',
      G2: 'status.sourceSignalName',
    },
    environment_source: inAll(ALL, 'status.environmentClassification.source'),
    priority_source: {
      ...inAll(NEW, 'status.priorityAssignment.source'),
      G1: ['status.categorization.categorizationSource', 'status.priorityAssignment.source'],
    },
    priority_policy: inAll(ALL, 'status.priorityAssignment.policyName'),
    priority_factors: { G1: 'status.categorization.categorizationFactors' },
    business_unit: inAll(ALL, 'status.businessClassification.businessUnit'),
    service_owner: inAll(ALL, 'status.businessClassification.serviceOwner'),
    degraded_mode: inAll(NEW, 'status.kubernetesContext.degradedMode'),
    owner_chain: inAll(ALL, 'status.kubernetesContext.ownerChain'),
    consecutive_failures: {
      G3: 'status.failureInfo.consecutiveFailures',
      G2: 'status.consecutiveFailures',
    },
    last_failure_time: { G3: 'status.failureInfo.lastFailureTime', G2: 'status.lastFailureTime' },
    routing_key: { G1: 'status.routingDecision.routingKey' },
    processing_time: { G1: 'status.processingTime' },
    times_out_at: { G3: 'spec.timesOutAt' },
  },
});

/** `status.kubernetesContext` is left out for its labels and annotations; the few members without such are read before. */
export const SIGNAL_PROCESSING_LEFT_OUT: LeftOut = {
  ...SAID_BY_COMMON_COLUMNS,
  ...CHURN,
  'labels and annotations are copied from clusters as they are and hold secrets; no column needs them': [
    'spec.signal.labels',
    'spec.signal.annotations',
    'spec.signal.providerData',
    'spec.signalLabels',
    'spec.signalAnnotations',
    'spec.providerData',
    'spec.originalPayload',
    'spec.labels',
    'spec.annotations',
    'status.kubernetesContext',
    'status.enrichmentResults.kubernetesContext',
    'status.enrichmentResults.historicalContext',
  ],
  'copied from the remediation, which records it': [
    'spec.deduplication',
    'spec.isStorm',
    'spec.stormType',
    'spec.stormWindow',
    'spec.stormAlertCount',
    'spec.affectedResources',
    'spec.timeoutConfig',
    'spec.isRecoveryAttempt',
    'spec.recoveryAttemptNumber',
    'spec.failureData',
    'status.recoveryContext',
  ],
  'settings, not facts; of the sources their number is recorded': ['spec.enrichmentConfig'],
  'the same in every processing, or said by a column': [
    'status.environmentClassification.classifiedAt',
    'status.priorityAssignment.assignedAt',
    'status.priorityAssignment.confidence',
    'status.businessClassification.overallConfidence',
    'status.categorization.categorizationTime',
  ],
};

/** The results of G1 are measured as a whole and understood member by member. */
const UNDERSTOOD = understoodBy([SIGNAL_PROCESSING], pathsLeftOut(SIGNAL_PROCESSING_LEFT_OUT), [
  'status.enrichmentResults',
]);

/** Reads a processing into its own record, one observation per state. */
export function readSignalProcessing(
  resource: JsonObject,
  context: ReadingContext,
): ResourceReading | Unread {
  const shape = generationOf(resource);
  const namespace = textAt(resource, 'metadata.namespace') ?? '';
  const remediation = remediationOf(resource, namespace, context);
  const subject = subjectOf(resource, { shape, remediation, context });
  if ('unread' in subject) return subject;
  const { observation, unrecognised, misshapen } = readPhase(SIGNAL_PROCESSING, subject, {
    known: UNDERSTOOD,
    extra: conditionsOf(resource),
  });
  const target =
    targetTextAt(resource, 'spec.signal.targetResource') ?? targetTextAt(resource, 'spec.targetResource');
  const signal = textAt(resource, 'spec.signal.name', 'spec.signalName') ?? 'signal';
  return {
    remediation: subject.remediation,
    observations: [observation],
    target,
    summary: `${target ?? 'unknown target'}: ${signal}`,
    shape,
    unrecognised,
    misshapen,
  };
}

/** `status.error` is in G1 as it was coded, too: there the group decides. */
function generationOf(resource: JsonObject): Shape {
  const shape = shapeOf(resource, MARKS);
  return shape === 'G2' && groupOf(resource) !== GROUP_SINCE_G2 ? 'G1' : shape;
}

/** What only conditions say: their messages, and out of one of them by what the severity was decided. */
function conditionsOf(resource: JsonObject): JsonObject {
  const messages = messagesOf(resource);
  const source = /\bseverity=\S{1,100} \(source=([^)]{1,200})\)/.exec(
    messages['ClassificationComplete'] ?? '',
  )?.[1];
  return {
    ...(Object.keys(messages).length === 0 ? {} : { condition_messages: { ...messages } }),
    ...(source === undefined ? {} : { severity_source: source }),
  };
}

function sizeOf(context: JsonValue | undefined): string | undefined {
  return context === undefined ? undefined : String(sizeOfJson(context));
}
