import type { JsonValue } from '../../domain/json.ts';
import { SECOND_MS } from '../../domain/time.ts';
import { at, numberAt, textAt } from '../../kubernaut/resource.ts';

export const HTTP = {
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  gone: 410,
  tooManyRequests: 429,
  serverError: 500,
} as const;

/** Longest piece of an answer that is no Status which an error repeats. */
const MOST_WORDS = 200;

/** What the API server refused, whether as a status or as an event inside a stream. */
export class KubernetesApiError extends Error {
  readonly status: number;
  /** The pause that the server demanded. */
  readonly retryAfterMs: number | undefined;
  /** The object was requested by its name and is not there; any other 404 only says that nothing serves the path. */
  readonly isObjectMissing: boolean;
  /** The requested version is ahead of all that the server has. */
  readonly isVersionAhead: boolean;

  constructor(operation: string, refusal: Refusal) {
    super(`${operation}: the API server answered ${refusal.status} ${refusal.reason}`);
    this.name = 'KubernetesApiError';
    this.status = refusal.status;
    this.retryAfterMs = refusal.retryAfterMs;
    this.isObjectMissing = refusal.isObjectMissing ?? false;
    this.isVersionAhead = refusal.isVersionAhead ?? false;
  }
}

interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly retryAfterMs?: number | undefined;
  readonly isObjectMissing?: boolean;
  readonly isVersionAhead?: boolean;
}

export interface AnswerHead {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A `Status` object, as the server sends it in an error body and in an ERROR event. */
export function statusError(operation: string, body: JsonValue, head?: AnswerHead): KubernetesApiError {
  const status = head?.statusCode ?? Number(numberAt(body, 'code') ?? 0);
  const reason = textAt(body, 'message', 'reason') ?? JSON.stringify(at(body, 'kind') ?? 'without a reason');
  return new KubernetesApiError(operation, {
    status,
    reason,
    retryAfterMs: retryAfterOf(body, head),
    isObjectMissing: status === HTTP.notFound && textAt(body, 'details.name') !== undefined,
    isVersionAhead: JSON.stringify(at(body, 'details.causes') ?? '').includes('ResourceVersionTooLarge'),
  });
}

/** The reason of an answer whose body is text. A proxy in between may answer with anything. */
export function wordsOf(text: string): string {
  return text.slice(0, MOST_WORDS);
}

function retryAfterOf(body: JsonValue, head: AnswerHead | undefined): number | undefined {
  const header = head?.headers['retry-after'];
  const text = typeof header === 'string' ? header : numberAt(body, 'details.retryAfterSeconds');
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * SECOND_MS : undefined;
}

/** Nothing came for as long as a healthy stream is never silent. */
export class WatchSilentError extends Error {
  constructor(path: string, inactivityMs: number) {
    super(`watch ${path}: nothing came for ${inactivityMs / 1_000} s, not even a bookmark`);
    this.name = 'WatchSilentError';
  }
}

/**
 * The stream said something that cannot be understood. What it was about is unknown, so nothing that comes after it may
 * advance the version: only a list shows what was meant.
 */
export class MalformedStreamError extends Error {
  constructor(path: string, problem: string, options?: ErrorOptions) {
    super(`watch ${path}: ${problem}`, options);
    this.name = 'MalformedStreamError';
  }
}

/** The stream ended in the middle of an event. */
export class TruncatedStreamError extends Error {
  constructor(path: string) {
    super(`watch ${path}: the stream ended in the middle of an event`);
    this.name = 'TruncatedStreamError';
  }
}

/** A watch that ends at once and brings nothing would otherwise be requested in a tight loop. */
export class WatchTooShortError extends Error {
  constructor(path: string) {
    super(`watch ${path}: the server ended it at once`);
    this.name = 'WatchTooShortError';
  }
}

/** An answer that is no list. */
export class UnusableListError extends Error {
  constructor(path: string, problem: string) {
    super(`list ${path}: ${problem}`);
    this.name = 'UnusableListError';
  }
}

/** A list of an older state than one that was seen already. */
export class OlderListError extends Error {
  readonly version: bigint;

  constructor(path: string, version: bigint, seen: bigint) {
    super(`list ${path}: it is of version ${version}, but ${seen} was seen already`);
    this.name = 'OlderListError';
    this.version = version;
  }
}

export class RequestTimeoutError extends Error {
  constructor(operation: string, deadlineMs: number) {
    super(`${operation}: no complete answer within ${deadlineMs / 1_000} s`);
    this.name = 'RequestTimeoutError';
  }
}

/** What interrupted a list or a watch; the words are labels of metrics. */
export type FailureCause =
  | 'gone'
  | 'throttled'
  | 'unauthorized'
  | 'forbidden'
  | 'not-served'
  | 'server-error'
  | 'refused'
  | 'silent'
  | 'malformed'
  | 'truncated'
  | 'short'
  | 'older-list'
  | 'timeout'
  | 'connection';

export interface Failure {
  readonly cause: FailureCause;
  /** The version to go on from is worth nothing: begin with a list. */
  readonly relist: boolean;
  /** The server said how long to wait. */
  readonly retryAfterMs?: number;
  /** What was refused or not trusted may be a credential that has been replaced. */
  readonly reloadCredentials: boolean;
}

const BY_CLASS: readonly (readonly [new (...args: never[]) => Error, FailureCause, relist: boolean])[] = [
  [WatchSilentError, 'silent', false],
  [MalformedStreamError, 'malformed', true],
  [UnusableListError, 'malformed', true],
  [OlderListError, 'older-list', true],
  [TruncatedStreamError, 'truncated', false],
  [WatchTooShortError, 'short', false],
  [RequestTimeoutError, 'timeout', false],
];

export function classifyFailure(error: unknown): Failure {
  if (error instanceof KubernetesApiError) return classifyRefusal(error);
  const known = BY_CLASS.find(([type]) => error instanceof type);
  if (known !== undefined) return { cause: known[1], relist: known[2], reloadCredentials: false };
  // A certificate that is not trusted any more may have been replaced together with its authority.
  return { cause: 'connection', relist: false, reloadCredentials: true };
}

function classifyRefusal({ status, retryAfterMs, isVersionAhead }: KubernetesApiError): Failure {
  const cause = causeOfStatus(status);
  return {
    cause,
    relist: status === HTTP.gone || status === HTTP.notFound || isVersionAhead,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    reloadCredentials: status === HTTP.unauthorized || status === HTTP.forbidden,
  };
}

const CAUSE_BY_STATUS: Readonly<Record<number, FailureCause>> = {
  [HTTP.unauthorized]: 'unauthorized',
  [HTTP.forbidden]: 'forbidden',
  [HTTP.notFound]: 'not-served',
  [HTTP.gone]: 'gone',
  [HTTP.tooManyRequests]: 'throttled',
};

function causeOfStatus(status: number): FailureCause {
  return CAUSE_BY_STATUS[status] ?? (status >= HTTP.serverError ? 'server-error' : 'refused');
}
