import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Agent, request } from 'undici';

import { type RunningServer, startServer, untilReady } from '../process/child-process.ts';
import { findFreePort, LOOPBACK } from '../process/ports.ts';

export interface KubeApiserverOptions {
  /** Keeps the cluster's state, its token and its kubeconfig; a second start continues with them. */
  dataDir: string;
  binaries: { apiserver: string; etcd: string };
  report?: (line: string) => void;
  /** Added to the flags of kube-apiserver; a repeated flag replaces ours. */
  apiserverFlags?: readonly string[];
  /** Added to the flags of etcd. */
  etcdFlags?: readonly string[];
  /** Default: any free port. */
  port?: number;
  /** How long each of the two may take to answer, in milliseconds. Default 60,000: a first start on a busy host is slow. */
  readyDeadlineMs?: number;
}

/** A real Kubernetes API on this machine: no nodes and no controllers, so nothing runs and nothing is collected. */
export interface KubeApiserver extends AsyncDisposable {
  readonly url: string;
  /** Proves the server's certificate. New at every start, kept by `restartApiserver`. */
  readonly caPem: string;
  /** Bearer token of a cluster administrator. */
  readonly token: string;
  readonly kubeconfigPath: string;
  /** Where etcd answers its clients. */
  readonly etcdUrl: string;
  /** The one that runs now. */
  readonly etcd: RunningServer;
  /** The one that runs now. */
  readonly apiserver: RunningServer;
  /** Ends the API server, if it still runs, and starts it again at the same address with the same certificate. */
  restartApiserver(): Promise<void>;
  /** Ends etcd, if it still runs, and starts it again at the same address with the same data. */
  restartEtcd(): Promise<void>;
  stop(): Promise<void>;
}

const DEFAULT_READY_DEADLINE_MS = 60_000;
const PROBE_DEADLINE_MS = 2_000;
const STOP_DEADLINE_MS = 10_000;
const OWNER_ONLY_FILE = 0o600;
const OWNER_ONLY_FOLDER = 0o700;
const HTTP_OK = 200;
const TOKEN_BYTES = 24;
const RSA_BITS = 2_048;
/** The same at every start, whatever the port, so that tokens stay valid. */
const SERVICE_ACCOUNT_ISSUER = 'https://kubernetes.default.svc';

interface Layout {
  etcd: string;
  certificates: string;
  certificate: string;
  token: string;
  tokenFile: string;
  serviceAccountKey: string;
  kubeconfig: string;
}

interface Cluster {
  options: KubeApiserverOptions;
  layout: Layout;
  token: string;
  etcdUrl: string;
  port: number;
}

/** Starts etcd and kube-apiserver. Both end when we end, and each can be killed alone. */
export async function startKubeApiserver(options: KubeApiserverOptions): Promise<KubeApiserver> {
  const layout = layoutIn(options.dataDir);
  const token = await prepareFiles(options.dataDir, layout);
  const cluster: Cluster = {
    options,
    layout,
    token,
    etcdUrl: `http://${LOOPBACK}:${await findFreePort()}`,
    port: options.port ?? (await findFreePort()),
  };
  options.report?.(`starting etcd and kube-apiserver in ${options.dataDir}`);
  const etcd = await startEtcd(cluster);
  try {
    return await assemble(cluster, etcd, await startApiserver(cluster));
  } catch (error: unknown) {
    await etcd.stop();
    throw error;
  }
}

async function assemble(
  cluster: Cluster,
  firstEtcd: RunningServer,
  firstApiserver: RunningServer,
): Promise<KubeApiserver> {
  const { layout, token, etcdUrl } = cluster;
  const url = urlOf(cluster);
  const caPem = await readFile(layout.certificate, 'utf8');
  await keepSecret(layout.kubeconfig, kubeconfigFor({ url, caPem, token }));
  cluster.options.report?.(`the Kubernetes API is at ${url}, kubeconfig ${layout.kubeconfig}`);
  let [etcd, apiserver] = [firstEtcd, firstApiserver];
  const stop = async (): Promise<void> => {
    await apiserver.stop();
    await etcd.stop();
  };
  return {
    url,
    caPem,
    token,
    kubeconfigPath: layout.kubeconfig,
    etcdUrl,
    get etcd() {
      return etcd;
    },
    get apiserver() {
      return apiserver;
    },
    restartApiserver: async () => {
      await apiserver.stop();
      apiserver = await startApiserver(cluster);
    },
    restartEtcd: async () => {
      await etcd.stop();
      etcd = await startEtcd(cluster);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function layoutIn(dataDir: string): Layout {
  return {
    etcd: join(dataDir, 'etcd'),
    certificates: join(dataDir, 'certificates'),
    certificate: join(dataDir, 'certificates', 'apiserver.crt'),
    token: join(dataDir, 'token'),
    tokenFile: join(dataDir, 'tokens.csv'),
    serviceAccountKey: join(dataDir, 'service-account.key'),
    kubeconfig: join(dataDir, 'kubeconfig'),
  };
}

async function prepareFiles(dataDir: string, layout: Layout): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: OWNER_ONLY_FOLDER });
  // The server makes itself a certificate for a year; an old one could be past that, or half of a pair.
  await rm(layout.certificates, { recursive: true, force: true });
  const token = await readOrCreate(layout.token, () => randomBytes(TOKEN_BYTES).toString('hex'));
  await keepSecret(layout.tokenFile, `${token},admin,admin,"system:masters"\n`);
  await readOrCreate(layout.serviceAccountKey, () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS });
    return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  });
  return token;
}

