import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

import type { Config } from '../../src/config/config.ts';
import { SettingsError } from '../../src/config/settings.ts';
import { reasonOf } from '../../src/domain/errors.ts';
import {
  type ClusterAccess,
  ClusterAccessError,
  connectCluster,
  contextOf,
} from '../../src/kubernetes/cluster-connection.ts';
import { KUBERNAUT_KINDS } from '../sandbox/kinds.ts';
import { startSandbox } from '../sandbox/sandbox.ts';
import type { BinaryResolver } from '../servers/find/resolver.ts';
import { startKubeApiserver } from '../servers/kube-apiserver/kube-apiserver.ts';
import type { ClusterAddress } from '../simulator/cluster-client.ts';
import { installKinds } from '../simulator/install-kinds.ts';
import { chooseSeed } from '../simulator/random.ts';
import { runSimulator } from '../simulator/simulator.ts';
import { DEMONSTRATION } from '../simulator/stories.ts';
import type { UpOptions } from './up-options.ts';

const OWNER_ONLY = 0o600;
const HTTP_UNAUTHORIZED = 401;
const PROBE_MS = 10_000;
/** What the watcher is called where nobody has chosen a name. */
const UNNAMED = 'default';

interface EmbeddedCluster {
  /** Part of every record: two clusters in one data directory must not share it. */
  readonly name: string;
  /** URL of the API server; empty when it is the user's own, whose kubeconfig says it. */
  readonly server: string;
  /** What the watcher, and kubectl, reads its access from; empty for the pod's service account. */
  readonly kubeconfig: string;
  readonly context: string;
  /** For people. */
  readonly description: string;
  stop(): Promise<void>;
}

interface ClusterOptions {
  readonly config: Config;
  readonly options: UpOptions;
  /** Where a cluster of our own keeps its state. */
  readonly dataDir: string;
  readonly resolver: BinaryResolver;
  readonly report: (line: string) => void;
}

type Chosen = Pick<ClusterOptions, 'config' | 'options'>;

/** Refuses a kubeconfig that cannot be used, or whose cluster does not answer, before anything is started for it. */
export async function requireUsableCluster(chosen: Chosen, report: (line: string) => void): Promise<void> {
  const { config, options } = chosen;
  if (options.cluster !== 'kubeconfig') {
    if (options.cluster === 'sandbox' && config.kubernetes.kubeconfig !== '')
      report('KUBECONFIG is set and not used: --kubeconfig watches that cluster instead of the sandbox');
    return;
  }
  const access = accessOf(chosen);
  if (access.kubeconfig === '' && !config.kubernetes.inCluster) {
    throw new SettingsError([
      '--cluster kubeconfig needs a kubeconfig: name one with --kubeconfig FILE or KUBECONFIG; there is none in ~/.kube/config',
    ]);
  }
  await requireAnswer(access);
}

async function requireAnswer(access: ClusterAccess): Promise<void> {
  const connection = connectCluster(access);
  try {
    const { statusCode, body } = await connection.get('/version', AbortSignal.timeout(PROBE_MS));
    await body.dump();
    if (statusCode === HTTP_UNAUTHORIZED)
      throw new ClusterAccessError(
        `the cluster at ${connection.server} refuses the credentials of context ${contextOf(access)}: renew them, or choose another context with --context`,
      );
  } catch (error: unknown) {
    if (error instanceof ClusterAccessError) throw error;
    const reason = reasonOf(error);
    throw new Error(
      `cannot reach the cluster at ${connection.server} of context ${contextOf(access)}: ${reason}; start it, or choose another context with --context`,
      { cause: error },
    );
  } finally {
    await connection.close();
  }
}

/** The cluster to watch: one of our own in which a simulator plays remediations, or the user's. */
export async function startCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  switch (options.options.cluster) {
    case 'kubeconfig':
      return ownCluster(options);
    case 'sandbox':
      return sandboxCluster(options);
    case 'apiserver':
      return apiserverCluster(options);
  }
}

