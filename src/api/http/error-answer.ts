import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

import { MAX_BODY_BYTES } from '../../domain/limits.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ServerName } from '../../observability/outages.ts';
import { ANSWER_HEADERS } from './answer-headers.ts';
import { Problem, PROBLEM_MEDIA_TYPE, problemBody, type ProblemType } from './problems.ts';
import type { Answer, ProblemContext, Route } from './route.ts';

const INTERNAL_ERROR = 500;

/** Which server behind this one does not answer when a request ends with this problem. */
const SERVERS: Readonly<Partial<Record<ProblemType, ServerName>>> = {
  'authority-unavailable': 'cluster',
  'database-unavailable': 'database',
  // Temporal is tried after the database.
  'storage-unavailable': 'temporal',
  'temporal-unavailable': 'temporal',
};

/**
 * Answers whatever a request ended with as a problem. Anything but a Problem or a fault of the client is a
 * defect: the answer is 500 without the reason, and the reason is in the log under the request's id.
 */
export async function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  showProblem: Route['showProblem'] = showAsJson,
): Promise<void> {
  const problem = problemOf(error);
  const server = SERVERS[problem.type];
  if (server !== undefined) request.awaited = server;
  logProblem(problem, request);
  const { status, mediaType, body, headers } = showProblem(problem, request);
  await reply
    .status(status)
    .headers({ ...ANSWER_HEADERS, 'x-request-id': request.id, ...headers })
    .type(mediaType)
    .send(body);
}

function showAsJson(problem: Problem, { id }: ProblemContext): Answer {
  const body = JSON.stringify(problemBody(problem, id));
  return { status: problem.status, mediaType: PROBLEM_MEDIA_TYPE, body, headers: problem.headers };
}

/**
 * Defects as errors; outages of servers behind this one as warnings. `onResponse` logs every refusal in one
 * line besides.
 */
function logProblem(problem: Problem, request: FastifyRequest): void {
  if (problem.type === 'internal-error') request.log.error({ err: problem.cause }, problem.message);
  // What a server behind this one did; what a client did wrong goes to the client alone.
  else if (problem.status > INTERNAL_ERROR && problem.cause !== undefined)
    request.log.warn({ server: request.awaited, err: problem.cause }, problem.message);
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = error instanceof Error ? (error as FastifyError).code : '';
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new Problem(
        'body-too-large',
        `the body has more than ${MAX_BODY_BYTES} bytes; send it in parts`,
      );
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported-media-type', 'the media type of the body cannot be read');
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Problem('malformed-body', 'the body is not as long as its content-length says');
    case 'FST_ERR_BAD_URL':
      return new Problem('malformed-request', 'the address is not a valid URL');
    default:
      // What fastify itself finds wrong with a request, such as a method that needs a media type.
      if (isClientFault(error)) return new Problem('malformed-request', error.message);
      return new Problem('internal-error', 'the request could not be answered', { cause: error });
  }
}

/** Only an error of Fastify's own counts; any other is a defect, whatever status it carries. */
function isClientFault(error: unknown): error is FastifyError {
  if (!(error instanceof Error) || !('statusCode' in error)) return false;
  const { code } = error as Partial<FastifyError>;
  return Number(error.statusCode) < INTERNAL_ERROR && code?.startsWith('FST_ERR') === true;
}

/**
 * What Node's HTTP parser refuses, before there is a request: the answer is written to the socket itself, and
 * the connection ends with it.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, logger: Logger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = parserProblem(error.code ?? '');
  const requestId = randomUUID();
  logger.warn(
    { reqId: requestId, code: error.code, status: problem.status },
    'a connection was closed: its request was not valid HTTP or did not arrive in time',
  );
  const body = JSON.stringify(problemBody(problem, requestId));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    ...Object.entries(ANSWER_HEADERS).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function parserProblem(code: string): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Problem(
      'headers-too-large',
      'the headers are larger than is allowed; send fewer or shorter ones',
    );
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Problem('request-timeout', 'the request did not arrive in time; send it again');
  }
  return new Problem('malformed-request', 'the request is not valid HTTP');
}
