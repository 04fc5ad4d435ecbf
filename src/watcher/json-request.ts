import type { JsonValue } from '../domain/json.ts';
import { parseJson } from '../domain/json.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { AnswerHead } from './api-error.ts';
import { statusError, wordsOf } from './api-error.ts';
import { parseApiJson } from './api-json.ts';
import { RequestTimeoutError } from './failure.ts';

const FIRST_ERROR_STATUS = 400;

interface JsonRequest {
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
  const { connection, path } = request;
  const bytes = await readAnswer(request, (signal) => connection.get(path, signal));
  return { body: parseApiJson(bytes), sizeBytes: bytes.length };
}

/** The whole of an answer that does not refuse, within its deadline. */
export async function readAnswer(
  { operation, deadlineMs, signal }: Omit<JsonRequest, 'connection' | 'path'>,
  send: (signal: AbortSignal) => ReturnType<ClusterConnection['get']>,
): Promise<Buffer> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    const answer = await send(AbortSignal.any([signal, deadline]));
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    requireSuccess(operation, answer, bytes);
    return bytes;
  } catch (error: unknown) {
    if (deadline.aborted) throw new RequestTimeoutError(operation, deadlineMs);
    throw error;
  }
}

/** Throws what the server refused, in its own words. */
export function requireSuccess(operation: string, head: AnswerHead, bytes: Buffer): void {
  if (head.statusCode < FIRST_ERROR_STATUS) return;
  throw statusError(operation, parseStatus(bytes.toString()), head);
}

function parseStatus(text: string): JsonValue {
  try {
    return parseJson(text);
  } catch {
    // No Status, then: its words stand in for the reason.
    return { message: wordsOf(text) };
  }
}
