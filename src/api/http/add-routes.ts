/*
 * HTTP: from a connection to a route and back. This file joins the two: for each request it finds out who calls, whether
 * they may, how large the body is, and only then reads it; it leaves the trace of a read before the answer is sent.
 *
 * What comes in: the routes of `routes/`, which know nothing of Fastify. What goes out: answers, and for every error one
 * problem of problems.ts. An error that is no Problem is a defect: 500, with the reason in the log and not in the answer.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

import { SECOND_MS } from '../../domain/time.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { ServerName } from '../../observability/outages.ts';
import type { Caller, Gate, Verb } from '../auth/gate.ts';
import { countAdmissions, createOpenGate } from '../auth/gate.ts';
import type { AccessAudit } from './access-trace.ts';
import { addressOf, answerTraced, countRefusal, NO_ONE } from './access-trace.ts';
import { ANSWER_HEADERS } from './answer-headers.ts';
import type { BrowserGuard } from './browser-guard.ts';
import { answerError } from './error-answer.ts';
import { Problem } from './problems.ts';
import { allowOnly, type Answer, type ApiRequest, JSON_MEDIA_TYPE, type Query, type Route } from './route.ts';

interface RouteServices {
  readonly routes: readonly Route[];
  readonly gate: Gate;
  /** Whether pages of the origins that a route names are let in without a token. Default false. */
  readonly isOpenToCodecPages?: boolean;
  /** Refuses what pages of others make a browser send; absent where callers show who they are. */
  readonly guard?: BrowserGuard | undefined;
  readonly audit: AccessAudit;
  readonly metrics: Metrics;
  /** Aborted from the moment the process was asked to end. */
  readonly ending: AbortSignal;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the body is read; null in a request that no route has taken, or that was refused before. */
    caller: Caller | null;
    /** The server behind this one for whose sake the request was refused. */
    awaited?: ServerName;
    /** How long it took until an answer that goes on began. */
    begunAfterMs?: number;
  }
}

/**
 * Fastify knows them and would first ask for a body that it can read; registered without one they get 405
 * like others.
 */
const UNUSUAL_METHODS = ['TRACE', 'QUERY'] as const;
const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS', ...UNUSUAL_METHODS] as const;

/**
 * Registers every route with its decision about callers, and for each path a 405 for the methods that it does
 * not take.
 *
 * Per request, in this order: host and origin, shutdown, caller and verb, body, answer, trace, and only then the first
 * byte of the answer.
 */
export function addRoutes(server: FastifyInstance, services: RouteServices): void {
  server.decorateRequest('caller', null);
  for (const method of UNUSUAL_METHODS) server.addHttpMethod(method, { overrideExisting: true });
  // Also answers that no route gives: an address that does not exist, or a method that it does not take.
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const labels = { method: request.method, route, status: String(reply.statusCode) };
    const tookMs = request.begunAfterMs ?? reply.elapsedTime;
    services.metrics.api.requests.observe(labels, tookMs / SECOND_MS);
    if (reply.statusCode >= 400) logRefusal(request, reply);
    countRefusal(services.audit, request, reply.statusCode);
    done();
  });
  for (const route of services.routes) addRoute(server, route, services);
  for (const [path, routes] of Map.groupBy(services.routes, (route) => route.path)) {
    const allowed = routes.map(({ method }) => method);
    server.route({
      method: METHODS.filter((method) => !allowed.some((known) => known === method)),
      url: path,
      handler: (request, reply) => {
        if (answerPreflight(routes, request, reply)) return reply;
        const allow = allowed.join(', ');
        throw new Problem('method-not-allowed', `this address takes ${allow}`, { headers: { allow } });
      },
    });
  }
}

