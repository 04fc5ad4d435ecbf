/** The client of the audit service: what `remediation-audit-client` exports. */
export type { AuditClient } from './audit-client.ts';
export { createAuditClient } from './audit-client.ts';
export type { ClientOptions, SourceConfiguration } from './client-options.ts';
export { optionsFromSource } from './client-options.ts';
export type { RefusedField } from './errors.ts';
export { NotDrainedError, QueueFullError, RecordRefusedError, SpoolFullError } from './errors.ts';
export type {
  AIAnalysisRecord,
  KubernetesExecutionRecord,
  RecordByKind,
  RecordKind,
  SignalProcessingRecord,
  WorkflowExecutionRecord,
} from './records.ts';
