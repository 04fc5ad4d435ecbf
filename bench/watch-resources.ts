import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** As large as a remediation's resources are in life: their status, and who managed which field of it. */
const RESOURCE_BYTES = 13_000;
const MANAGERS = 6;

/** A cluster that answers lists of one kind and keeps watches open, from pages that were prepared: it costs next to nothing. */
export interface PreparedCluster extends AsyncDisposable {
  readonly kubeconfig: string;
  /** The bytes of all resources, page by page, as the last complete list was answered. */
  pages(): readonly string[];
}

export async function startPreparedCluster(resources: number): Promise<PreparedCluster> {
  const items = Array.from({ length: resources }, (_, index) => JSON.stringify(executionOf(index)));
  let pages: string[] = [];
  const answerList = (url: URL, response: ServerResponse): void => {
    const from = Number(url.searchParams.get('continue') ?? 0);
    const upTo = Math.min(from + Number(url.searchParams.get('limit')), resources);
    const rest = upTo < resources ? `,"continue":"${upTo}"` : '';
    const page = `{"kind":"List","metadata":{"resourceVersion":"${resources + 1}"${rest}},"items":[${items.slice(from, upTo).join(',')}]}`;
    if (from === 0) pages = [];
    pages.push(page);
    response.writeHead(200, { 'content-type': 'application/json' }).end(page);
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://cluster');
    if (!url.pathname.endsWith('/workflowexecutions')) response.writeHead(404).end('404 page not found');
    else if (url.searchParams.has('watch')) response.writeHead(200).flushHeaders();
    else answerList(url, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    kubeconfig: kubeconfigFor(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    pages: () => pages,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function executionOf(index: number): object {
  const name = `rr-${index}`;
  const uid = (part: number): string =>
    `${String(index).padStart(8, '0')}-3e5f-4a2b-9c8d-${String(part).padStart(12, '0')}`;
  const execution = {
    apiVersion: 'kubernaut.ai/v1alpha1',
    kind: 'WorkflowExecution',
    metadata: {
      ...{ name: `we-${name}`, namespace: 'kubernaut-system', uid: uid(1) },
      ...{ resourceVersion: String(index + 1), creationTimestamp: '2026-11-21T10:00:00Z' },
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
      executionStatus: { status: 'Running', totalTasks: 3, completedTasks: 1 },
    },
  };
  execution.metadata.managedFields = managedFields(RESOURCE_BYTES - JSON.stringify(execution).length);
  return execution;
}

function managedFields(bytes: number): object[] {
  const manager = (index: number): object => ({
    ...{ manager: `controller-${index}`, operation: 'Update', time: '2026-11-21T10:00:00Z' },
    fieldsV1: { 'f:status': {} as Record<string, object> },
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
