import type { RequestOptions } from 'node:https';

import { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, request } from 'undici';

const CONNECT_TIMEOUT_MS = 10_000;
const HEADERS_TIMEOUT_MS = 15_000;
const KEEP_ALIVE_PROBE_MS = 15_000;
const CONNECTIONS = 8;

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
  close(): Promise<void>;
}

export class ClusterAccessError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ClusterAccessError';
  }
}

/**
 * One pool of HTTP/1.1 connections for everything asked of one API server. The Kubernetes client is used for what it
 * does well, credentials: its own requests make a new agent each, and its watch gives up after 30 quiet seconds.
 */
export function connectCluster(access: ClusterAccess): ClusterConnection {
  const config = loadKubeConfig(access);
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw new ClusterAccessError(`${nameOf(access)} names no cluster: choose a context with --context`);
  const agents = createAgentCache();
  return {
    server: cluster.server,
    async get(path, signal) {
      const credentials: RequestOptions = {};
      // Asked for every request: it reads rotated tokens and certificates from their files anew.
      await config.applyToHTTPSOptions(credentials);
      return request(new URL(path, cluster.server), {
        method: 'GET',
        headers: { accept: 'application/json', ...headersOf(credentials) },
        dispatcher: agents.agentFor(credentials, cluster.skipTLSVerify),
        signal,
      });
    },
    close: () => agents.close(),
  };
}

function loadKubeConfig(access: ClusterAccess): KubeConfig {
  const config = new KubeConfig();
  try {
    if (access.kubeconfig === '') config.loadFromCluster();
    else config.loadFromFile(access.kubeconfig);
  } catch (error: unknown) {
    // A YAML error goes on with a drawing of the place; its first line says what and where.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
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
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** One agent as long as the certificates stay the same; a new one, and the end of the old one, when they change. */
function createAgentCache() {
  let current: { key: string; agent: Agent } | undefined;
  return {
    agentFor(credentials: RequestOptions, skipVerification: boolean | undefined): Agent {
      const { ca, cert, key } = credentials;
      const fingerprint = JSON.stringify([ca, cert, key].map(String));
      if (current?.key === fingerprint) return current.agent;
      void current?.agent.close();
      const agent = new Agent({
        allowH2: false,
        connections: CONNECTIONS,
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
