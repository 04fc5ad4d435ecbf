import { readFile } from 'node:fs/promises';

import type { RefusedField } from './errors.ts';
import { RecordRefusedError } from './errors.ts';
import type { PendingRecord } from './pending-queue.ts';
import type { RecordKind } from './records.ts';

export interface Service {
  /** Such as `http://remediation-audit:8085`. */
  readonly url: string;
  /** Token for the service, or where to find it; a file is read for every batch, because tokens rotate. */
  readonly token?: string | { readonly file: string };
  readonly timeoutMs: number;
}

/** What became of a batch. */
export type BatchResult =
  | {
      readonly status: 'answered';
      readonly refused: ReadonlyMap<PendingRecord, RecordRefusedError>;
      /** Not stored now, for a reason that passes. */
      readonly later: ReadonlySet<PendingRecord>;
      /** Of these, what the service itself failed on (500). */
      readonly failed: ReadonlyMap<PendingRecord, RecordRefusedError>;
    }
  /** As a whole it is too large or refused: its halves may not be. */
  | { readonly status: 'split'; readonly error: RecordRefusedError }
  | {
      readonly status: 'again';
      readonly reason: string;
      readonly afterMs: number | undefined;
      readonly type: FailureType;
      /** The service, or what is before it, failed on the batch and did not say that it is away. */
      readonly failure?: RecordRefusedError;
    };

/** Words of the sources' metric `…_audit_storage_failures_total{error_type}`. */
export type FailureType = 'timeout' | 'http_error';

const CREATED = 201;
const ACCEPTED = 202;
const MULTI_STATUS = 207;
/** Refusals that say nothing about the records: they pass, or somebody mends them. */
const PASSING = new Set([401, 403, 404, 408, 425, 429]);
const FIRST_SERVER_ERROR = 500;
/** The service made a mistake; what is before it got no answer, or none in time. */
export const INTERNAL_ERROR = 500;
const FAILURES = new Set([INTERNAL_ERROR, 502, 504]);

/** Sends records of one kind. Never throws: every failure is a result. */
export async function sendBatch(
  service: Service,
  kind: RecordKind,
  records: readonly PendingRecord[],
): Promise<BatchResult> {
  let answer: Response;
  let body: unknown;
  try {
    answer = await post(service, `${service.url}/api/v1/audit/${kind}/batch`, records);
    body = await answer.json().catch(() => undefined);
  } catch (error: unknown) {
    const timeout = error instanceof Error && error.name === 'TimeoutError';
    return {
      status: 'again',
      reason: reasonOf(error),
      afterMs: undefined,
      type: timeout ? 'timeout' : 'http_error',
    };
  }
  const { status } = answer;
  if (status === CREATED || status === ACCEPTED)
    return { status: 'answered', refused: new Map(), later: new Set(), failed: new Map() };
  if (status === MULTI_STATUS) return readMultiStatus(kind, records, body);
  const problem = problemOf(body);
  if (isPassing(status)) {
    return {
      status: 'again',
      reason: `${status} ${problem.detail}`,
      afterMs: retryAfterOf(answer),
      type: 'http_error',
      ...(FAILURES.has(status) ? { failure: new RecordRefusedError(kind, status, problem) } : {}),
    };
  }
  return { status: 'split', error: new RecordRefusedError(kind, status, problem) };
}

function isPassing(status: number): boolean {
  return status >= FIRST_SERVER_ERROR || PASSING.has(status);
}

async function post(service: Service, url: string, records: readonly PendingRecord[]): Promise<Response> {
  const token = typeof service.token === 'object' ? await readToken(service.token.file) : service.token;
  return fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: `[${records.map(({ json }) => json).join(',')}]`,
    signal: AbortSignal.timeout(service.timeoutMs),
  });
}

async function readToken(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

/** One result per record, in order. */
function readMultiStatus(kind: RecordKind, records: readonly PendingRecord[], body: unknown): BatchResult {
  const results = memberOf(body, 'results');
  if (!Array.isArray(results) || results.length !== records.length) {
    const reason = 'the service answered 207 without one result per record';
    return { status: 'again', reason, afterMs: undefined, type: 'http_error' };
  }
  const refused = new Map<PendingRecord, RecordRefusedError>();
  const later = new Set<PendingRecord>();
  const failed = new Map<PendingRecord, RecordRefusedError>();
  for (const [index, record] of records.entries()) {
    const result: unknown = results[index];
    const status = Number(memberOf(result, 'status'));
    if (status === CREATED || status === ACCEPTED) continue;
    const error = new RecordRefusedError(kind, status, problemOf(result));
    if (status === INTERNAL_ERROR) failed.set(record, error);
    if (isPassing(status)) later.add(record);
    else refused.set(record, error);
  }
  return { status: 'answered', refused, later, failed };
}

function problemOf(body: unknown): { detail: string; fields: readonly RefusedField[] } {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const errors = memberOf(body, 'errors');
  return {
    detail: text(memberOf(body, 'detail')) || text(memberOf(body, 'title')),
    fields: (Array.isArray(errors) ? errors : []).map((error: unknown) => ({
      pointer: text(memberOf(error, 'pointer')),
      detail: text(memberOf(error, 'detail')),
    })),
  };
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** Seconds, or a date. */
function retryAfterOf(answer: Response): number | undefined {
  const header = answer.headers.get('retry-after');
  if (header === null) return undefined;
  const seconds = Number(header);
  const ms = Number.isNaN(seconds) ? Date.parse(header) - Date.now() : seconds * 1_000;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
