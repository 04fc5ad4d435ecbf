import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request as forward } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

import type { KubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';

/** What became of one request. */
export interface Passage {
  readonly url: string;
  readonly status: number;
  /** When it came, on the clock of `performance`. */
  readonly atMs: number;
}

/** An answer in place of the server's. */
export interface OwnAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Ends TLS in front of an API server, so that single requests can be answered, held back and counted. */
export interface ApiserverProxy extends AsyncDisposable {
  readonly port: number;
  /** In the order in which they were answered. */
  readonly passages: readonly Passage[];
  /** Looks at each request; it is passed on once that resolves with nothing. Default: all pass. */
  intercept: (url: string) => Promise<OwnAnswer | undefined> | OwnAnswer | undefined;
  /** Ends all connections of clients. */
  cut(): void;
}

export const isWatchUrl = (url: string): boolean => url.includes('watch=true');

/** Stands at an address of its own with the server's certificate, which its clients trust already. */
export async function startApiserverProxy(server: KubeApiserver): Promise<ApiserverProxy> {
  const folder = join(dirname(server.kubeconfigPath), 'certificates');
  const [cert, key] = await Promise.all(
    ['apiserver.crt', 'apiserver.key'].map((name) => readFile(join(folder, name))),
  );
  const passages: Passage[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = '' } = request;
    const atMs = performance.now();
    const own = await proxy.intercept(url);
    if (own === undefined) {
      passOn(server, request, response, (status) => passages.push({ url, status, atMs }));
      return;
    }
    const { status, headers } = own;
    passages.push({ url, status, atMs });
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(
      JSON.stringify({ kind: 'Status', code: status, reason: 'Refused', message: 'by the proxy' }),
    );
  };
  const listener = createServer({ cert, key }, (request, response) => void serve(request, response));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const proxy: ApiserverProxy = {
    port: (listener.address() as AddressInfo).port,
    passages,
    intercept: () => undefined,
    cut: () => {
      listener.closeAllConnections();
    },
    [Symbol.asyncDispose]: async () => {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return proxy;
}

function passOn(
  { url, caPem }: KubeApiserver,
  request: IncomingMessage,
  response: ServerResponse,
  answered: (status: number) => void,
): void {
  const { method = 'GET', headers } = request;
  const onward = forward(new URL(request.url ?? '', url), { method, headers, ca: caPem }, (answer) => {
    answered(answer.statusCode ?? 0);
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    // A watch's first event may be long in coming; that it was accepted must not wait for it.
    response.flushHeaders();
    answer.on('error', () => response.destroy()).pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}
