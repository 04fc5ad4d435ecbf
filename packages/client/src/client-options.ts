import type { Registry } from 'prom-client';

import type { RecordRefusedError } from './errors.ts';
import type { PendingRecord } from './pending-queue.ts';

export interface ClientOptions {
  /** Address of the service, such as `http://remediation-audit:8085`. */
  readonly url: string;
  /** Bearer token, or the file that holds it; the file is read for every batch. Default: none. */
  readonly token?: string | { readonly file: string };
  /** Off, every record is dropped at once: for tests of the caller. Default true. */
  readonly enabled?: boolean;
  /** Records that make a full batch; at most 1,000. Default 100. */
  readonly batchSize?: number;
  /** Longest a record waits for a full batch, in milliseconds. Default 30,000. */
  readonly flushIntervalMs?: number;
  /** Longest one request may take, in milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Records that may wait in memory; more are rejected at once. Without meaning for a spool. Default 10,000. */
  readonly maxPending?: number;
  /** Folder for records that wait; they survive a crash there. One per process. Default: memory. */
  readonly spoolFolder?: string;
  /** Bytes that the spool may take on the disk; further records are rejected with SpoolFullError. Default 1 GiB. */
  readonly maxSpoolBytes?: number;
  /**
   * The file of the service's REMEDIATION_AUDIT_REDACTION_FILE: what it adds to the rules by which secrets are taken out of records.
   * Default: the rules as they are.
   */
  readonly redactionFile?: string;
  /** Longest time `close` goes on sending, in milliseconds. Default 5,000. */
  readonly drainMs?: number;
  /** First pause after a failure, in milliseconds; it doubles up to half a minute. Default 200. */
  readonly backoffMs?: number;
  /** Called for each record that the service will never take. */
  readonly onRefused?: (error: RecordRefusedError, record: PendingRecord) => void;
  /** Called for each attempt that failed and is made again. */
  readonly onRetry?: (reason: string) => void;
  /** prom-client registry for the metrics of source 001. Default: nothing is counted. */
  readonly registry?: Registry;
}

export const MAX_BATCH_RECORDS = 1_000;

/** The configuration of source 001's executor, as its ConfigMap has it: every value a text. */
export interface SourceConfiguration {
  readonly storage_service_url: string;
  readonly audit_enabled?: string;
  readonly audit_batch_size?: string;
  readonly audit_flush_interval?: string;
}

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Options from that configuration. Throws with the key and what it takes. */
export function optionsFromSource(source: SourceConfiguration): ClientOptions {
  const { audit_enabled: enabled, audit_batch_size: size, audit_flush_interval: interval } = source;
  return {
    url: source.storage_service_url,
    ...(enabled === undefined ? {} : { enabled: readSwitch(enabled) }),
    ...(size === undefined ? {} : { batchSize: readBatchSize(size) }),
    ...(interval === undefined ? {} : { flushIntervalMs: readInterval(interval) }),
  };
}

function readSwitch(text: string): boolean {
  if (text !== 'true' && text !== 'false')
    throw new TypeError(`audit_enabled is ${text}; it takes true or false`);
  return text === 'true';
}

function readBatchSize(text: string): number {
  const size = Number(text);
  if (!isBatchSize(size)) {
    throw new TypeError(`audit_batch_size is ${text}; it takes a number from 1 to ${MAX_BATCH_RECORDS}`);
  }
  return size;
}

export function isBatchSize(size: number): boolean {
  return Number.isInteger(size) && size >= 1 && size <= MAX_BATCH_RECORDS;
}

/** Go's text of a duration, the form in which the source's ConfigMap has it. */
function readInterval(text: string): number {
  const isDuration = /^(?:(?:\d+\.?\d*|\.\d+)(?:ms|s|m|h))+$/.test(text);
  const parts = isDuration ? [...text.matchAll(/([\d.]+)(ms|s|m|h)/g)] : [];
  const milliseconds = parts.reduce(
    (sum, [, count, unit = 'ms']) => sum + Number(count) * (MILLISECONDS[unit] ?? 1),
    0,
  );
  if (milliseconds < 1) {
    throw new TypeError(`audit_flush_interval is ${text}; it takes a duration such as 30s`);
  }
  return Math.floor(milliseconds);
}
