// Every export here is a workflow type that anyone may start: explicit names only.
export { remediationAudit } from './remediation-audit.ts';
