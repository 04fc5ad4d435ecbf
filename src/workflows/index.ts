// Every export here is a workflow type that anyone may start: explicit names only.
export { recordDeferred } from './record-deferred.ts';
export { remediationAudit } from './remediation-audit.ts';
export { restoreMonth } from './restore-month.ts';
export { partitionRollover, retention } from './retention.ts';
