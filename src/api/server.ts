import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';

import type { FastifyBaseLogger, FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { fastify, LogController } from 'fastify';

import type { RecordReader } from '../database/record-reader.ts';
import { RECORD_DEFINITIONS } from '../domain/records/index.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import { readPageRequest, writeCursor } from './pagination.ts';
import { Problem, problemBody, PROBLEMS } from './problems.ts';
import { recordJson } from './record-json.ts';

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

export interface ApiOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly authMode: 'none';
  /** Lets mode `none` listen beyond loopback. */
  readonly allowInsecureBind: boolean;
  readonly reader: RecordReader;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface RunningApi {
  readonly url: string;
  stop(): Promise<void>;
}

export class InsecureBindError extends Error {
  constructor(host: string) {
    super(
      `the API would listen on ${host} and let anybody in: bind it to 127.0.0.1, choose another REMEDIATION_AUDIT_API_AUTH_MODE, ` +
        'or set REMEDIATION_AUDIT_API_ALLOW_INSECURE_BIND=true where something else keeps strangers out',
    );
    this.name = 'InsecureBindError';
  }
}

export async function startApi(options: ApiOptions): Promise<RunningApi> {
  if (!LOOPBACK.has(options.host) && !options.allowInsecureBind) throw new InsecureBindError(options.host);
  const server = createApiServer(options);
  await server.listen({ host: options.host, port: options.port });
  const { port } = server.server.address() as AddressInfo;
  return { url: `http://${options.host}:${port}`, stop: () => server.close() };
}

/** The routes without a socket, for tests that inject requests. */
export function createApiServer(options: ApiOptions): FastifyInstance {
  // Widened here: fastify would otherwise carry pino's type through every signature.
  const loggerInstance: FastifyBaseLogger = options.logger;
  const server = fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    // Idle keep-alive connections would hold a shutdown open until they time out.
    forceCloseConnections: 'idle',
  });
  server.setErrorHandler(answerError);
  server.setNotFoundHandler((request) => {
    throw new Problem('not-found', `there is no ${request.method} ${request.url.split('?')[0] ?? ''}`);
  });
  addProbes(server, options);
  addLists(server, options.reader);
  return server;
}

function addProbes(server: FastifyInstance, { reader, metrics }: ApiOptions): void {
  server.get('/healthz', () => 'ok\n');
  server.get('/readyz', async () => {
    await fromDatabase(() => reader.ping());
    return 'ok\n';
  });
  server.get('/metrics', async (_request, reply) => {
    await reply.header('content-type', metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}

function addLists(server: FastifyInstance, reader: RecordReader): void {
  for (const definition of RECORD_DEFINITIONS) {
    server.get(`/api/v1/audit/${definition.kind}`, async (request, reply) => {
      const { limit, after } = readPageRequest(request.query as Record<string, unknown>);
      const page = await fromDatabase(() => reader.selectPage(definition, limit, after));
      const items = page.rows.map((row) => recordJson(definition, row)).join(',');
      const next = page.next === undefined ? 'null' : JSON.stringify(writeCursor(page.next));
      await reply.type('application/json').send(`{"items":[${items}],"next_cursor":${next}}`);
    });
  }
}

async function fromDatabase<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error: unknown) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem('database-unavailable', `the database does not answer: ${reason}`, { cause: error });
  }
}

async function answerError(
  error: FastifyError | Problem,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const problem =
    error instanceof Problem
      ? error
      : new Problem('internal-error', 'the request could not be answered', { cause: error });
  const { status } = PROBLEMS[problem.type];
  if (status >= 500) request.log.error({ err: error }, problem.message);
  await reply
    .status(status)
    .type('application/problem+json')
    .send(JSON.stringify(problemBody(problem, request.id)));
}
