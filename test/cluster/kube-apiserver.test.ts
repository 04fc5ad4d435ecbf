import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

import { type KubeApiserver, startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { resolveServer } from '../support/servers.ts';

const GROUP = 'test.remediation-audit.local';
const NOTES = `/apis/${GROUP}/v1/namespaces/default/notes`;
const CRD = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `notes.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'notes', singular: 'note', kind: 'Note' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        },
      },
    ],
  },
};
const WAIT = { timeout: 30_000, interval: 100 };

let dataDir: string;
let binaries: { apiserver: string; etcd: string };
let cluster: KubeApiserver;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kube-apiserver-test-'));
  binaries = { etcd: await resolveServer('etcd'), apiserver: await resolveServer('kube-apiserver') };
  cluster = await startKubeApiserver({ dataDir, binaries });
  expect(
    (await call('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', { body: CRD })).status,
  ).toBe(201);
  await vi.waitFor(async () => {
    expect((await call('GET', NOTES)).status).toBe(200);
  }, WAIT);
});

afterAll(async () => {
  await cluster.stop();
  await rm(dataDir, { recursive: true, force: true });
});

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function call(
  method: 'GET' | 'POST',
  path: string,
  options: { body?: unknown; token?: string } = {},
): Promise<Answer> {
  const dispatcher = new Agent({ connect: { ca: cluster.caPem } });
  const { statusCode, body } = await request(`${cluster.url}${path}`, {
    dispatcher,
    method,
    headers: {
      authorization: `Bearer ${options.token ?? cluster.token}`,
      'content-type': 'application/json',
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const answer = { status: statusCode, body: (await body.json()) as Answer['body'] };
  await dispatcher.close();
  return answer;
}

async function createNote(name: string): Promise<number> {
  const note = { apiVersion: `${GROUP}/v1`, kind: 'Note', metadata: { name }, spec: { text: 'restart-api' } };
  return (await call('POST', NOTES, { body: note })).status;
}

async function noteNames(): Promise<string[]> {
  const { body } = await call('GET', NOTES);
  return (body.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
}

test('the API server is the pinned version', async () => {
  const { body } = await call('GET', '/version');
  expect(body).toMatchObject({ major: '1', minor: '34', gitVersion: 'v1.34.10' });
});

test('a custom resource is created and listed over HTTPS with the token', async () => {
  expect(await createNote('created')).toBe(201);
  expect(await noteNames()).toContain('created');
});

test('a wrong token is refused', async () => {
  expect((await call('GET', NOTES, { token: 'wrong' })).status).toBe(401);
});

test('the kubeconfig lets the Kubernetes client in', async () => {
  const config = new KubeConfig();
  config.loadFromFile(cluster.kubeconfigPath);
  const api = config.makeApiClient(CustomObjectsApi);
  const list = (await api.listNamespacedCustomObject({
    group: GROUP,
    version: 'v1',
    namespace: 'default',
    plural: 'notes',
  })) as { kind: string };
  expect(list.kind).toBe('NoteList');
});

test('a killed API server comes back at the same address with its resources', async () => {
  expect(await createNote('before-the-kill')).toBe(201);
  const { url, apiserver: killed } = cluster;
  killed.signal('SIGKILL');
  await killed.exited;
  await cluster.restartApiserver();
  expect(cluster.url).toBe(url);
  expect(cluster.apiserver.pid).not.toBe(killed.pid);
  await expect.poll(noteNames, WAIT).toContain('before-the-kill');
});

test('a second start in the same folder continues with its resources and its token', async () => {
  expect(await createNote('kept')).toBe(201);
  const { token } = cluster;
  await cluster.stop();
  cluster = await startKubeApiserver({ dataDir, binaries });
  expect(cluster.token).toBe(token);
  await expect.poll(async () => (await call('GET', NOTES)).status, WAIT).toBe(200);
  expect(await noteNames()).toContain('kept');
});

test('stopping ends both processes', async () => {
  const { etcd, apiserver } = cluster;
  await cluster.stop();
  await Promise.all([etcd.exited, apiserver.exited]);
  for (const { pid } of [etcd, apiserver]) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  cluster = await startKubeApiserver({ dataDir, binaries });
});

test('an API server that cannot start says why and leaves nothing running', async () => {
  const other = await mkdtemp(join(tmpdir(), 'kube-apiserver-broken-'));
  const starting = startKubeApiserver({ dataDir: other, binaries, apiserverFlags: ['--no-such-flag'] });
  await expect(starting).rejects.toThrow('unknown flag: --no-such-flag');
  await rm(other, { recursive: true, force: true });
});

test('secrets are readable by their owner only', async () => {
  const kubeconfig = await readFile(cluster.kubeconfigPath, 'utf8');
  expect(kubeconfig).toContain(cluster.token);
  for (const file of ['kubeconfig', 'token', 'tokens.csv', 'service-account.key']) {
    expect((await stat(join(dataDir, file))).mode & 0o077).toBe(0);
  }
});
