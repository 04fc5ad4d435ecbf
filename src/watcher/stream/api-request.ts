import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { BACKSLASH, isJsonObject, parseJson, QUOTE } from '../../domain/json.ts';
import { textAt } from '../../kubernaut/resource.ts';
import type { ClusterConnection } from '../../kubernetes/cluster-connection.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Collection } from '../watched-kind.ts';
import { objectPath } from '../watched-kind.ts';
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

/** As API servers write it: without white space, and never as the first member of `metadata`. */
const MANAGED_FIELDS = ',"managedFields":[';
const [OPEN_ARRAY, CLOSE_ARRAY] = [0x5b, 0x5d];

/** Parses what an API server said, without the `managedFields` of its objects. Throws SyntaxError on bad JSON. */
export function parseApiJson(bytes: Buffer): JsonValue {
  return parseJson(withoutManagedFields(bytes));
}

/**
 * Empties `managedFields`. Who set which field is nothing that is audited, and often more text than all the rest: parsed
 * for nothing, it would take most of the time and of the memory of a list. It does not even become text: its bytes are
 * outside of the heap, where nothing is copied to collect garbage.
 */
function withoutManagedFields(bytes: Buffer): string {
  let text = '';
  let taken = 0;
  for (let found = bytes.indexOf(MANAGED_FIELDS); found >= 0; found = bytes.indexOf(MANAGED_FIELDS, taken)) {
    const start = found + MANAGED_FIELDS.length;
    text += bytes.toString('utf8', taken, start);
    taken = endOfArray(bytes, start);
  }
  return text + bytes.toString('utf8', taken);
}

/** Index of the bracket that closes the array whose items begin at `start`; the end of what was cut off before. */
function endOfArray(bytes: Buffer, start: number): number {
  let depth = 1;
  for (let index = start; index < bytes.length; index += 1) {
    const code = bytes[index];
    if (code === QUOTE) index = endOfString(bytes, index);
    else if (code === OPEN_ARRAY) depth += 1;
    else if (code === CLOSE_ARRAY) depth -= 1;
    if (depth === 0) return index;
  }
  return bytes.length;
}

/** Index of the quote that ends the string beginning at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
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
