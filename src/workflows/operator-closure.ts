import { instantOf } from '../domain/instant.ts';
import { canonicalJson } from '../domain/json.ts';
import type { Observation } from '../domain/observation.ts';
import { naturalKey, ROOM_FOR_POSTS } from '../domain/observation.ts';
import { remediationAudit } from '../domain/records/remediation-audit.ts';
import type { CloseAuditRequest, RemediationName } from './messages.ts';
import { MAX_CLOSING_REASON } from './messages.ts';

/** Refuses what would be no record of who closed an audit, and why. */
export function requireReason({ reason, by }: CloseAuditRequest): void {
  for (const [name, text] of Object.entries({ reason, by })) {
    if (typeof text !== 'string' || text.trim() === '') throw new TypeError(`closeAudit needs a ${name}`);
    if (text.length > MAX_CLOSING_REASON) {
      throw new RangeError(`${name} of closeAudit is longer than ${MAX_CLOSING_REASON} characters`);
    }
  }
}

/**
 * That an operator closed an audit, as an observation like any other. It says nothing of how the remediation ended: the
 * verdict stays what it was. Its version lies among those of posts, below everything a resource says.
 */
export function operatorClosure(
  remediation: RemediationName,
  { reason, by }: CloseAuditRequest,
  { nowMs, createdAt }: { readonly nowMs: number; readonly createdAt: string },
): Observation {
  const at = instantOf(nowMs);
  return {
    table: remediationAudit.table,
    cluster: remediation.cluster,
    key: naturalKey(remediation.uid),
    phase: 'closure',
    sourceVersion: String(BigInt(nowMs) - ROOM_FOR_POSTS),
    createdAt,
    createdAtSource: 'received',
    observedAt: at,
    actor: by,
    // Whoever may close an audit may do so after its month was archived.
    backfill: true,
    columns: {
      remediation_id: remediation.name,
      remediation_uid: remediation.uid,
      namespace: remediation.namespace,
      extra: canonicalJson({ closed_by_operator: { at, by, reason } }),
    },
  };
}

/** Who closed the audit, and why, in one line. */
export function operatorReason({ actor, columns }: Observation): string {
  return `${actor}: ${reasonIn(String(columns['extra'] ?? '{}')) ?? 'no reason given'}`;
}

function reasonIn(extra: string): string | undefined {
  try {
    const { closed_by_operator: closed } = JSON.parse(extra) as { closed_by_operator?: CloseAuditRequest };
    return closed?.reason;
  } catch {
    // A closure of somebody else, which the store keeps in quarantine: a run must not fail over it.
    return undefined;
  }
}
