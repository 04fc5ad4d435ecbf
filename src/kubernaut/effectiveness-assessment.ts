import type { JsonObject } from '../domain/json.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import { inAll } from './column-source.ts';
import { readDeletionFromRemediation } from './deletion.ts';
import type { LeftOut } from './kind.ts';
import { CHURN } from './kind.ts';
import type { ReadingContext, RemediationReference } from './observed-remediation.ts';
import { ownerOf, remediationByName, remediationOf } from './observed-remediation.ts';
import { definePhase } from './read-kind.ts';
import { readerOf } from './remediation-addition.ts';
import { textAt } from './resource.ts';

const anywhere = (...paths: readonly string[]) => inAll(['G3', 'G2'], ...paths);

/**
 * What the assessment found out, as a part of the record of the remediation. The resource has scores of
 * components only: there is no score of the whole, and none is computed.
 */
export const VERIFICATION = definePhase({
  definition: remediationAudit,
  phase: 'verification',
  columns: {
    verification_reason: { paths: anywhere('status.assessmentReason') },
    verification_health_score: { paths: anywhere('status.components.healthScore') },
    verification_alert_score: { paths: anywhere('status.components.alertScore') },
    verification_metrics_score: { paths: anywhere('status.components.metricsScore') },
    pre_remediation_spec_hash: { paths: anywhere('spec.preRemediationSpecHash') },
    post_remediation_spec_hash: { paths: anywhere('status.components.postRemediationSpecHash') },
    current_spec_hash: { paths: anywhere('status.components.currentSpecHash') },
  },
  extra: {
    verification_assessment: anywhere('metadata.name'),
    verification_phase: anywhere('status.phase'),
    verification_message: anywhere('status.message'),
    verification_completed_at: anywhere('status.completedAt'),
    verification_valid_until: anywhere('status.validityDeadline', 'spec.config.validityDeadline'),
    verification_stabilization_window: anywhere('spec.config.stabilizationWindow'),
    verification_target: anywhere('spec.remediationTarget', 'spec.targetResource'),
    // Assessed without a score is another thing than never assessed: of a Node the health has none.
    verification_health_assessed: anywhere('status.components.healthAssessed'),
    verification_hash_computed: anywhere('status.components.hashComputed'),
    verification_alert_assessed: anywhere('status.components.alertAssessed'),
    verification_metrics_assessed: anywhere('status.components.metricsAssessed'),
    verification_began_in_phase: anywhere('spec.remediationRequestPhase'),
  },
});

/** `spec.config` is left out as a whole; two of its members are read into `extra` before. */
export const VERIFICATION_LEFT_OUT: LeftOut = {
  ...CHURN,
  'counts and plans the checks of the target': [
    'status.components.alertDecayRetries',
    'status.prometheusCheckAfter',
    'status.alertManagerCheckAfter',
    'spec.config',
  ],
  'the remediation says it': [
    'spec.correlationID',
    'spec.remediationRequestRef',
    'spec.signalTarget',
    'spec.signalName',
    'spec.remediationCreatedAt',
    'spec.clusterID',
  ],
};

/**
 * Reads an assessment into the phase `verification` of its remediation. A score of 0 is a score; an absent
 * one was not assessed.
 */
export const readEffectivenessAssessment = readerOf({
  sources: VERIFICATION,
  leftOut: VERIFICATION_LEFT_OUT,
  subject: (resource) => `verification ${(textAt(resource, 'status.phase') ?? 'pending').toLowerCase()}`,
  remediationOf: remediationOfAssessment,
});

export const readAssessmentDeletion = readDeletionFromRemediation({
  kind: 'EffectivenessAssessment',
  definition: VERIFICATION.definition,
  phase: VERIFICATION.phase,
});

/** It has no reference: its owner has the uid, and its correlation id is the name. */
function remediationOfAssessment(
  resource: JsonObject,
  ownNamespace: string,
  context: ReadingContext,
): RemediationReference | undefined {
  const uid = textAt(ownerOf(resource, 'RemediationRequest'), 'uid');
  const name = textAt(resource, 'spec.correlationID');
  const owned = uid !== undefined && name !== undefined ? { namespace: ownNamespace, name, uid } : undefined;
  return remediationOf(resource, ownNamespace) ?? owned ?? remediationByName(context, ownNamespace, name);
}
