import { setTimeout as delay } from 'node:timers/promises';

import { Agent, request } from 'undici';

/** A Kubernetes API and the right to use it. */
export interface ClusterAddress {
  url: string;
  /** Bearer token. */
  token: string;
  /** PEM of the authority that signed the server's certificate. Default: the system's authorities. */
  ca?: string | undefined;
}

/** Another way to a Kubernetes API, with its own credentials: that of a kubeconfig. */
interface ClusterTransport {
  /** URL of the API server, for people. */
  readonly server: string;
  send(request: ClusterMessage, signal: AbortSignal): Promise<ClusterReply>;
}

/** A request as it goes over the wire. */
interface ClusterMessage {
  method: ClusterRequest['method'];
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

/** An answer whose text is still to be read. */
interface ClusterReply {
  readonly statusCode: number;
  readonly body: { text(): Promise<string> };
}

export type ClusterTarget = ClusterAddress | ClusterTransport;

interface ClusterRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  /** Sent as JSON; of a PATCH, as a merge patch. */
  body?: unknown;
}

export interface ClusterAnswer {
  status: number;
  body: unknown;
}

interface ClusterClientOptions {
  /** Ends the waits between attempts. A request under way is not cut: its outcome would stay unknown. */
  signal?: AbortSignal | undefined;
  /** How long the client goes on trying while the server is away or overloaded, in milliseconds. Default 60,000. */
  patienceMs?: number | undefined;
}

const DEFAULT_PATIENCE_MS = 60_000;
const REQUEST_DEADLINE_MS = 5_000;
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
const CONNECTIONS = 8;
const HTTP_TOO_MANY_REQUESTS = 429;
const HTTP_SERVER_ERROR = 500;

/** Requests to one API server over a few kept connections; what passes by itself is tried again. */
export class ClusterClient implements AsyncDisposable {
  readonly #transport: ClusterTransport;
  readonly #options: ClusterClientOptions;
  /** Of an address; a transport that was given has its own, and its own owner. */
  readonly #agent: Agent | undefined;

  constructor(target: ClusterTarget, options: ClusterClientOptions = {}) {
    this.#options = options;
    if ('server' in target) {
      this.#transport = target;
      return;
    }
    const { ca } = target;
    this.#agent = new Agent({ connections: CONNECTIONS, connect: ca === undefined ? {} : { ca } });
    this.#transport = transportTo(target, this.#agent);
  }

  /** The answer, whatever its status, unless the server stays away or overloaded: then an error. */
  async send(request: ClusterRequest): Promise<ClusterAnswer> {
    const giveUpAt = Date.now() + (this.#options.patienceMs ?? DEFAULT_PATIENCE_MS);
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(waitMs * 2, MAX_RETRY_MS)) {
      const outcome = await this.#attempt(request);
      if (!(outcome instanceof Error)) return outcome;
      this.#options.signal?.throwIfAborted();
      if (Date.now() + waitMs > giveUpAt) {
        const what = `${request.method} ${request.path}`;
        throw new Error(
          `cannot ${what} at ${this.#transport.server}: is the cluster there? (${outcome.message})`,
          {
            cause: outcome,
          },
        );
      }
      await delay(waitMs, undefined, { signal: this.#options.signal });
    }
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** An error stands for whatever may pass: no connection, an answer cut short, 429, 5xx. */
  async #attempt(request: ClusterRequest): Promise<ClusterAnswer | Error> {
    try {
      const { status, text } = await this.#exchange(request);
      if (status === HTTP_TOO_MANY_REQUESTS || status >= HTTP_SERVER_ERROR) {
        return new Error(`HTTP ${status}: ${text.slice(0, 200)}`);
      }
      return { status, body: parseBody(text) };
    } catch (error: unknown) {
      const { cause } = error as { cause?: unknown };
      return cause instanceof Error ? cause : (error as Error);
    }
  }

  async #exchange({ method, path, body }: ClusterRequest): Promise<{ status: number; text: string }> {
    const contentType = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': contentType }),
    };
    const reply = await this.#transport.send(
      { method, path, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) },
      AbortSignal.timeout(REQUEST_DEADLINE_MS),
    );
    return { status: reply.statusCode, text: await reply.body.text() };
  }
}

function transportTo({ url, token }: ClusterAddress, dispatcher: Agent): ClusterTransport {
  return {
    server: url,
    send: ({ method, path, headers, body }, signal) =>
      request(new URL(path, url), {
        method,
        dispatcher,
        signal,
        headers: { ...headers, authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body }),
      }),
  };
}

/** Health checks and unknown paths answer in plain text. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