async function readOrCreate(path: string, create: () => string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const content = create();
    await keepSecret(path, content);
    return content;
  }
}

/** Whole or not at all, readable by its owner only. */
async function keepSecret(path: string, content: string): Promise<void> {
  await writeFile(`${path}.new`, content, { mode: OWNER_ONLY_FILE });
  await rename(`${path}.new`, path);
}

async function startEtcd({ options, layout, etcdUrl }: Cluster): Promise<RunningServer> {
  const etcd = startServer({
    name: 'etcd',
    command: options.binaries.etcd,
    args: [
      `--data-dir=${layout.etcd}`,
      `--listen-client-urls=${etcdUrl}`,
      `--advertise-client-urls=${etcdUrl}`,
      `--listen-peer-urls=http://${LOOPBACK}:0`,
      // Survives the end of the process, not a loss of power.
      '--unsafe-no-fsync',
      '--watch-progress-notify-interval=5s',
      ...(options.etcdFlags ?? []),
    ],
    stopDeadlineMs: STOP_DEADLINE_MS,
  });
  return whenReady(etcd, options, () => answersOk(`${etcdUrl}/health`, {}));
}

async function startApiserver(cluster: Cluster): Promise<RunningServer> {
  const { options, layout, token } = cluster;
  const apiserver = startServer({
    name: 'kube-apiserver',
    command: options.binaries.apiserver,
    args: [...apiserverFlags(cluster), ...(options.apiserverFlags ?? [])],
    stopDeadlineMs: STOP_DEADLINE_MS,
  });
  return whenReady(apiserver, options, async () => {
    const ca = await readFile(layout.certificate, 'utf8');
    return answersOk(`${urlOf(cluster)}/readyz`, { ca, token });
  });
}

function apiserverFlags({ layout, etcdUrl, port }: Cluster): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    `--bind-address=${LOOPBACK}`,
    `--secure-port=${port}`,
    // Without it a machine that has no default route cannot start; a loopback address cannot be an endpoint.
    `--advertise-address=${LOOPBACK}`,
    '--endpoint-reconciler-type=none',
    `--cert-dir=${layout.certificates}`,
    `--token-auth-file=${layout.tokenFile}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--allow-privileged=true',
    '--disable-admission-plugins=ServiceAccount',
    `--service-account-issuer=${SERVICE_ACCOUNT_ISSUER}`,
    `--service-account-key-file=${layout.serviceAccountKey}`,
    `--service-account-signing-key-file=${layout.serviceAccountKey}`,
  ];
}

async function whenReady(
  server: RunningServer,
  options: KubeApiserverOptions,
  probe: () => Promise<boolean>,
): Promise<RunningServer> {
  const deadlineMs = options.readyDeadlineMs ?? DEFAULT_READY_DEADLINE_MS;
  try {
    await untilReady(server, probe, { deadlineMs, what: `cannot start a cluster in ${options.dataDir}` });
    return server;
  } catch (error: unknown) {
    await server.stop();
    throw error;
  }
}

async function answersOk(url: string, { ca, token }: { ca?: string; token?: string }): Promise<boolean> {
  const dispatcher = new Agent({ connect: ca === undefined ? {} : { ca } });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PROBE_DEADLINE_MS),
    });
    await body.dump();
    return statusCode === HTTP_OK;
  } finally {
    await dispatcher.close();
  }
}

function urlOf({ port }: Cluster): string {
  return `https://${LOOPBACK}:${port}`;
}

/** JSON is YAML, so no writer of YAML is needed. */
function kubeconfigFor({ url, caPem, token }: { url: string; caPem: string; token: string }): string {
  const name = 'remediation-audit';
  const certificateAuthority = Buffer.from(caPem).toString('base64');
  return JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': name,
      clusters: [{ name, cluster: { server: url, 'certificate-authority-data': certificateAuthority } }],
      users: [{ name, user: { token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
    },
    undefined,
    2,
  );
}
