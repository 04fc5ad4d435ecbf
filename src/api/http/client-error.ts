import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

import type { Logger } from '../../observability/logger.ts';
import { Problem, PROBLEM_MEDIA_TYPE, problemBody } from './problems.ts';

/** What Node's HTTP parser refuses, before there is a request: the answer is written to the socket itself. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, logger: Logger): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error.code ?? '');
  const requestId = randomUUID();
  logger.warn({ reqId: requestId, code: error.code, status: problem.status }, 'a connection was given up');
  const body = JSON.stringify(problemBody(problem, requestId));
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ''}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function problemOf(code: string): Problem {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Problem(
      'headers-too-large',
      'the headers are larger than is allowed; send fewer or shorter ones',
    );
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Problem('request-timeout', 'the request did not arrive in time; send it again');
  }
  return new Problem('malformed-request', 'what arrived is not an HTTP request');
}
