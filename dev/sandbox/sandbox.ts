import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { definitionOf } from './definitions.ts';
import { KindRegistry } from './kind-registry.ts';
import type { Kind } from './kinds.ts';
import { collectionOf, CUSTOM_RESOURCE_DEFINITION, KUBERNAUT_KINDS, NAMESPACE } from './kinds.ts';
import type { JsonObject } from './object.ts';
import { Persistence } from './persistence.ts';
import type { Fault } from './request-handler.ts';
import { RequestHandler } from './request-handler.ts';
import { Resources } from './resources.ts';
import type { Change } from './store.ts';
import { Store } from './store.ts';
import type { WatchSettings } from './watch-stream.ts';

export interface SandboxOptions {
  /** Default: any free port of 127.0.0.1. */
  port?: number;
  /** Bearer token of every request. Default: a new one. */
  token?: string;
  /** Keeps the objects and versions; a second start continues with them. Default: memory only. */
  dataDir?: string;
  /** Kinds that exist from the start. Default: those of `deploy/crds-for-tests/`. */
  kinds?: readonly Kind[];
  /** Namespaces that exist from the start, besides `default` and `kube-system`. */
  namespaces?: readonly string[];
  /** Changes kept for watches and pages; what is older answers 410. Default 1000. */
  historyLimit?: number;
  watch?: Partial<WatchSettings>;
  intercept?: (request: IncomingMessage, response: ServerResponse) => Fault | undefined;
  /** Milliseconds since the epoch. Default: the system clock. */
  now?: () => number;
  /** Numbers in [0, 1) for deadlines nobody asked for. */
  random?: () => number;
  /** For uids and generated names. */
  uuid?: () => string;
}

/** A Kubernetes API in this process: custom resources, namespaces, and nothing that runs. */
export interface Sandbox extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
  /** The text of a kubeconfig file. */
  readonly kubeconfig: string;
  readonly store: Store;
  /** Adds a kind, or does nothing when it is there. */
  registerKind(kind: Kind): void;
  /** Ends every watch cleanly, then the server; the state is on disk when this resolves. */
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const TOKEN_BYTES = 24;
/** Longer than clients keep idle connections, so that they close first and never race a closing server. */
const KEEP_ALIVE_MS = 120_000;
/** What a request in progress may still take when the server stops. */
const STOP_GRACE_MS = 1_000;

const WATCH_DEFAULTS: WatchSettings = {
  bookmarkIntervalMs: 60_000,
  bookmarkBeforeEndMs: 2_000,
  maxBufferedBytes: 16 * 1024 * 1024,
  goneAs: 'stream',
};

/** Starts the in-process API server. The conformance suite holds it to what a real one does. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const persistence = options.dataDir === undefined ? undefined : new Persistence(options.dataDir);
  try {
    return await serve(options, persistence);
  } catch (error: unknown) {
    persistence?.close();
    throw error;
  }
}

async function serve(options: SandboxOptions, persistence: Persistence | undefined): Promise<Sandbox> {
  const store = openStore(options, persistence);
  const registry = new KindRegistry(store);
  const { now = Date.now, uuid = randomUUID, random = Math.random } = options;
  const resources = new Resources({ store, now, uuid });
  const registerKind = (kind: Kind): void => {
    createUnlessThere(store, resources, CUSTOM_RESOURCE_DEFINITION, definitionOf(kind));
  };
  for (const kind of options.kinds ?? KUBERNAUT_KINDS) registerKind(kind);
  // kube-system by its uid says which cluster this is.
  for (const name of ['default', 'kube-system', ...(options.namespaces ?? [])]) {
    createUnlessThere(store, resources, NAMESPACE, { metadata: { name } });
  }
  const token = options.token ?? randomBytes(TOKEN_BYTES).toString('hex');
  const watch = { ...WATCH_DEFAULTS, ...options.watch };
  const { intercept } = options;
  const handler = new RequestHandler({ store, registry, resources, watch, token, random, intercept });
  const server = await listen(handler, options.port ?? 0);
  const stop = once(async () => {
    handler.endWatches();
    await server.close();
    persistence?.fold(store);
    persistence?.close();
  });
  const { url } = server;
  const kubeconfig = kubeconfigFor(url, token);
  return { url, token, kubeconfig, store, registerKind, stop, [Symbol.asyncDispose]: stop };
}

function openStore({ historyLimit }: SandboxOptions, persistence: Persistence | undefined): Store {
  if (!persistence) return new Store({ historyLimit });
  const journal = (change: Change): void => {
    persistence.append(change);
  };
  const store = new Store({ historyLimit, journal, initial: persistence.initial });
  persistence.follow(store);
  return store;
}

interface Named extends JsonObject {
  metadata: { name: string };
}

function createUnlessThere(store: Store, resources: Resources, kind: Kind, body: Named): void {
  if (!store.get(collectionOf(kind), body.metadata.name)) resources.create({ kind }, body);
}

interface Listening {
  url: string;
  close(): Promise<void>;
}

async function listen(handler: RequestHandler, port: number): Promise<Listening> {
  const server = createServer((request, response) => {
    void handler.handle(request, response);
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = `cannot serve the sandbox cluster at ${HOST}:${port} (${error.code ?? error.message}): choose another port`;
      reject(new Error(why, { cause: error }));
    });
    server.listen(port, HOST, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const cut = setTimeout(() => {
        server.closeAllConnections();
      }, STOP_GRACE_MS);
      server.close((error) => {
        clearTimeout(cut);
        if (error) reject(error);
        else resolve();
      });
      server.closeIdleConnections();
    });
  return { url: `http://${HOST}:${(server.address() as AddressInfo).port}`, close };
}

function once(action: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= action());
}

function kubeconfigFor(url: string, token: string): string {
  return `apiVersion: v1
kind: Config
current-context: sandbox
clusters:
  - name: sandbox
    cluster:
      server: ${url}
      # Plain HTTP on the loopback interface: some clients refuse that without this word.
      insecure-skip-tls-verify: true
users:
  - name: sandbox
    user:
      token: ${token}
contexts:
  - name: sandbox
    context:
      cluster: sandbox
      user: sandbox
      namespace: default
`;
}
