import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type KubeApiserver, startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { createKubernetesGate } from '../../src/api/auth/kubernetes-gate.ts';
import { type RunningApi, startApi } from '../../src/api/http/server.ts';
import { type ClusterConnection, connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { testApiOptions } from '../support/api.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runPlugin } from '../support/kubectl-plugin.ts';
import { startPortForwardKubelet } from '../support/port-forward-kubelet.ts';
import { repositoryPath } from '../support/repository.ts';
import { resolveServer } from '../support/servers.ts';
import { type ClusterAdmin, clusterAdmin } from '../support/service-account.ts';

/*
 * Who `kubectl remediation` asks, and as whom: identities of a kubeconfig, judged by a real API server, a service that speaks TLS,
 * and a port that the API server forwards to a pod.
 */

/** For `audit.default.svc`, and vouched for by itself. */
const tlsFixture = (name: string): string => repositoryPath(`test/api/fixtures/tls/${name}`);

const silent = createLogger('silent', 'test');

let folder: string;
let cluster: KubeApiserver;
let admin: ClusterAdmin;
let connection: ClusterConnection;
let database: TestDatabase;
/** Over TLS with a certificate for its address, over TLS with one for its Service alone, and without. */
let secured: RunningApi;
let inCluster: RunningApi;
let plain: RunningApi;
let authority: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remediation-audit-connections-'));
  const binaries = { etcd: await resolveServer('etcd'), apiserver: await resolveServer('kube-apiserver') };
  cluster = await startKubeApiserver({ dataDir: join(folder, 'cluster'), binaries });
  admin = clusterAdmin(cluster.kubeconfigPath);
  await admin.create('/api/v1/namespaces/default/serviceaccounts', {
    ...{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'stranger' } },
  });
  connection = connectCluster({ kubeconfig: cluster.kubeconfigPath, context: '' });
  database = await createTestDatabase();
  // The certificate that the API server made itself is one for this address.
  authority = join(folder, 'cluster', 'certificates', 'apiserver.crt');
  const tls = { certificatePath: authority, keyPath: authority.replace(/crt$/, 'key') };
  const gate = () => createKubernetesGate({ reviewer: connection, logger: silent });
  const guarded = () => testApiOptions(database, { authMode: 'kubernetes', gate: gate() });
  secured = await startApi({ ...guarded(), tls });
  const ofService = { certificatePath: tlsFixture('service.crt'), keyPath: tlsFixture('service.key') };
  inCluster = await startApi({ ...guarded(), tls: ofService });
  plain = await startApi(guarded());
});
afterAll(async () => {
  await secured.stop();
  await inCluster.stop();
  await plain.stop();
  await database.close();
  await connection.close();
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A kubeconfig of the cluster with another user. */
async function kubeconfigOf(name: string, user: object): Promise<string> {
  const config = JSON.parse(await readFile(cluster.kubeconfigPath, 'utf8')) as Record<string, unknown>;
  const [known] = config['users'] as { name: string }[];
  const file = join(folder, `${name}.kubeconfig`);
  await writeFile(file, JSON.stringify({ ...config, users: [{ name: known?.name, user }] }));
  return file;
}

/** A program that prints a credential, as cloud providers have them. */
async function execPlugin(name: string, script: string) {
  const command = join(folder, name);
  await writeFile(command, `#!/bin/sh\n${script}\n`);
  await chmod(command, 0o755);
  return {
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' },
  };
}

const list = (kubeconfig: string, ...args: readonly string[]) =>
  runPlugin(['list', '-A', '--kubeconfig', kubeconfig, ...args]);
const overTls = (kubeconfig: string) =>
  list(kubeconfig, '--server', secured.url, '--certificate-authority', authority);

/** Nothing is recorded, and nobody ever watched: an answer all the same. */
const ANSWERED = { code: 3, stderr: expect.stringMatching(/no remediation matches/) as string };

describe('the user of a kubeconfig', () => {
  test('with a token is let in, over TLS', async () => {
    expect(await overTls(cluster.kubeconfigPath)).toMatchObject(ANSWERED);
  });

  test('with a token in a file', async () => {
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, cluster.token);
    expect(await overTls(await kubeconfigOf('file', { tokenFile }))).toMatchObject(ANSWERED);
  });

  test('with a token file that is gone is told to log in', async () => {
    const { code, stderr } = await overTls(await kubeconfigOf('gone', { tokenFile: 'gone' }));
    expect(stderr).toMatch(
      /cannot read the token of user \S+ of the kubeconfig: ENOENT.*; log in as for kubectl/,
    );
    expect(code).toBe(3);
  });

  test('with an exec plugin', async () => {
    const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
    const printed = JSON.stringify({ ...credential, status: { token: cluster.token } });
    const user = await execPlugin('login', `echo '${printed}'`);
    expect(await overTls(await kubeconfigOf('exec', user))).toMatchObject(ANSWERED);
  });

  test('with an exec plugin that fails is told to log in', async () => {
    const user = await execPlugin('logged-out', 'echo "no session" >&2; exit 1');
    const { code, stderr } = await overTls(await kubeconfigOf('logged-out', user));
    expect(stderr).toMatch(
      /cannot get the token of user \S+ of the kubeconfig: .*; log in as for kubectl, or name a file with --token-file/s,
    );
    expect(code).toBe(3);
  });

  test('with a client certificate alone is told how to get a token', async () => {
    const [certificate, key] = await Promise.all(
      [authority, authority.replace(/crt$/, 'key')].map((file) => readFile(file, 'base64')),
    );
    const user = { 'client-certificate-data': certificate, 'client-key-data': key };
    const { code, stderr } = await overTls(await kubeconfigOf('certificate', user));
    expect(stderr).toMatch(
      /has no bearer token, .*`kubectl create token SERVICE_ACCOUNT .*--token-file token/,
    );
    expect(code).toBe(3);
  });

  test('without the right is told who grants it', async () => {
    const { code, stderr } = await overTls(
      await kubeconfigOf('stranger', { token: await admin.tokenOf('stranger') }),
    );
    expect(stderr).toMatch(
      /may not read here: .*; whoever administers the cluster grants verbs get and list/,
    );
    expect(code).toBe(1);
  });

  test('whose token nobody knows is told to renew it', async () => {
    const { code, stderr } = await overTls(await kubeconfigOf('nobody', { token: 'of-another-cluster' }));
    expect(stderr).toMatch(/does not accept the token of user \S+ of the kubeconfig: .*; log in again/);
    expect([code, stderr.includes('of-another-cluster')]).toEqual([1, false]);
  });
});

test('a certificate that nobody vouches for is refused, with the flag that names who does', async () => {
  const { code, stderr } = await list(cluster.kubeconfigPath, '--server', secured.url);
  expect(stderr).toMatch(/cannot reach https:\S+: .*certificate.*; name the file .*--certificate-authority/i);
  expect(code).toBe(1);
});

describe('without a server', () => {
  const LABELS = { 'app.kubernetes.io/name': 'remediation-audit', 'app.kubernetes.io/component': 'serve' };
  const metadata = { name: 'audit', labels: LABELS };
  const NAMESPACE = '/api/v1/namespaces/default';

  /** The part of a resource that its controllers write. */
  async function patchStatus(path: string, status: object): Promise<void> {
    await using dispatcher = closing(new Agent({ connect: { ca: cluster.caPem } }));
    const { statusCode, body } = await request(`${cluster.url}${path}/status`, {
      ...{ dispatcher: dispatcher.agent, method: 'PATCH', body: JSON.stringify({ status }) },
      headers: {
        authorization: `Bearer ${cluster.token}`,
        'content-type': 'application/merge-patch+json',
      },
    });
    expect(statusCode, await body.text()).toBe(200);
  }

  const closing = (agent: Agent) => ({ agent, [Symbol.asyncDispose]: () => agent.close() });
  const withoutServer = (...args: readonly string[]) => list(cluster.kubeconfigPath, ...args);

  /** A kubelet that forwards to the port, and a ready pod of it. */
  async function startPod(name: string, api: RunningApi) {
    const port = Number(new URL(api.url).port);
    const certificate = {
      cert: await readFile(authority, 'utf8'),
      key: await readFile(authority.replace(/crt$/, 'key'), 'utf8'),
    };
    const kubelet = await startPortForwardKubelet(certificate, port);
    await admin.create('/api/v1/nodes', {
      ...{ apiVersion: 'v1', kind: 'Node', metadata: { name: `node-of-${name}` } },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        daemonEndpoints: { kubeletEndpoint: { Port: kubelet.port } },
      },
    });
    const httpGet = {
      path: '/readyz',
      port: 'http',
      scheme: api.url.startsWith('https:') ? 'HTTPS' : 'HTTP',
    };
    const ports = [{ name: 'http', containerPort: port }];
    await admin.create(`${NAMESPACE}/pods`, {
      ...{ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name } },
      spec: {
        nodeName: `node-of-${name}`,
        containers: [{ name: 'serve', image: 'none', ports, readinessProbe: { httpGet } }],
      },
    });
    await setReady(name, true);
    return kubelet;
  }

  const setReady = (name: string, isReady: boolean): Promise<void> =>
    patchStatus(`${NAMESPACE}/pods/${name}`, {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
    });

  test('it says what is missing of the service, and forwards a port to its pod once nothing is', async () => {
    const none = await withoutServer();
    expect(none.stderr).toMatch(/no Service of this cluster has the labels .*: name the API with --server/);
    expect(none.code).toBe(3);
    const ports = [{ name: 'http', port: 8085, targetPort: 'http' }];
    await admin.create(`${NAMESPACE}/services`, {
      ...{ apiVersion: 'v1', kind: 'Service', metadata },
      spec: { selector: LABELS, ports },
    });
    expect(await withoutServer()).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /no pod of Service default\/audit is ready: wait until one is, or/,
      ) as string,
    });
    await using kubelet = await startPod('audit', plain);
    expect(await withoutServer()).toMatchObject(ANSWERED);
    expect(kubelet.asked[0]).toMatch(/^\/portForward\/default\/audit/);
    await kubelet[Symbol.asyncDispose]();
    const away = await withoutServer();
    expect(away.stderr).toMatch(NO_TUNNEL);
    expect(away.code).toBe(1);
    await setReady('audit', false);
  });

  test('it checks the certificate of a pod that speaks TLS for the name of the Service', async () => {
    await using kubelet = await startPod('audit-tls', inCluster);
    const authorities = ['--certificate-authority', tlsFixture('service.crt')];
    expect(await withoutServer(...authorities)).toMatchObject(ANSWERED);
    expect(kubelet.asked[0]).toMatch(/^\/portForward\/default\/audit-tls/);
    const unknown = await withoutServer();
    expect(unknown.stderr).toMatch(
      /cannot reach https:\/\/127\.0\.0\.1:\d+: .*certificate.*; name the file .*--certificate-authority/i,
    );
    expect(unknown.code).toBe(1);
    await kubelet[Symbol.asyncDispose]();
    const away = await withoutServer(...authorities);
    expect(away.stderr).toMatch(NO_TUNNEL);
    expect(away.code).toBe(1);
    await setReady('audit-tls', false);
  });

  test('it sends no token to a pod whose certificate is another one', async () => {
    await using kubelet = await startPod('audit-stranger', secured);
    const { code, stderr } = await withoutServer('--certificate-authority', authority);
    expect(kubelet.asked).toHaveLength(1);
    expect(stderr).toMatch(/cannot reach .*audit\.default\.svc.*; name the file .*--certificate-authority/s);
    expect(code).toBe(1);
  });
});

const NO_TUNNEL =
  /cannot forward a port to pod default\/audit\S*: .*you need create on pods\/portforward there, or name the API with --server/;
