/** Secrets are taken out before anything leaves the watcher, and before a posted record is stored. */
export type { RedactionOptions, RedactionPattern } from './redaction/options.ts';
export { parseRedactionOptions, RedactionOptionsError } from './redaction/options.ts';
export type { Redacted, RedactionCounts, Redactor } from './redaction/redactor.ts';
export { createRedactor } from './redaction/redactor.ts';
