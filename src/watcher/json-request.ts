import type { JsonValue } from '../domain/json.ts';
import { parseJson } from '../domain/json.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { AnswerHead } from './api-error.ts';
import { statusError, wordsOf } from './api-error.ts';
import { parseApiJson } from './api-json.ts';
import { RequestTimeoutError } from './failure.ts';

const FIRST_ERROR_STATUS = 400;

export interface JsonRequest {
  readonly connection: ClusterConnection;
  readonly path: string;
  /** For errors: `list remediationrequests`. */
  readonly operation: string;
  /** For the whole answer: a server may also send it one byte at a time. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

export interface JsonAnswer {
  readonly body: JsonValue;
  readonly sizeBytes: number;
}

export async function getJson(request: JsonRequest): Promise<JsonAnswer> {
  const deadline = AbortSignal.timeout(request.deadlineMs);
  try {
    const { connection, path, signal } = request;
    const answer = await connection.get(path, AbortSignal.any([signal, deadline]));
    const text = await answer.body.text();
    requireSuccess(request.operation, answer, text);
    return { body: parseApiJson(text), sizeBytes: text.length };
  } catch (error: unknown) {
    if (deadline.aborted) throw new RequestTimeoutError(request.operation, request.deadlineMs);
    throw error;
  }
}

/** Throws what the server refused, in its own words. */
export function requireSuccess(operation: string, head: AnswerHead, text: string): void {
  if (head.statusCode < FIRST_ERROR_STATUS) return;
  throw statusError(operation, parseStatus(text), head);
}

function parseStatus(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    // No Status, then: its words stand in for the reason.
    return { message: wordsOf(text) };
  }
}
