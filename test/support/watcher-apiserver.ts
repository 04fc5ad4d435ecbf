import { createSign } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseAllDocuments } from 'yaml';

import { KUBERNAUT_KINDS } from '../../dev/sandbox/kinds.ts';
import type { KubeApiserver, KubeApiserverOptions } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { startKubeApiserver } from '../../dev/servers/kube-apiserver/kube-apiserver.ts';
import { ClusterClient } from '../../dev/simulator/cluster-client.ts';
import { installKinds } from '../../dev/simulator/install-kinds.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';
import type { RunningWatcher, WatcherOptions } from '../../src/watcher/watcher-options.ts';
import type { WatcherTiming } from '../../src/watcher/watcher-options.ts';
import { repositoryPath } from './repository.ts';
import { resolveServer } from './servers.ts';
import { until } from './until.ts';
import { PLAIN_REMEDIATION } from './watcher-kinds.ts';
import { WatcherRecord } from './watcher-record.ts';

const COLLECTION = '/apis/kubernaut.ai/v1alpha1/namespaces/default/remediationrequests';
const RBAC_PATHS: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/default/serviceaccounts',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  ValidatingAdmissionPolicy: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
  ValidatingAdmissionPolicyBinding: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
};
const ACCESS_REVIEWS = '/apis/authorization.k8s.io/v1/subjectaccessreviews';
const WATCHER = 'system:serviceaccount:default:remediation-audit-watcher';
const TOKEN_PATH = `${RBAC_PATHS['ServiceAccount'] ?? ''}/remediation-audit-watcher/token`;
const REMEDIATIONS = KUBERNAUT_KINDS.filter(
  ({ kind, group }) => kind === 'RemediationRequest' && group === 'kubernaut.ai',
);
const TOKEN_SECONDS = 3_600;

interface RoleRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface RbacObject {
  readonly kind: string;
  readonly rules?: readonly RoleRule[];
}

/** Minutes of a real cluster are seconds here. */
const TIMING: WatcherTiming = {
  watchTimeoutSeconds: 20,
  inactivityMs: 3_000,
  requestMs: 2_000,
  backoffMs: 100,
  longestBackoffMs: 1_000,
  healthyMs: 2_000,
  absentPollMs: 500,
  reconcileMs: 4_000,
  probeMs: 1_000,
  reconcileGraceMs: 1_000,
  gatherMs: 100,
  briefGatherMs: 50,
  coalesceMs: 60_000,
  lostRunsMs: 1_000,
  recordingGraceMs: 60_000,
};

export interface ApiserverWatcherOptions extends Partial<Omit<WatcherOptions, 'timing'>> {
  readonly timing?: Partial<WatcherTiming>;
}

/** Who writes the status of remediations here, as the API server notes it. */
export const CONTROLLER = 'remediationorchestrator-controller';

/** A real API server with remediations, and a watcher of it that has no more rights than `deploy/rbac.yaml` gives. */
export class ApiserverWorld implements AsyncDisposable {
  readonly record = new WatcherRecord();
  readonly metrics = createMetrics();
  readonly #folder: string;
  #server: KubeApiserver;
  #watchers: { watcher: RunningWatcher; close: () => Promise<void> }[] = [];

  private constructor(folder: string, server: KubeApiserver) {
    this.#folder = folder;
    this.#server = server;
  }

