/** Marks what a simulator made, so that it never deletes anything else. */
export const SIMULATED_LABEL = 'remediation-audit/simulated';
/** Which run made it: distinguishes an answer lost on the way from a name that is taken. */
export const RUN_LABEL = 'remediation-audit/simulation';
