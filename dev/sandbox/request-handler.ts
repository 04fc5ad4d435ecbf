import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { SECOND_MS } from '../../src/domain/time.ts';
import { discover } from './discovery.ts';
import type { KindRegistry } from './kind-registry.ts';
import type { ListOptions } from './list-options.ts';
import { parseListOptions } from './list-options.ts';
import type { ResourcePath } from './paths.ts';
import { parseResourcePath } from './paths.ts';
import { APPLY_PATCH, JSON_BODY, mediaTypeOf, MERGE_PATCH, readBody } from './request-body.ts';
import type { ObjectPath, Resources } from './resources.ts';
import { ApiError, badRequest, HTTP, methodNotAllowed, unauthorized } from './status.ts';
import type { Store } from './store.ts';
import type { WatchSettings } from './watch-stream.ts';
import { WatchStream } from './watch-stream.ts';

/** Answers a request in the server's place: with an error, with half an answer, by cutting the connection, or never. */
export type Fault = (response: ServerResponse) => void;

interface HandlerOptions {
  store: Store;
  registry: KindRegistry;
  resources: Resources;
  watch: WatchSettings;
  token: string;
  /** Draws the deadline of watches that ask for none. */
  random: () => number;
  /** Asked before anything else; what it returns takes over the request. It may also bend the response to come. */
  intercept?: ((request: IncomingMessage, response: ServerResponse) => Fault | undefined) | undefined;
}

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  segments: string[];
  query: URLSearchParams;
}

interface Answer {
  code: number;
  body: unknown;
}

/** Without `timeoutSeconds` a watch lasts this long, up to twice as long. */
const DEFAULT_WATCH_MS = 30 * 60_000;
/** Answered without a token. */
const PUBLIC_PATHS: ReadonlySet<string> = new Set(['healthz', 'livez', 'readyz', 'version']);

