import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Route } from './route.ts';

/** Headers that Temporal's UI sends to a codec server. */
const ALLOWED_HEADERS = 'authorization, content-type, x-namespace';
const PREFLIGHT_MAX_AGE_SECONDS = 600;
const NO_CONTENT = 204;

/** Lets a page of an origin that the route names read the answer, refusals included. */
export function allowOrigin({ origins = [] }: Route, request: FastifyRequest, reply: FastifyReply): void {
  if (origins.length === 0) return;
  reply.header('vary', 'origin');
  const { origin } = request.headers;
  if (origin !== undefined && origins.includes(origin)) reply.header('access-control-allow-origin', origin);
}

/** Answers the question a browser asks before it sends; false when no route of the address is open to that origin. */
export function answerPreflight(
  routes: readonly Route[],
  request: FastifyRequest,
  reply: FastifyReply,
): boolean {
  const { origin, 'access-control-request-method': method } = request.headers;
  const asked = routes.find((route) => route.method === method);
  if (request.method !== 'OPTIONS' || origin === undefined || asked === undefined) return false;
  if (asked.origins?.includes(origin) !== true) return false;
  allowOrigin(asked, request, reply);
  void reply
    .status(NO_CONTENT)
    .headers({
      'access-control-allow-methods': asked.method,
      'access-control-allow-headers': ALLOWED_HEADERS,
      'access-control-max-age': String(PREFLIGHT_MAX_AGE_SECONDS),
    })
    .send();
  return true;
}
