import type { RequestOptions } from 'node:https';

import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, request } from 'undici';

import type { ClusterAccess } from './cluster-connection.ts';
import { connectCluster, newKubeConfig } from './cluster-connection.ts';

const CONNECTIONS = 8;

/**
 * Writes whole resources, as `simulate` needs it. It is apart from the connection of the service, which
 * reads, and changes nothing but the finalizer of strict mode.
 */
export interface ClusterWriter extends AsyncDisposable {
  /** URL of the API server, for people. */
  readonly server: string;
  send(message: ClusterWrite, signal: AbortSignal): Promise<Dispatcher.ResponseData>;
}

interface ClusterWrite {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

/** For commands that end after minutes: certificates are read once, the token for every request. */
export async function connectForWriting(access: ClusterAccess): Promise<ClusterWriter> {
  // Refuses in one sentence what cannot be used.
  const reader = connectCluster(access);
  const { server } = reader;
  await reader.close();
  const config = newKubeConfig();
  if (access.kubeconfig === '') config.loadFromCluster();
  else config.loadFromFile(access.kubeconfig);
  if (access.context !== '') config.setCurrentContext(access.context);
  const agent = agentFor(await credentialsOf(config), config.getCurrentCluster()?.skipTLSVerify === true);
  return {
    server,
    async send({ method, path, headers, body }, signal) {
      const { authorization } = authorizationOf(await credentialsOf(config));
      return request(new URL(path, server), {
        method,
        headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
        dispatcher: agent,
        signal,
        ...(body === undefined ? {} : { body }),
      });
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

async function credentialsOf(config: KubeConfig): Promise<RequestOptions> {
  const credentials: RequestOptions = {};
  await config.applyToHTTPSOptions(credentials);
  return credentials;
}

function authorizationOf({ headers = {} }: RequestOptions): { authorization?: string } {
  const [, value] = Object.entries(headers).find(([name]) => name.toLowerCase() === 'authorization') ?? [];
  // A token file may end in a line feed, which no header may.
  return value === undefined ? {} : { authorization: String(value).trim() };
}

function agentFor({ ca, cert, key }: RequestOptions, skipVerification: boolean): Agent {
  return new Agent({
    allowH2: false,
    connections: CONNECTIONS,
    connect: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key: key as string | Buffer }),
      rejectUnauthorized: !skipVerification,
    },
  });
}