/** Turns HTTP into verbs on resources, and their outcome into the API server's answers. */
export class RequestHandler {
  readonly #options: HandlerOptions;
  readonly #watches = new Set<WatchStream>();

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#options.intercept?.(request, response);
    if (fault) {
      fault(response);
      return;
    }
    try {
      const url = new URL(request.url ?? '/', 'http://sandbox');
      const segments = url.pathname
        .split('/')
        .filter((segment) => segment !== '')
        .map(decodeSegment);
      await this.#answer({ request, response, segments, query: url.searchParams });
    } catch (error: unknown) {
      sendError(response, error);
    }
  }

  endWatches(): void {
    for (const watch of this.#watches) watch.end();
  }

  async #answer(exchange: Exchange): Promise<void> {
    const { request, response, segments } = exchange;
    const isPublic = segments.length === 1 && PUBLIC_PATHS.has(segments[0] ?? '');
    this.#authenticate(request, isPublic);
    refuseUnacceptable(request);
    const path = parseResourcePath(segments, this.#options.registry);
    if (path) await this.#answerResource(exchange, path);
    else if (isPublic && segments[0] !== 'version') sendText(response, HTTP.ok, 'ok');
    else this.#discover(exchange);
  }

  #discover({ request, response, segments }: Exchange): void {
    const found = discover(segments, this.#options.registry, request.headers.host ?? '');
    if (found === undefined || request.method !== 'GET') sendNotFound(response);
    else sendJson(response, { code: HTTP.ok, body: found });
  }

  async #answerResource(exchange: Exchange, path: ResourcePath): Promise<void> {
    if (exchange.request.method === 'GET') {
      this.#read(exchange, path);
      return;
    }
    if (path.kind.namespaced && path.namespace === undefined) {
      sendNotFound(exchange.response);
      return;
    }
    sendJson(exchange.response, await this.#write(exchange, path));
  }

  #read({ response, query }: Exchange, path: ResourcePath): void {
    const { resources } = this.#options;
    const asked = parseListOptions(query);
    if (path.name !== undefined && !asked.watch) {
      const body = resources.get(path as ObjectPath, asked.resourceVersion);
      sendJson(response, { code: HTTP.ok, body });
      return;
    }
    const options = narrowed(asked, path);
    if (asked.watch) this.#watch(response, path, options);
    else sendJson(response, { code: HTTP.ok, body: resources.list(path.kind, options) });
  }

  #watch(response: ServerResponse, { kind }: ResourcePath, options: ListOptions): void {
    const { store, watch, random } = this.#options;
    const timeoutMs = options.timeoutSeconds
      ? options.timeoutSeconds * SECOND_MS
      : DEFAULT_WATCH_MS * (1 + random());
    const stream = new WatchStream(store, { kind, options, timeoutMs }, watch, response);
    this.#watches.add(stream);
    response.once('close', () => this.#watches.delete(stream));
    stream.start();
  }

  async #write(exchange: Exchange, path: ResourcePath): Promise<Answer> {
    const { resources } = this.#options;
    const { request } = exchange;
    const method = request.method ?? '';
    const isApply = method === 'PATCH' && mediaTypeOf(request) === APPLY_PATCH;
    if (isApply && path.name !== undefined) return this.#apply(exchange, path as ObjectPath);
    if (path.name !== undefined) {
      return { code: HTTP.ok, body: await this.#writeObject(exchange, path as ObjectPath) };
    }
    if (method === 'POST') {
      const body = await readBody(request, JSON_BODY);
      return { code: HTTP.created, body: resources.create(path, body, managerOf(exchange)) };
    }
    if (method === 'PUT' || method === 'PATCH') throw badRequest('name must be provided');
    throw methodNotAllowed(path.kind, method.toLowerCase());
  }

  async #apply({ request, query }: Exchange, path: ObjectPath): Promise<Answer> {
    const body = await readBody(request, APPLY_PATCH);
    if (path.subresource !== undefined) {
      throw badRequest('the sandbox applies to objects only, not to their status: use a real API server');
    }
    const { object, isNew } = this.#options.resources.apply(path, body, query.get('fieldManager') ?? '');
    return { code: isNew ? HTTP.created : HTTP.ok, body: object };
  }

  async #writeObject(exchange: Exchange, path: ObjectPath): Promise<unknown> {
    const { resources } = this.#options;
    const { request } = exchange;
    switch (request.method) {
      case 'PUT':
        return resources.replace(path, await readBody(request, JSON_BODY), managerOf(exchange));
      case 'PATCH':
        return resources.patch(path, await readBody(request, MERGE_PATCH), managerOf(exchange));
      case 'DELETE':
        if (path.subresource !== undefined) break;
        return resources.delete(path, await readBody(request, JSON_BODY, { mayBeEmpty: true }));
      default:
        break;
    }
    throw methodNotAllowed(path.kind, (request.method ?? '').toLowerCase());
  }

  #authenticate(request: IncomingMessage, isPublic: boolean): void {
    const { authorization } = request.headers;
    // A wrong token is refused even where none is needed.
    if (authorization === undefined && isPublic) return;
    if (!isSameSecret(authorization ?? '', `Bearer ${this.#options.token}`)) throw unauthorized();
  }
}

/** Who owns the fields that a write brings: what it calls itself, else its program. */
function managerOf({ request, query }: Exchange): string {
  return query.get('fieldManager') ?? (request.headers['user-agent'] ?? '').split('/')[0] ?? '';
}

/** A path narrows what a selector may still choose from. */
const narrowed = (options: ListOptions, { namespace, name }: ResourcePath): ListOptions => ({
  ...options,
  namespace: namespace ?? options.namespace,
  name: name ?? options.name,
});

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error: unknown) {
    throw badRequest(
      `the path holds ${segment}, which is not percent-encoded text: ${(error as Error).message}`,
    );
  }
}

function refuseUnacceptable(request: IncomingMessage): void {
  const accept = request.headers.accept ?? '*/*';
  if (/application\/(json|\*)|\*\/\*/.test(accept)) return;
  const message = `only the following media types are accepted: ${JSON_BODY}`;
  throw new ApiError(HTTP.notAcceptable, 'NotAcceptable', message);
}

/** Digests have one length, so the comparison reveals nothing about the token's. */
function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

function sendJson(response: ServerResponse, { code, body }: Answer): void {
  const text = JSON.stringify(body);
  response.writeHead(code, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  });
  response.end(text);
}

function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/** Of a path that nothing serves the API server speaks in plain text, not in a Status. */
function sendNotFound(response: ServerResponse): void {
  sendText(response, HTTP.notFound, '404 page not found\n');
}

function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    // Too late for an answer; a cut connection is how a client learns it.
    response.destroy();
    return;
  }
  const refused =
    error instanceof ApiError
      ? error
      : new ApiError(HTTP.internalError, 'InternalError', `Internal error occurred: ${String(error)}`);
  sendJson(response, { code: refused.code, body: refused.status });
}
