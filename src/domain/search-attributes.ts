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
  /** Phase of the remediation in its own word: `Executing`, `Blocked`. */
  phase: 'AuditPhase',
  /** How it ended; set once, at the end. */
  outcome: 'AuditOutcome',
  /** Why an execution was last skipped. */
  skipReason: 'AuditSkipReason',
  /** What is acted upon, `payments/Deployment/api`. */
  target: 'AuditTarget',
} as const;

export type SearchAttribute = keyof typeof SEARCH_ATTRIBUTES;

export const SEARCH_ATTRIBUTE_NAMES: readonly string[] = Object.values(SEARCH_ATTRIBUTES);
