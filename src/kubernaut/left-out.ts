/** Fields that are known and not recorded: the reason, and the paths that it holds for. */
export type LeftOut = Readonly<Record<string, readonly string[]>>;

/** For kinds whose only reference to the remediation is this one. */
export const SAID_BY_COMMON_COLUMNS: LeftOut = {
  'whose it is stands in columns that every record has': ['spec.remediationRequestRef'],
};

/** Changes by itself, without anything having happened. A change of these alone is no observation. */
export const CHURN: LeftOut = {
  'changes without anything having happened, or only repeats what a column says': [
    'status.observedGeneration',
    'status.conditions',
  ],
};

/** The paths without their reasons, for the search for unrecognised fields. */
export function pathsLeftOut(leftOut: LeftOut): readonly string[] {
  return Object.values(leftOut).flat();
}
