import type { JsonObject } from '../domain/json.ts';
import { signalProcessingAudit } from '../domain/records/signal-processing-audit.ts';
import type { LeftOut } from './kind.ts';
import { CHURN, pathsLeftOut, SAID_BY_COMMON_COLUMNS } from './kind.ts';
import type { ReadingContext, ResourceReading, Unread } from './observed-remediation.ts';
import { remediationOf } from './observed-remediation.ts';
import { definePhase, readPhase, subjectOf, understoodBy } from './read-kind.ts';
import { targetTextAt, textAt } from './resource.ts';
import { processingPhasesOf, sizeOfJson } from './signal-processing-phases.ts';

const CONTEXT = 'status.contextData';

/**
 * The processing of a signal as it was in G0, before it was called SignalProcessing. It classifies nothing: environment and
 * priority were assigned by the gateway and stand in its spec.
 */
export const REMEDIATION_PROCESSING = definePhase({
  definition: signalProcessingAudit,
  phase: 'signal-processing',
  columns: {
    signal_fingerprint: { paths: { G0: 'spec.signalFingerprint' } },
    processing_phases: {
      paths: { G0: ['status.startTime', 'status.completedAt'] },
      derive: (_found, resource) => processingPhasesOf(resource),
      how: 'enriching with the size of its context, and the whole with its times',
    },
    context_size_bytes: {
      paths: { G0: CONTEXT },
      derive: (context) => (context === undefined ? undefined : String(sizeOfJson(context))),
      how: 'bytes of it as canonical JSON',
    },
    environment: { paths: { G0: 'spec.environment' } },
    priority: { paths: { G0: 'spec.priority' } },
    completed_at: { paths: { G0: 'status.completedAt' } },
    status: { paths: { G0: 'status.phase' } },
  },
  extra: {
    started_at: { G0: 'status.startTime' },
    signal_name: { G0: 'spec.signalName' },
    signal_severity: { G0: 'spec.severity' },
    signal_type: { G0: 'spec.signalType' },
    signal_source: { G0: 'spec.signalSource' },
    signal_target_type: { G0: 'spec.targetType' },
    signal_target: { G0: 'spec.targetResource' },
    firing_time: { G0: 'spec.firingTime' },
    received_time: { G0: 'spec.receivedTime' },
  },
});

export const REMEDIATION_PROCESSING_LEFT_OUT: LeftOut = {
  ...SAID_BY_COMMON_COLUMNS,
  ...CHURN,
  'copied from clusters and alerts as they are, and may hold secrets; no column needs them': [
    'spec.signalLabels',
    'spec.signalAnnotations',
    'spec.providerData',
    'spec.originalPayload',
    CONTEXT,
  ],
  'copied from the remediation, which records it': [
    'spec.deduplication',
    'spec.isStorm',
    'spec.stormAlertCount',
  ],
  'settings, not facts': ['spec.enrichmentConfig'],
};

const UNDERSTOOD = understoodBy([REMEDIATION_PROCESSING], pathsLeftOut(REMEDIATION_PROCESSING_LEFT_OUT));

/** Reads a processing of G0 into its own record, one observation per state. */
export function readRemediationProcessing(
  resource: JsonObject,
  context: ReadingContext,
): ResourceReading | Unread {
  const remediation = remediationOf(resource, textAt(resource, 'metadata.namespace') ?? '', context);
  const subject = subjectOf(resource, { shape: 'G0', remediation, context });
  if ('unread' in subject) return subject;
  const { observation, unrecognised, misshapen } = readPhase(REMEDIATION_PROCESSING, subject, {
    known: UNDERSTOOD,
  });
  const target = targetTextAt(resource, 'spec.targetResource');
  return {
    remediation: subject.remediation,
    observations: [observation],
    target,
    summary: `${target ?? 'unknown target'}: ${textAt(resource, 'spec.signalName') ?? 'signal'}`,
    shape: 'G0',
    unrecognised,
    misshapen,
  };
}
