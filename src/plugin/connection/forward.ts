import { type AddressInfo, createServer, type Socket } from 'node:net';

import type { CoreV1Api, KubeConfig, V1Container, V1Pod, V1Service } from '@kubernetes/client-node';

import { SettingsError } from '../../config/settings.ts';
import { reasonOf, rootReasonOf } from '../../domain/errors.ts';
import { ApiError } from './api-client.ts';

/** The API behind a port of this machine, for as long as one command takes. */
export interface ForwardedService extends AsyncDisposable {
  readonly server: string;
  /** Name in its certificate; undefined where the pod answers http, within the connection to the API server. */
  readonly serverName: string | undefined;
  /** Why the last connection could not be passed on; undefined where each was. */
  readonly trouble: () => string | undefined;
}

interface Target {
  readonly namespace: string;
  readonly service: string;
  readonly pod: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** What the chart puts on the Service and its pods. */
const SELECTOR = 'app.kubernetes.io/name=remediation-audit,app.kubernetes.io/component=serve';
const REMEDY = 'name the API with --server (REMEDIATION_AUDIT_SERVER)';

/**
 * Finds the Service by the labels of the chart and forwards connections to a pod of it through the API server, as
 * `kubectl port-forward` does. What is sent stays within the TLS of the API server, which is who issued the token.
 */
export async function forwardToService(config: KubeConfig): Promise<ForwardedService> {
  const client = await import('@kubernetes/client-node');
  const cluster = config.getCurrentCluster()?.server ?? '';
  const target = await targetIn(config.makeApiClient(client.CoreV1Api), cluster);
  const forward = new client.PortForward(config, true);
  const sockets = new Set<Socket>();
  let trouble: string | undefined;
  const listener = createServer((socket) => {
    sockets.add(socket.once('close', () => sockets.delete(socket)));
    const open = () => forward.portForward(target.namespace, target.pod, [target.port], socket, null, socket);
    void pass(socket, open).catch((error: unknown) => {
      const where = `pod ${target.namespace}/${target.pod}`;
      trouble = `cannot forward a port to ${where}: ${reasonOf(error)}; you need create on pods/portforward there, or ${REMEDY}`;
      socket.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = listener.address() as AddressInfo;
  return {
    server: `${target.isTls ? 'https' : 'http'}://127.0.0.1:${port}`,
    trouble: () => trouble,
    serverName: target.isTls ? `${target.service}.${target.namespace}.svc` : undefined,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

/** Structurally what a WebSocket of the Kubernetes client is. */
interface Tunnel {
  close(): void;
}

/** Rejects where no tunnel can be opened; whoever connected learns no more than that the connection ended. */
async function pass(socket: Socket, open: () => Promise<Tunnel | (() => Tunnel | null)>): Promise<void> {
  socket.on('error', () => socket.destroy());
  const opened = await open();
  const tunnel = typeof opened === 'function' ? opened() : opened;
  socket.once('close', () => tunnel?.close());
  (tunnel as unknown as EventTarget | null)?.addEventListener('close', () => socket.end());
}

async function targetIn(api: CoreV1Api, cluster: string): Promise<Target> {
  const { items } = await asked(cluster, 'list services', () =>
    api.listServiceForAllNamespaces({ labelSelector: SELECTOR }),
  );
  // The chart may give the Service a second name, which has no pods of its own.
  const services = items.filter(({ spec }) => spec?.selector !== undefined);
  const [service, ...others] = services;
  if (service === undefined)
    throw new SettingsError([`no Service of this cluster has the labels ${SELECTOR}: ${REMEDY}`]);
  if (others.length > 0)
    throw new SettingsError([
      `several Services are remediation-audit: ${services.map(nameOf).join(', ')}; ${REMEDY}`,
    ]);
  const namespace = service.metadata?.namespace ?? '';
  const { items: pods } = await asked(cluster, `list pods of namespace ${namespace}`, () =>
    api.listNamespacedPod({ namespace, labelSelector: selectorOf(service) }),
  );
  const pod = pods.find(isReady);
  if (pod === undefined)
    throw new SettingsError([
      `no pod of Service ${nameOf(service)} is ready: wait until one is, or ${REMEDY}`,
    ]);
  return { namespace, service: service.metadata?.name ?? '', pod: pod.metadata?.name ?? '', ...portOf(pod) };
}

/** A cluster that refuses is a wrong configuration; one that does not answer has failed. */
async function asked<T>(cluster: string, what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error: unknown) {
    if (error instanceof Error && error.cause !== undefined)
      throw new ApiError(
        `cannot reach the cluster of the kubeconfig, ${cluster}, to find the API: ${rootReasonOf(error)}; check --kubeconfig and --context, or ${REMEDY}`,
        undefined,
        { cause: error },
      );
    // The client's message goes on with the headers of the answer.
    const [reason = ''] = reasonOf(error).split('\n');
    throw new SettingsError([`cannot ${what} to find the API: ${reason}; ${REMEDY}`]);
  }
}

function nameOf({ metadata }: V1Service): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

function selectorOf({ spec }: V1Service): string {
  return Object.entries(spec?.selector ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function isReady({ status }: V1Pod): boolean {
  return (status?.conditions ?? []).some(({ type, status: is }) => type === 'Ready' && is === 'True');
}

/** The chart calls the port http, also where it speaks TLS; the probe says which of them it speaks. */
function portOf({ spec }: V1Pod): Pick<Target, 'port' | 'isTls'> {
  const isServing = (container: V1Container): boolean =>
    (container.ports ?? []).some(({ name }) => name === 'http');
  const container = spec?.containers.find(isServing);
  const port = container?.ports?.find(({ name }) => name === 'http')?.containerPort;
  if (port === undefined) throw new SettingsError([`the pods of the API have no port http; ${REMEDY}`]);
  return { port, isTls: container?.readinessProbe?.httpGet?.scheme === 'HTTPS' };
}
