import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As large as a remediation's resources are in life: their status, and who managed which field of it. */
const RESOURCE_BYTES = 13_000;
const MANAGERS = 6;

/** A cluster that answers lists of one kind and keeps watches open, from pages that were prepared: it costs next to nothing. */
export interface PreparedCluster extends AsyncDisposable {
  readonly kubeconfig: string;
  /** The bytes of all resources, page by page, as a list is answered. */
  pages(): readonly Buffer[];
  /** Lines of a watch: each resource in turn in a new version. */
  events(count: number): PreparedEvents;
  /** Writes lines to all watches that are open. */
  send(lines: Buffer): void;
}

export interface PreparedEvents {
  readonly lines: Buffer;
  readonly lastVersion: string;
}

export async function startPreparedCluster(resources: number): Promise<PreparedCluster> {
  // Bytes, which do not count as heap: a hundred thousand resources are more than a heap may hold.
  const pages = new Map<string, Buffer>();
  const watches = new Set<ServerResponse>();
  let version = resources + 1;
  const pageOf = (from: number, limit: number): Buffer => {
    const upTo = Math.min(from + limit, resources);
    const rest = upTo < resources ? `,"continue":"${upTo}"` : '';
    const items = Array.from({ length: upTo - from }, (_, index) =>
      JSON.stringify(executionOf(from + index)),
    );
    return Buffer.from(
      `{"kind":"List","metadata":{"resourceVersion":"${resources + 1}"${rest}},"items":[${items.join(',')}]}`,
    );
  };
  const answerList = (url: URL, response: ServerResponse): void => {
    const [from, limit] = [
      Number(url.searchParams.get('continue') ?? 0),
      Number(url.searchParams.get('limit')),
    ];
    const key = `${from} ${limit}`;
    const page = pages.get(key) ?? pageOf(from, limit);
    pages.set(key, page);
    response.writeHead(200, { 'content-type': 'application/json' }).end(page);
  };
  const answerWatch = (response: ServerResponse): void => {
    response.writeHead(200).flushHeaders();
    watches.add(response);
    response.on('close', () => watches.delete(response));
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://cluster');
    if (!url.pathname.endsWith('/workflowexecutions')) response.writeHead(404).end('404 page not found');
    else if (url.searchParams.has('watch')) answerWatch(response);
    else answerList(url, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    kubeconfig: kubeconfigFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    pages: () => [...pages.values()],
    events: (count) => {
      const lines = Array.from({ length: count }, (_, index) => {
        version += 1;
        return `{"type":"MODIFIED","object":${JSON.stringify(executionOf(index % resources, version))}}\n`;
      });
      return { lines: Buffer.from(lines.join('')), lastVersion: String(version) };
    },
    send: (lines) => {
      for (const watch of watches) watch.write(lines);
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function executionOf(index: number, version = index + 1): object {
  const name = `rr-${index}`;
  const uid = (part: number): string =>
    `${String(index).padStart(8, '0')}-3e5f-4a2b-9c8d-${String(part).padStart(12, '0')}`;
  const execution = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'WorkflowExecution',
    metadata: {
      ...{ name: `we-${name}`, namespace: 'kubernaut-system', uid: uid(1) },
      ...{ resourceVersion: String(version), creationTimestamp: '2026-11-21T10:00:00Z' },
      managedFields: [] as object[],
    },
    spec: {
      remediationRequestRef: { kind: 'RemediationRequest', name, namespace: 'kubernaut-system', uid: uid(2) },
      workflowRef: { workflowId: 'restart-deployment', workflowName: 'Restart', version: '1.2.3' },
      targetResource: 'payments/Deployment/api',
      parameters: { REPLICAS: '3', REASON: 'memory pressure' },
      rationale: 'The deployment runs out of memory after each release. '.repeat(10),
      confidence: 0.93,
    },
    status: {
      phase: 'Running',
      startTime: '2026-11-21T10:00:00Z',
      executionRef: { name: `job-${name}` },
      // Each version says something new.
      executionStatus: { status: 'Running', totalTasks: version, completedTasks: 1 },
    },
  };
  execution.metadata.managedFields = managedFields(RESOURCE_BYTES - JSON.stringify(execution).length);
  return execution;
}

/** As an API server writes those of a custom resource: the members of each entry sorted. */
function managedFields(bytes: number): object[] {
  const manager = (index: number): object => ({
    ...{ apiVersion: 'kubernaut.ai/v1alpha1', fieldsType: 'FieldsV1' },
    fieldsV1: { 'f:status': {} as Record<string, object> },
    ...{ manager: `controller-${index}`, operation: 'Update', time: '2026-11-21T10:00:00Z' },
  });
  const managers = Array.from({ length: MANAGERS }, (_, index) => manager(index));
  const perManager = bytes / MANAGERS - JSON.stringify(managers[0]).length;
  const fieldOf = (index: number): string => `f:field${index}`;
  for (const one of managers) {
    const fields = (one as { fieldsV1: { 'f:status': Record<string, object> } }).fieldsV1['f:status'];
    for (let index = 0, size = 0; size < perManager; index += 1, size += 22)
      fields[fieldOf(index)] = { '.': {} };
  }
  return managers;
}

function kubeconfigFor(url: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'bench', user: { token: 'bench' } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
  });
}
