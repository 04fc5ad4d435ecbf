import { randomUUID } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import type { Socket } from 'node:net';

import type { FastifyBaseLogger, FastifyInstance, FastifyServerOptions } from 'fastify';
import { fastify, LogController } from 'fastify';

import { MAX_BODY_BYTES } from '../../domain/limits.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { AuthMode, Gate } from '../auth/gate.ts';
import type { AccessAudit } from './access-trace.ts';
import { addRoutes } from './add-routes.ts';
import { createBrowserGuard } from './browser-guard.ts';
import { answerClientError, answerError } from './error-answer.ts';
import { Problem } from './problems.ts';
import type { Route } from './route.ts';
import type { Certificate } from './tls.ts';

/** What one client may take up, and for how long. */
export interface HttpLimits {
  /** Connections at once; more are refused and counted. Default 4,096. */
  readonly maxConnections: number;
  /** Bytes of all headers together. Default 64 KiB: a list with all its filters. */
  readonly maxHeaderBytes: number;
  /** How long the headers may take to arrive, also on a connection that says nothing. Default 10,000 ms. */
  readonly headersTimeoutMs: number;
  /** How long a whole request may take to arrive. Default 30,000 ms. */
  readonly requestTimeoutMs: number;
  /** Silence in the middle of an exchange after which the connection is given up. Default 60,000 ms. */
  readonly silenceTimeoutMs: number;
  /** How long an idle connection is kept for the next request. Default 65,000 ms: longer than usual proxies keep theirs. */
  readonly keepAliveMs: number;
}

const DEFAULT_LIMITS: HttpLimits = {
  maxConnections: 4_096,
  maxHeaderBytes: 64 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  silenceTimeoutMs: 60_000,
  keepAliveMs: 65_000,
};
/**
 * Node checks this often which requests are late: `headersTimeoutMs` and `requestTimeoutMs` may be exceeded
 * by as much.
 */
const CHECK_INTERVAL_MS = 2_000;
/** Characters of one parameter in a path; a longer one is a malformed request. Identifiers have up to 512, each up to twelve of an address. */
const MAX_PARAMETER_LENGTH = 6_144;

interface HttpServerOptions {
  readonly routes: readonly Route[];
  readonly gate: Gate;
  readonly isOpenToCodecPages?: boolean;
  readonly authMode: AuthMode;
  /** The configured address; in mode `none` a `Host` may name it. */
  readonly host: string;
  /** What else a `Host` may name in mode `none`. */
  readonly allowedHosts: readonly string[];
  readonly audit: AccessAudit;
  readonly limits?: Partial<HttpLimits>;
  readonly certificate?: Certificate;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

interface HttpServer {
  /** For listening, and for tests, which inject requests. */
  readonly fastify: FastifyInstance;
  /**
   * Takes nothing new, waits for requests in flight for so long, then closes their connections. Settles when
   * all is closed.
   */
  close(graceMs: number): Promise<void>;
}

/**
 * The routes on a server that does not listen yet; `startApi` makes it listen, tests inject requests into it.
 * Everything it answers is an answer of a route or a problem.
 */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = fastify(serverOptions(options, limits));
  server.server.maxConnections = limits.maxConnections;
  // Node refuses it before there is a request: it cannot be answered, only counted.
  server.server.on('drop', () => {
    options.metrics.api.connectionsRefused.inc();
    options.logger.warn(
      { maxConnections: limits.maxConnections },
      'a connection was refused: too many are open',
    );
  });
  const ending = new AbortController();
  addBodyParser(server);
  server.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  server.setNotFoundHandler((request) => {
    throw new Problem('not-found', `there is no ${request.method} ${request.url.split('?')[0] ?? ''}`);
  });
  // A token is a better proof than any of what the guard looks at, and no browser sends it by itself.
  const guard = options.authMode === 'none' ? createBrowserGuard(options) : undefined;
  addRoutes(server, { ...options, guard, ending: ending.signal });
  return {
    fastify: server,
    async close(graceMs) {
      ending.abort();
      const cutOff = setTimeout(() => {
        options.logger.warn({ graceMs }, 'requests did not finish in time; their connections are closed');
        server.server.closeAllConnections();
      }, graceMs);
      await server.close();
      clearTimeout(cutOff);
    },
  };
}

function serverOptions(options: HttpServerOptions, limits: HttpLimits): FastifyServerOptions {
  // Widened here: fastify would otherwise carry pino's type through every signature.
  const loggerInstance: FastifyBaseLogger = options.logger;
  const node: ServerOptions = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    ...options.certificate,
  };
  return {
    loggerInstance,
    // Fastify's own line for each request holds its address, query included. add-routes.ts logs refusals
    // without it.
    logController: new LogController({ disableRequestLogging: true }),
    // Never an id that the client sends: problem, log and trace are joined by it, so it has to be unique.
    genReqId: () => randomUUID(),
    // Idle keep-alive connections would hold a shutdown open until they time out.
    forceCloseConnections: 'idle',
    // A request that comes while the service ends is answered as a problem like any other.
    return503OnClosing: false,
    // HEAD is one of the methods that add-routes.ts answers with 405.
    exposeHeadRoutes: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.silenceTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    clientErrorHandler: (error: NodeJS.ErrnoException, socket: Socket) => {
      answerClientError(error, socket, options.logger);
    },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
    ...(options.certificate === undefined ? { http: node } : { https: node }),
  };
}

/** Bodies stay bytes: each route says what it reads, and JavaScript's own parser would lose digits. */
function addBodyParser(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
}
