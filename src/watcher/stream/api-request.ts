import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject, parseJson } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Collection } from '../watched-kind.ts';
import { objectPath } from '../watched-kind.ts';
import { parseApiJson } from './api-json.ts';
import type { AnswerHead, Failure } from './failure.ts';
import { HTTP, KubernetesApiError, RequestTimeoutError, statusError, wordsOf } from './failure.ts';

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

/** `not-served` says nothing of the object: nothing answers at its path, for now or for good. */
type ProbeAnswer = { readonly object: JsonObject } | 'missing' | 'not-served' | { readonly unclear: unknown };

export interface ProbeOptions {
  readonly connection: ClusterConnection;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/**
 * Asks for one object by its name. Without a version this always goes to etcd, whereas lists and watches are served from
 * a cache that has been known to lose events.
 */
export async function probe(
  collection: Collection,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  options: ProbeOptions,
): Promise<ProbeAnswer> {
  const path = objectPath(collection, namespace, name);
  try {
    const { body } = await getJson({ ...options, path, operation: `get ${path}` });
    if (isJsonObject(body) && textAt(body, 'metadata.uid') !== undefined) return { object: body };
    return { unclear: new TypeError(`get ${path}: the answer is not an object with a uid`) };
  } catch (error: unknown) {
    if (!(error instanceof KubernetesApiError) || error.status !== HTTP.notFound) return { unclear: error };
    return error.isObjectMissing ? 'missing' : 'not-served';
  }
}

/** After a refusal the credentials at hand may be those of yesterday. */
export function renewCredentials(
  { reloadCredentials }: Failure,
  connection: ClusterConnection,
  logger: Logger,
): void {
  if (!reloadCredentials) return;
  try {
    connection.reloadCredentials();
  } catch (error: unknown) {
    // The old ones stay in use, and the next failure tries again.
    logger.warn({ reason: String(error) }, 'cannot read the credentials anew');
  }
}
