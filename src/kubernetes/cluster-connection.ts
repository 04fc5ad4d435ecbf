/*
 * The connection to one Kubernetes API server: get, list, watch, patch, and the reviews of tokens and rights.
 *
 * What comes in: a kubeconfig, or the service account of the pod. What goes out: requests with a deadline, and errors that
 * name the server, the request and what to check. Credentials are the library's business, since it renews them; requests
 * are ours, because a watch has to end at a time that we decide and its stream is read piece by piece.
 */
import type { RequestOptions } from 'node:https';
import { createRequire } from 'node:module';

import type * as KubernetesClient from '@kubernetes/client-node';
import type { Cluster, KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, request } from 'undici';

import { EndingError, reasonOf } from '../domain/errors.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_PROBE_MS = 15_000;
const CONNECTIONS = 8;
/** Reading the files again for every refused request would be work for nothing: they change once an hour. */
const LEAST_RELOAD_MS = 1_000;

export interface ClusterAccess {
  /** File to read; empty for the pod's own service account. */
  kubeconfig: string;
  /** Context in that file; empty for its current one. */
  context: string;
}

export interface ClusterConnection {
  /** URL of the API server, for people. */
  readonly server: string;
  /** A GET below the API server's root. The caller reads or destroys the body. */
  get(path: string, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** The same for an answer that lasts: watches have connections of their own, so that they never keep a call waiting. */
  watch(path: string, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** A POST whose answer is a judgement, such as a TokenReview: it changes nothing. */
  review(path: string, body: string, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** The only way to change anything: strict mode and its commands use it, for their finalizer. */
  patch(path: string, patch: ObjectPatch, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
  /** Reads the kubeconfig and the token anew: after a refusal, the ones at hand may be those of yesterday. */
  reloadCredentials(): void;
  close(): Promise<void>;
}

export interface ObjectPatch {
  /** Its media type says how the API server merges it. */
  readonly type: 'application/apply-patch+yaml' | 'application/merge-patch+json';
  readonly body: string;
}

interface ClusterRequest {
  readonly path: string;
  /** Default GET. */
  readonly method?: 'GET' | 'POST' | 'PATCH';
  readonly body?: string;
  /** Media type of the body. Default JSON. */
  readonly type?: string;
  readonly signal: AbortSignal;
}

export class ClusterAccessError extends EndingError {
  readonly ending = 'configuration';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ClusterAccessError';
  }
}

/**
 * Few HTTP/1.1 connections for everything asked of one API server. The Kubernetes client is used for what it does well,
 * credentials: its own requests make a new agent each, and its watch gives up after 30 quiet seconds.
 */
export function connectCluster(access: ClusterAccess): ClusterConnection {
  let config = loadKubeConfig(access);
  let loadedAt = performance.now();
  const server = clusterOf(config, access).server;
  const calls = createAgentCache(CONNECTIONS);
  const watches = createAgentCache(null);
  const send = async (agents: AgentCache, { path, method = 'GET', body, type, signal }: ClusterRequest) => {
    const credentials: RequestOptions = {};
    // QueryOptions for every request: it reads rotated tokens and certificates from their files anew.
    await config.applyToHTTPSOptions(credentials);
    return request(new URL(path, server), {
      method,
      headers: {
        ...headersOf(credentials),
        accept: 'application/json',
        'content-type': type ?? 'application/json',
      },
      ...(body === undefined ? {} : { body }),
      dispatcher: agents.agentFor(credentials, clusterOf(config, access).skipTLSVerify),
      signal,
    });
  };
  return {
    server,
    get: (path, signal) => send(calls, { path, signal }),
    watch: (path, signal) => send(watches, { path, signal }),
    review: (path, body, signal) => send(calls, { path, method: 'POST', body, signal }),
    patch: (path, patch, signal) => send(calls, { path, method: 'PATCH', ...patch, signal }),
    reloadCredentials() {
      if (performance.now() - loadedAt < LEAST_RELOAD_MS) return;
      config = loadKubeConfig(access);
      loadedAt = performance.now();
    },
    async close() {
      await Promise.all([calls.close(), watches.close()]);
    },
  };
}

/** The name of the context that is used, for people and as a name for its cluster. */
export function contextOf(access: ClusterAccess): string {
  return loadKubeConfig(access).getCurrentContext();
}

function clusterOf(config: KubeConfig, access: ClusterAccess): Cluster {
  const cluster = config.getCurrentCluster();
  if (cluster !== null) return cluster;
  throw new ClusterAccessError(`${nameOf(access)} has no cluster: choose a context with --context`);
}

/**
 * The library holds the code of every API of Kubernetes, 17 MB of text. It is loaded with the first cluster, so that processes and
 * commands that ask none do without it; at once, because configuration is checked without waiting.
 */
export function newKubeConfig(): KubeConfig {
  const library = createRequire(import.meta.url)('@kubernetes/client-node') as typeof KubernetesClient;
  return new library.KubeConfig();
}

function loadKubeConfig(access: ClusterAccess): KubeConfig {
  const config = newKubeConfig();
  try {
    if (access.kubeconfig === '') config.loadFromCluster();
    else config.loadFromFile(access.kubeconfig);
  } catch (error: unknown) {
    // A YAML error goes on with a drawing of the place; its first line says what and where.
    const [reason = ''] = reasonOf(error).split('\n');
    throw new ClusterAccessError(
      `cannot read ${nameOf(access)}: ${reason}; name a readable file with KUBECONFIG or --kubeconfig`,
      { cause: error },
    );
  }
  if (access.context === '') return config;
  if (config.getContextObject(access.context) === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new ClusterAccessError(
      `${nameOf(access)} has no context ${access.context}; it has ${known.join(', ')}`,
    );
  }
  config.setCurrentContext(access.context);
  return config;
}

function nameOf(access: ClusterAccess): string {
  return access.kubeconfig === '' ? "the pod's service account" : `kubeconfig ${access.kubeconfig}`;
}

function headersOf(credentials: RequestOptions): Record<string, string> {
  const headers = credentials.headers;
  if (headers === undefined || Array.isArray(headers)) return {};
  return Object.fromEntries(
    // A token file may end in a line feed, which no header may.
    Object.entries(headers).map(([name, value]) => [name, String(value).trim()]),
  );
}

interface AgentCache {
  agentFor(credentials: RequestOptions, skipVerification: boolean | undefined): Agent;
  close(): Promise<void>;
}

/** One agent as long as the certificates stay the same; a new one, and the end of the old one, when they change. */
function createAgentCache(connections: number | null): AgentCache {
  let current: { key: string; agent: Agent } | undefined;
  return {
    agentFor(credentials: RequestOptions, skipVerification: boolean | undefined): Agent {
      const { ca, cert, key } = credentials;
      const fingerprint = JSON.stringify([ca, cert, key].map(String));
      if (current?.key === fingerprint) return current.agent;
      void current?.agent.close();
      const agent = new Agent({
        allowH2: false,
        connections,
        headersTimeout: HEADERS_TIMEOUT_MS,
        // A watch may be silent for as long as its owner allows; the owner has a deadline of its own.
        bodyTimeout: 0,
        connect: {
          ...(ca === undefined ? {} : { ca }),
          ...(cert === undefined ? {} : { cert }),
          ...(key === undefined ? {} : { key: key as string | Buffer }),
          rejectUnauthorized: skipVerification !== true,
          timeout: CONNECT_TIMEOUT_MS,
          keepAlive: true,
          keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
        },
      });
      current = { key: fingerprint, agent };
      return agent;
    },
    async close(): Promise<void> {
      await current?.agent.destroy();
    },
  };
}