function accessOf({ config, options }: Chosen): ClusterAccess {
  return {
    kubeconfig: options.kubeconfig || config.kubernetes.kubeconfig || usualKubeconfig(),
    context: options.context ?? config.kubernetes.context,
  };
}

function usualKubeconfig(): string {
  const path = join(homedir(), '.kube', 'config');
  return existsSync(path) ? path : '';
}

/** The configured name, else one that no other kind of cluster in this data directory has. */
function nameOf({ config }: Chosen, otherwise: string): string {
  return config.watcher.cluster === UNNAMED ? otherwise : config.watcher.cluster;
}

/** A context may be called anything, also `default`; a slash would end the name within a workflow id. */
function nameOfContext(context: string): string {
  const name = context.replaceAll(/[^\w.@:-]/g, '-');
  return ['', UNNAMED, 'apiserver'].includes(name) ? `kubeconfig-${name}` : name;
}

function ownCluster(options: ClusterOptions): EmbeddedCluster {
  const access = accessOf(options);
  const { kubeconfig, context } = access;
  const origin = kubeconfig === '' ? "the pod's own" : kubeconfig;
  const used = contextOf(access);
  return {
    name: nameOf(options, nameOfContext(used)),
    server: '',
    kubeconfig,
    context,
    description: `your own, read only (${origin}, context ${used})`,
    stop: () => Promise.resolve(),
  };
}

async function sandboxCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  const sandbox = await startSandbox({ dataDir: options.dataDir });
  const kubeconfig = join(options.dataDir, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.kubeconfig, { mode: OWNER_ONLY });
  const simulation = startSimulation(options, { url: sandbox.url, token: sandbox.token });
  return {
    name: nameOf(options, UNNAMED),
    server: sandbox.url,
    kubeconfig,
    context: '',
    description: `sandbox at ${sandbox.url}, ${simulation.description}`,
    async stop() {
      await simulation.stop();
      await sandbox.stop();
    },
  };
}

async function apiserverCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  const { resolver, report } = options;
  const binaries = {
    apiserver: await resolver.resolve('kube-apiserver'),
    etcd: await resolver.resolve('etcd'),
  };
  const apiserver = await startKubeApiserver({
    dataDir: join(options.dataDir, 'apiserver'),
    binaries,
    report,
  });
  const address = { url: apiserver.url, token: apiserver.token, ca: apiserver.caPem };
  await installKinds(address, KUBERNAUT_KINDS);
  const simulation = startSimulation(options, address);
  return {
    name: nameOf(options, 'apiserver'),
    server: apiserver.url,
    kubeconfig: apiserver.kubeconfigPath,
    context: '',
    description: `kube-apiserver at ${apiserver.url}, ${simulation.description}`,
    async stop() {
      await simulation.stop();
      await apiserver.stop();
    },
  };
}

const STORM = 0x5707;

interface Simulation {
  readonly description: string;
  stop(): Promise<void>;
}

function startSimulation({ config, options, report }: ClusterOptions, cluster: ClusterAddress): Simulation {
  if (!options.simulator)
    return { description: 'empty, without the simulator', stop: () => Promise.resolve() };
  const stopping = new AbortController();
  const seed = config.embedded.simulatorSeed ?? chooseSeed();
  const { burst, branches = DEMONSTRATION, flapMs } = options.simulation;
  const play = { cluster, branches, flapMs, speed: config.embedded.simulatorSpeed, signal: stopping.signal };
  const running = (async () => {
    // Another seed than what follows: the same one would draw the same remediations once more.
    const storm = { ...play, seed: seed ^ STORM, burst: true };
    if (burst !== undefined) await runSimulator({ ...storm, count: burst, concurrency: burst });
    await runSimulator({ ...play, seed });
  })().catch((error: unknown) => {
    // The service goes on without it: what is there stays watched, only nothing new happens.
    report(`the simulator ended: ${reasonOf(error)}`);
  });
  return {
    description: `simulator with seed ${seed}`,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
