import { Readable } from 'node:stream';

import type { FastifyRequest } from 'fastify';

import type { JsonObject } from '../../domain/json.ts';
import type { AccessCounts } from './access-counts.ts';
import { Problem } from './problems.ts';
import { type Answer, isTraced, type Route } from './route.ts';

/*
 * The audit of reads. A read is answered only when its trace is stored: an answer that nobody can find later would be worse
 * than none, and a client asks again. That a record is not there is an answer, too: whoever tries ids learns which there
 * are. Who was refused is counted instead (access-counts.ts), because a stranger must not fill a table at will.
 */

/** One read, as `audit_access` keeps it. */
interface Access {
  readonly caller: string;
  readonly route: string;
  /** Parameters of path and query, as they were sent. The body is not in it. */
  readonly filter: JsonObject;
  /** Records in the answer; 0 for a route that does not count them. */
  readonly rows: number;
  readonly status: number;
  readonly requestId: string;
}

/** Leaves the trace of a read. What cannot be traced is not answered. */
export type AccessTrace = (access: Access) => Promise<void>;

export interface AccessAudit {
  readonly trace: AccessTrace;
  readonly counts: Pick<AccessCounts, 'count'>;
}

export const NO_ONE = 'anonymous';
/** Who was refused before anybody knew who calls. */
const UNKNOWN = 'unknown';
const NOT_FOUND = 404;
const REFUSED: readonly number[] = [401, 403];

/** The answer of the route, once its trace is stored where it has to be. */
export async function answerTraced(
  route: Route,
  request: FastifyRequest,
  { audit, answer }: { readonly audit: AccessAudit; readonly answer: () => Answer | Promise<Answer> },
): Promise<Answer> {
  if (!isTraced(route)) {
    const given = await answer();
    if (route.readsWithoutDatabase === true) await traceOrCount(route, request, { audit, answer: given });
    return given;
  }
  try {
    const given = await answer();
    await audit.trace(accessOf(route, request, given)).catch((error: unknown) => {
      // Nobody will read it, and what it holds has to be let go.
      if (given.body instanceof Readable) given.body.destroy();
      throw error;
    });
    return given;
  } catch (error: unknown) {
    if (error instanceof Problem && error.status === NOT_FOUND)
      await audit.trace(accessOf(route, request, { status: NOT_FOUND, rows: 0 }));
    throw error;
  }
}

async function traceOrCount(
  route: Route,
  request: FastifyRequest,
  { audit, answer }: { readonly audit: AccessAudit; readonly answer: Answer },
): Promise<void> {
  const access = accessOf(route, request, answer);
  try {
    await audit.trace(access);
  } catch (error: unknown) {
    request.log.warn(
      { server: 'database', err: error, caller: access.caller },
      'the trace of a read is counted until it can be stored',
    );
    audit.counts.count({ ...access, address: addressOf(request) });
  }
}

/** Counts an answer that refused its caller. */
export function countRefusal(audit: AccessAudit, request: FastifyRequest, status: number): void {
  const { url } = request.routeOptions;
  if (url === undefined || !REFUSED.includes(status)) return;
  audit.counts.count({
    caller: request.caller?.name ?? UNKNOWN,
    address: addressOf(request),
    route: `${request.method} ${url}`,
    status,
  });
}

function accessOf(
  route: Route,
  request: FastifyRequest,
  { status, rows = 0 }: Pick<Answer, 'status' | 'rows'>,
): Access {
  return {
    caller: request.caller?.name ?? NO_ONE,
    route: `${route.method} ${route.path}`,
    filter: { ...(request.params as JsonObject), ...(request.query as JsonObject) },
    rows,
    status,
    requestId: request.id,
  };
}

/** Empty where there is no socket any more. */
export function addressOf({ raw }: FastifyRequest): string {
  return raw.socket.remoteAddress ?? '';
}
