// Every export here is a workflow type that anyone may start: explicit names only.
export { recordComparison } from './record-comparison.ts';
export { recordDeferred } from './recording.ts';
export { remediationAudit } from './remediation-audit.ts';
export { restoreMonth } from './restore-month.ts';
export { partitionRollover, retention } from './retention.ts';
