import type { IncomingMessage } from 'node:http';

import { parseExact } from './exact-json.ts';
import type { JsonObject } from './object.ts';
import { isJsonObject } from './object.ts';
import { ApiError, badRequest, HTTP, unsupportedMediaType } from './status.ts';

/** The API server's own limit. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

export const JSON_BODY = 'application/json';
export const MERGE_PATCH = 'application/merge-patch+json';
/** Server-side apply. JSON is YAML too, and the sandbox reads no other. */
export const APPLY_PATCH = 'application/apply-patch+yaml';

export const mediaTypeOf = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? JSON_BODY).split(';')[0]?.trim().toLowerCase() ?? '';

/** Reads a JSON object of the accepted type. An empty body is an empty object where that is allowed. */
export async function readBody(
  request: IncomingMessage,
  accepted: string,
  { mayBeEmpty = false }: { mayBeEmpty?: boolean } = {},
): Promise<JsonObject> {
  const text = await readText(request);
  if (text === '' && mayBeEmpty) return {};
  if (mediaTypeOf(request) !== accepted) throw unsupportedMediaType(accepted);
  let body: unknown;
  try {
    body = parseExact(text);
  } catch (error: unknown) {
    throw badRequest(`the object provided is unrecognized: json parse error: ${(error as Error).message}`);
  }
  if (!isJsonObject(body)) throw badRequest('the object provided is unrecognized: it is not a JSON object');
  return body;
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read on to the end but keep nothing: a client still sending would not see the answer.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (size > MAX_BODY_BYTES) {
    const message = `Request entity too large: limit is ${MAX_BODY_BYTES}`;
    throw new ApiError(HTTP.tooLarge, 'RequestEntityTooLarge', message);
  }
  return Buffer.concat(chunks).toString('utf8');
}
