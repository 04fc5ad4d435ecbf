import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ClientHttp2Session, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { connect, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

import { repositoryPath } from './repository.ts';

export interface TlsTemporalOptions {
  /** host:port of the server behind it, which speaks no TLS. */
  readonly behind: string;
  /** Refuses clients without a certificate of the test authority. Default false. */
  readonly askForCertificate?: boolean;
  /** Refuses calls without this key. Default: none is asked for. */
  readonly apiKey?: string;
}

export interface TlsTemporal extends AsyncDisposable {
  readonly address: string;
}

const GRPC_UNAUTHENTICATED = 16;

export const tlsFixture = (name: string): string => repositoryPath(`test/temporal/fixtures/tls/${name}`);

/** Terminates TLS before a Temporal server and asks for what Temporal Cloud asks for. */
export async function startTlsTemporal(options: TlsTemporalOptions): Promise<TlsTemporal> {
  const behind = connect(`http://${options.behind}`);
  const sessions = new Set<{ destroy(): void }>([behind]);
  const server = createSecureServer({
    cert: readFileSync(tlsFixture('server.crt')),
    key: readFileSync(tlsFixture('server.key')),
    ca: readFileSync(tlsFixture('ca.crt')),
    requestCert: options.askForCertificate === true,
    rejectUnauthorized: options.askForCertificate === true,
  });
  server.on('session', (session) => sessions.add(session));
  // A client that is refused breaks off: that is what the test is about.
  server.on('sessionError', () => undefined);
  server.on('stream', (stream, headers) => {
    if (options.apiKey === undefined || headers.authorization === `Bearer ${options.apiKey}`)
      forward(behind, stream, headers);
    else refuse(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** One call of gRPC: headers and body there, headers, body and trailers back. */
function forward(behind: ClientHttp2Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const call = behind.request({ ...headers, ':scheme': 'http' });
  // Either side may give up a call: long polls end so.
  const giveUp = (): void => {
    call.destroy();
    stream.destroy();
  };
  call.on('error', giveUp);
  stream.on('error', giveUp).on('close', giveUp);
  let trailers: IncomingHttpHeaders = {};
  call.on('trailers', (sent: IncomingHttpHeaders) => {
    trailers = sent;
  });
  call.on('response', (answer) => {
    stream.on('wantTrailers', () => {
      stream.sendTrailers(trailers);
    });
    stream.respond(answer, { waitForTrailers: true });
    call.pipe(stream);
  });
  stream.pipe(call);
}

function refuse(stream: ServerHttp2Stream): void {
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc',
      'grpc-status': String(GRPC_UNAUTHENTICATED),
      'grpc-message': 'Request unauthorized.',
    },
    { endStream: true },
  );
}
