import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface LoadResult {
  /** Milliseconds of each request, sorted. */
  readonly latenciesMs: readonly number[];
}

/**
 * Posts bodies over a number of connections, each with one request in flight, as that many clients do. Written on bare
 * sockets: a client library would take a larger part of two cores than the service it measures.
 */
export async function postAll(url: URL, bodies: readonly Buffer[], clients: number): Promise<LoadResult> {
  const latenciesMs: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    const socket = connect(Number(url.port), url.hostname).setNoDelay(true);
    await once(socket, 'connect');
    const answers = readAnswers(socket);
    while (next < bodies.length) {
      const body = bodies[next];
      next += 1;
      if (body === undefined) break;
      const sentAt = performance.now();
      socket.write(body);
      const { value: status } = await answers.next();
      if (status !== CREATED) throw new Error(`the service answered ${String(status)}`);
      latenciesMs.push(performance.now() - sentAt);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: Math.min(clients, bodies.length) }, client));
  return { latenciesMs: latenciesMs.sort((left, right) => left - right) };
}

const CREATED = 201;

/** A whole request, ready to be written. */
export function requestOf(url: URL, path: string, body: string, token?: string): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${url.host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

const LENGTH = /\r\ncontent-length: (\d+)/i;

async function* readAnswers(socket: Socket): AsyncGenerator<number, undefined> {
  let text = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    for (let end = endOfAnswer(text); end !== undefined; end = endOfAnswer(text)) {
      const status = Number(text.slice('HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3));
      text = text.slice(end);
      yield status;
    }
  }
  return undefined;
}

function endOfAnswer(text: string): number | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const end = headEnd + 4 + Number(LENGTH.exec(text.slice(0, headEnd))?.[1] ?? 0);
  return text.length < end ? undefined : end;
}