/** One route. A public one has a gate too, so that every request has a caller. */
function addRoute(server: FastifyInstance, route: Route, services: RouteServices): void {
  const { metrics, ending, guard } = services;
  const gate = route.access === 'public' ? createOpenGate() : countAdmissions(services.gate, metrics);
  const verb = route.access === 'public' ? 'get' : route.access;
  const names = (route.describe.query ?? []).map(({ name }) => name);
  const mediaTypes = Object.keys(route.describe.body?.content ?? { [JSON_MEDIA_TYPE]: {} });
  server.route({
    method: route.method,
    url: route.path,
    errorHandler: (error, request, reply) => void answerError(error, request, reply, route.showProblem),
    // Before the body is read: a stranger must not make the service take 5 MiB in.
    onRequest: async (request, reply) => {
      allowOrigin(route, request, reply);
      if (route.probe !== true) guard?.(approachOf(route, request));
      // Probes and metrics go on: the platform asks them until the process is gone.
      if (ending.aborted && route.access !== 'public') throw endingProblem();
      takeCookie(route, request);
      await admit(isOpenTo(route, request, services) ? createOpenGate() : gate, request, verb);
      if (route.method !== 'GET') requireMediaType(mediaTypes, request);
    },
    handler: async (request, reply) => {
      // A parameter that changes nothing where something is changed would look as if it had.
      if (route.method !== 'GET') allowOnly(request.query as Query, names);
      // Before `send`: when the trace cannot be written, this throws and nobody reads the records.
      const answer = await answerTraced(route, request, {
        audit: services.audit,
        answer: () => route.answer(readRequest(request, reply, services)),
      });
      if (answer.goesOn === true) request.begunAfterMs = reply.elapsedTime;
      return send(reply, request.id, answer);
    },
  });
}

