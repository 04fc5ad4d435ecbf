import type { JsonValue } from '../domain/json.ts';
import { at, numberAt, textAt } from '../kubernaut/resource.ts';

export const HTTP = {
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  gone: 410,
  tooManyRequests: 429,
  serverError: 500,
} as const;

const MS_PER_SECOND = 1_000;
/** Longest piece of an answer that is no Status which an error repeats. */
const MOST_WORDS = 200;

/** What the API server refused, whether as a status or as an event inside a stream. */
export class KubernetesApiError extends Error {
  readonly status: number;
  /** How long the server asked to be left alone. */
  readonly retryAfterMs: number | undefined;
  /** The object was asked for by its name and is not there; any other 404 only says that nothing serves the path. */
  readonly isObjectMissing: boolean;
  /** The version asked for is ahead of all that the server has. */
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
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * MS_PER_SECOND : undefined;
}
