import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Registry } from 'prom-client';

import { reasonOf } from '../domain/errors.ts';
import type { Logger } from './logger.ts';

const OK = 200;
const NOT_FOUND = 404;
const INTERNAL_ERROR = 500;
const NOT_READY = 503;

interface HealthServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly registry: Registry;
  /** Asked at each request. Why the process is not ready, in words for people, or undefined when it is. */
  readonly notReady: () => string | undefined;
  readonly logger: Logger;
  /** What else is answered, as JSON, by path; who asks is in the request. Default: nothing. */
  readonly answers?: Readonly<Record<string, (request: IncomingMessage) => Promise<unknown>>>;
}

/** Serves until it is stopped; a stop ends open connections without waiting for them. */
interface HealthServer {
  /** The port that it has, also where the system chose it. */
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Liveness (/healthz), readiness (/readyz) and metrics of a process that serves nothing else. Comes in: an
 * address and what to answer. Goes out: a server that listens; an address that cannot be had rejects. Nobody
 * is asked who they are, so nothing that is secret, and no name of a resource, belongs here.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = createServer((request, response) => {
    // What is between must keep no state of a moment, and on this machine the gaps of the watcher name resources.
    response.setHeader('cache-control', 'no-store').setHeader('x-content-type-options', 'nosniff');
    answer(request, response, options).catch((error: unknown) => {
      options.logger.error({ url: request.url, reason: reasonOf(error) }, 'a probe could not be answered');
      if (!response.headersSent) response.writeHead(INTERNAL_ERROR);
      response.end('internal error: the reason is in the log\n');
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HealthServerOptions,
): Promise<void> {
  switch (request.url) {
    // Says only that the process answers; what it waits for is the business of /readyz.
    case '/healthz':
      response.writeHead(OK).end('ok\n');
      return;
    case '/readyz': {
      const reason = options.notReady();
      response.writeHead(reason === undefined ? OK : NOT_READY).end(`${reason ?? 'ok'}\n`);
      return;
    }
    case '/metrics':
      response.setHeader('content-type', options.registry.contentType);
      response.end(await options.registry.metrics());
      return;
    default:
      await answerOther(request, response, options.answers ?? {});
  }
}

async function answerOther(
  request: IncomingMessage,
  response: ServerResponse,
  answers: NonNullable<HealthServerOptions['answers']>,
): Promise<void> {
  const path = request.url ?? '';
  const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
  if (answer !== undefined) {
    const body = JSON.stringify(await answer(request));
    response.setHeader('content-type', 'application/json');
    response.end(body);
    return;
  }
  const paths = ['/healthz', '/readyz', '/metrics', ...Object.keys(answers)];
  response.writeHead(NOT_FOUND).end(`not found: there is ${paths.join(', ')}\n`);
}