/** As if the token had come in the header: the gate, and what the route may ask of it, know no other way. */
function takeCookie({ cookie, method }: Route, { headers }: FastifyRequest): void {
  if (cookie === undefined || method !== 'GET' || headers.authorization !== undefined) return;
  const [value] = (headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${cookie}=`))
    .map((pair) => pair.slice(cookie.length + 1));
  if (value !== undefined && value !== '') headers.authorization = `Bearer ${decoded(value)}`;
}

/** A value that is none of ours is a wrong token, which the gate refuses. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** A browser sets the header, and no page can change it; whoever is no browser and writes it is on this machine anyway. */
function isOpenTo(
  { origins = [] }: Route,
  { headers }: FastifyRequest,
  { isOpenToCodecPages = false }: RouteServices,
): boolean {
  return (
    isOpenToCodecPages &&
    headers.authorization === undefined &&
    headers.origin !== undefined &&
    origins.includes(headers.origin)
  );
}

/** Sets the caller, also one who is known and may not do this. */
async function admit(gate: Gate, request: FastifyRequest, verb: Verb): Promise<void> {
  try {
    const admitted = gate.admit(request.headers.authorization, verb, addressOf(request));
    request.caller = admitted instanceof Promise ? await admitted : admitted;
  } catch (error: unknown) {
    if (error instanceof Problem && error.caller !== undefined) request.caller = { name: error.caller };
    throw error;
  }
}

function approachOf({ origins = [] }: Route, { headers, raw }: FastifyRequest): Parameters<BrowserGuard>[0] {
  return { headers, localAddress: raw.socket.localAddress, origins };
}

/**
 * A body has to say what it is, before it is read. Also for the sake of browsers: a form or a page can send any other
 * site a text without a media type, and a media type of JSON only after it has asked (CORS).
 */
function requireMediaType(taken: readonly string[], { headers }: FastifyRequest): void {
  const hasBody = headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
  if (!hasBody) return;
  const mediaType = mediaTypeOf(headers);
  if (taken.includes(mediaType)) return;
  const sent = mediaType === '' ? 'a body without content-type' : mediaType;
  throw new Problem('unsupported-media-type', `send content-type: ${taken.join(' or ')}, not ${sent}`);
}

function mediaTypeOf({ 'content-type': contentType = '' }: FastifyRequest['headers']): string {
  const [mediaType = ''] = contentType.split(';');
  return mediaType.trim().toLowerCase();
}

/**
 * 503 for a request that comes too late. The connection is closed, so that the client's next attempt goes to
 * another process.
 */
function endingProblem(): Problem {
  const headers = { connection: 'close', 'retry-after': '1' };
  return new Problem('shutting-down', 'this process is ending; send the request again', { headers });
}

/** One line per answer of 400 and above, with who called and how long it took. */
function logRefusal(request: FastifyRequest, reply: FastifyReply): void {
  // Never the query or a header: both may hold what must not be in a log.
  const [path] = request.url.split('?');
  const { caller, method } = request;
  request.log.info(
    {
      ...(request.awaited === undefined ? {} : { server: request.awaited }),
      ...{ method, path, status: reply.statusCode, caller: caller?.name, ms: Math.round(reply.elapsedTime) },
    },
    'a request was refused',
  );
}

/** What a route is given of a request: nothing of Fastify. */
function readRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  { gate, ending }: Pick<RouteServices, 'gate' | 'ending'>,
): ApiRequest {
  const { body } = request;
  return {
    id: request.id,
    params: request.params as Readonly<Record<string, string>>,
    query: request.query as ApiRequest['query'],
    body: Buffer.isBuffer(body) ? body : undefined,
    mediaType: mediaTypeOf(request.headers),
    accept: request.headers.accept ?? '',
    header: (name) => {
      const value = request.headers[name];
      return typeof value === 'string' && value !== '' ? value : undefined;
    },
    caller: request.caller ?? { name: NO_ONE },
    may: (verb) => mayDo(gate, request, verb),
    get signal() {
      return untilGone(reply);
    },
    ending,
    log: request.log,
  };
}

/** Not counted as a decision about a caller: a request that is admitted without the right is no refusal. */
async function mayDo(gate: Gate, request: FastifyRequest, verb: Verb): Promise<boolean> {
  try {
    await gate.admit(request.headers.authorization, verb, addressOf(request));
    return true;
  } catch (error: unknown) {
    if (error instanceof Problem && error.type === 'forbidden') return false;
    throw error;
  }
}

/**
 * Aborts when the connection closes. Made only for routes that ask for it: most answers are there before
 * anybody could leave.
 */
function untilGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}

/** Headers of the answer come last and win over the request id. */
function send(reply: FastifyReply, requestId: string, answer: Answer): FastifyReply {
  return reply
    .status(answer.status)
    .headers({ ...ANSWER_HEADERS, 'x-request-id': requestId, ...answer.headers })
    .type(answer.mediaType)
    .send(answer.body);
}

/** Headers that Temporal's UI sends to a codec server. */
const ALLOWED_HEADERS = 'authorization, content-type, x-namespace, x-workflow-id';
const PREFLIGHT_MAX_AGE_SECONDS = 600;
const NO_CONTENT = 204;

/** Lets a page of an origin that the route names read the answer, refusals included. */
function allowOrigin({ origins = [] }: Route, request: FastifyRequest, reply: FastifyReply): void {
  if (origins.length === 0) return;
  reply.header('vary', 'origin');
  const { origin } = request.headers;
  if (origin !== undefined && origins.includes(origin)) reply.header('access-control-allow-origin', origin);
}

/** Answers the question a browser asks before it sends; false when no route of the address is open to that origin. */
function answerPreflight(routes: readonly Route[], request: FastifyRequest, reply: FastifyReply): boolean {
  const { origin, 'access-control-request-method': method } = request.headers;
  const preflighted = routes.find((route) => route.method === method);
  if (request.method !== 'OPTIONS' || origin === undefined || preflighted === undefined) return false;
  if (preflighted.origins?.includes(origin) !== true) return false;
  allowOrigin(preflighted, request, reply);
  void reply
    .status(NO_CONTENT)
    .headers({
      ...ANSWER_HEADERS,
      'access-control-allow-methods': preflighted.method,
      'access-control-allow-headers': ALLOWED_HEADERS,
      'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
    })
    .send();
  return true;
}