  static async create(apiserverFlags: readonly string[] = []): Promise<ApiserverWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'remediation-audit-apiserver-'));
    const server = await startServer({ dataDir: join(folder, 'data'), apiserverFlags });
    const world = new ApiserverWorld(folder, server);
    await installKinds(world.#address(), REMEDIATIONS);
    await world.grantRights('deploy/rbac.yaml');
    await world.writeKubeconfig();
    return world;
  }

  get server(): KubeApiserver {
    return this.#server;
  }

  get kubeconfigPath(): string {
    return join(this.#folder, 'kubeconfig');
  }

  /** A token of the watcher's service account. */
  async newToken(): Promise<string> {
    const answer = await this.send('POST', TOKEN_PATH, { spec: { expirationSeconds: TOKEN_SECONDS } });
    return (answer as { status: { token: string } }).status.token;
  }

  /** One that the server takes as its own and that has expired in so many seconds. */
  async newTokenExpiringIn(seconds: number): Promise<string> {
    const key = await readFile(join(this.#folder, 'data', 'service-account.key'), 'utf8');
    const [head = '', body = ''] = (await this.newToken()).split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object;
    // The server bears with clocks that differ by a minute.
    const exp = Math.floor(Date.now() / 1_000) - 60 + seconds;
    const shortened = JSON.stringify({ ...claims, exp, iat: exp - 600, nbf: exp - 600 });
    const signed = `${head}.${Buffer.from(shortened).toString('base64url')}`;
    return `${signed}.${createSign('RSA-SHA256').update(signed).sign(key, 'base64url')}`;
  }

  /** What the watcher reads its access from. Default: the server itself, and a new token each time. */
  async writeKubeconfig(port = Number(new URL(this.#server.url).port), token?: string): Promise<void> {
    const config = JSON.parse(await readFile(this.#server.kubeconfigPath, 'utf8')) as {
      clusters: { cluster: { server: string } }[];
      users: { user: { token: string } }[];
    };
    const given = token ?? (await this.newToken());
    for (const { cluster } of config.clusters) cluster.server = `https://127.0.0.1:${port}`;
    for (const { user } of config.users) user.token = given;
    await writeFile(this.kubeconfigPath, JSON.stringify(config));
  }

  startWatcher({ timing, ...given }: ApiserverWatcherOptions = {}): RunningWatcher {
    const connection = connectCluster({ kubeconfig: this.kubeconfigPath, context: '' });
    const watcher = startWatcher({
      ...{ cluster: 'test', namespaces: [], connection, kinds: [PLAIN_REMEDIATION] },
      ...{ signals: this.record.signalsOf(1), observed: this.record.observed, redactor: createRedactor() },
      ...{ listPageSize: 3, signalConcurrency: 4 },
      timing: { ...TIMING, ...timing },
      logger: createLogger('silent', 'test'),
      metrics: this.metrics.watcher,
      ...given,
    });
    this.#watchers.push({ watcher, close: () => connection.close() });
    return watcher;
  }

  async stopWatchers(): Promise<void> {
    for (const { watcher, close } of this.#watchers.splice(0)) {
      await watcher.stop();
      await close();
    }
  }

  /** The uid of the new remediation. */
  async create(name: string): Promise<string> {
    const body = {
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'RemediationRequest',
      metadata: { name },
      spec: { signalName: 'KubePodCrashLooping' },
    };
    const created = (await this.send('POST', COLLECTION, body)) as { metadata: { uid: string } };
    return created.metadata.uid;
  }

  async setPhase(name: string, overallPhase: string): Promise<void> {
    const path = `${COLLECTION}/${name}/status?fieldManager=${CONTROLLER}`;
    await this.send('PATCH', path, { status: { overallPhase } });
  }

  async delete(name: string): Promise<void> {
    await this.send('DELETE', `${COLLECTION}/${name}`);
  }

  /** The body of the answer; an answer that refuses is an error. */
  async send(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    await using client = new ClusterClient(this.#address());
    const answer = await client.send({ method, path, ...(body === undefined ? {} : { body }) });
    if (answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  /** Gives the watcher what a file of `deploy/` gives. */
  async grantRights(file: string): Promise<void> {
    const text = await readFile(repositoryPath(file), 'utf8');
    const roles: RbacObject[] = [];
    for (const document of parseAllDocuments(text)) {
      const object = document.toJS() as RbacObject;
      await this.send('POST', RBAC_PATHS[object.kind] ?? object.kind, object);
      if (object.kind === 'ClusterRole') roles.push(object);
    }
    for (const { rules = [] } of roles)
      for (const rule of rules) await until(() => this.#mayWatcher(rule), `${file} is in force`);
  }

  /** Whether the server knows of a rule: it learns of new ones like everybody else, by a watch. */
  async #mayWatcher({ apiGroups, resources, resourceNames = [], verbs }: RoleRule): Promise<boolean> {
    const [group, resource, name, verb] = [apiGroups[0], resources[0], resourceNames[0], verbs[0]];
    const spec = { user: WATCHER, resourceAttributes: { group, resource, name, verb } };
    const review = await this.send('POST', ACCESS_REVIEWS, { spec });
    return (review as { status: { allowed: boolean } }).status.allowed;
  }

  async reinstallKind(): Promise<void> {
    await installKinds(this.#address(), REMEDIATIONS);
  }

  /** Ends the cluster, and starts it again at its address: with the data it has, or with an older copy of it. */
  async restart(copy?: string): Promise<void> {
    const { port } = new URL(this.#server.url);
    await this.#server.stop();
    const data = join(this.#folder, 'data');
    if (copy !== undefined) {
      await rm(join(data, 'etcd'), { recursive: true });
      await cp(copy, join(data, 'etcd'), { recursive: true });
    }
    this.#server = await startServer({ dataDir: data, port: Number(port) });
  }

  /** Makes etcd forget all versions but the newest, as it does by itself every five minutes. */
  async compact(): Promise<void> {
    const ask = async (path: string, body: object): Promise<unknown> => {
      const answer = await fetch(`${this.#server.etcdUrl}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`etcd ${path}: ${answer.status} ${await answer.text()}`);
      return answer.json();
    };
    const { header } = (await ask('kv/range', { key: 'AA==' })) as { header: { revision: string } };
    await ask('kv/compaction', { revision: header.revision, physical: true });
  }

  /** A copy of what etcd has now; the cluster is stopped for it, so that the copy is whole. */
  async backup(): Promise<string> {
    const { port } = new URL(this.#server.url);
    await this.#server.stop();
    const copy = join(this.#folder, 'copy');
    await cp(join(this.#folder, 'data', 'etcd'), copy, { recursive: true });
    this.#server = await startServer({ dataDir: join(this.#folder, 'data'), port: Number(port) });
    return copy;
  }

  /** Sum over all labels, or of those series that have this one: `cause="gone"`. */
  async metricOf(name: string, label = ''): Promise<number> {
    const text = await this.metrics.registry.metrics();
    const lines = text
      .split('\n')
      .filter((line) => line.startsWith(`remediation_audit_${name}{`) && line.includes(label));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopWatchers();
    await this.#server.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #address() {
    return { url: this.#server.url, token: this.#server.token, ca: this.#server.caPem };
  }
}

async function startServer(options: Omit<KubeApiserverOptions, 'binaries'>): Promise<KubeApiserver> {
  const binaries = { apiserver: await resolveServer('kube-apiserver'), etcd: await resolveServer('etcd') };
  return startKubeApiserver({ ...options, binaries });
}
