/**
 * Search attributes of an audit workflow in Temporal, all of them keywords. Their names are visible to everybody who may
 * look at the namespace and are never encrypted: no personal data, no free text. Seven, because a namespace on SQL has
 * ten places.
 */
export const SEARCH_ATTRIBUTES = {
  cluster: 'AuditCluster',
  namespace: 'AuditNamespace',
  /** Name of the remediation. */
  remediation: 'AuditRemediation',
  /** `Open`, `Executing`, else the phase in its own word: `AwaitingApproval`, `Blocked`, `Failed`. Set when that changes. */
  phase: 'AuditPhase',
  /** How it ended; set once, at the end. */
  outcome: 'AuditOutcome',
  /** Why an execution was last skipped. */
  skipReason: 'AuditSkipReason',
  /** What is acted upon, `payments/Deployment/api`. */
  target: 'AuditTarget',
} as const;

/** The phase of a remediation of which nothing is known yet, and as long as nothing waits or acts. */
export const OPEN_PHASE = 'Open';

export type SearchAttribute = keyof typeof SEARCH_ATTRIBUTES;

export const SEARCH_ATTRIBUTE_NAMES: readonly string[] = Object.values(SEARCH_ATTRIBUTES);
