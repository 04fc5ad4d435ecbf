import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Config } from '../config.ts';
import { type ClusterAccess, connectCluster } from '../kubernetes/cluster-connection.ts';
import { SettingsError } from '../settings.ts';
import type { BinaryResolver } from './binaries.ts';
import { startKubeApiserver } from './kube-apiserver.ts';
import { KUBERNAUT_KINDS } from './sandbox/kinds.ts';
import { startSandbox } from './sandbox/sandbox.ts';
import type { ClusterAddress } from './simulator/cluster-client.ts';
import { installKinds } from './simulator/install-kinds.ts';
import { DEMONSTRATION } from './simulator/mix.ts';
import { chooseSeed } from './simulator/random.ts';
import { runSimulator } from './simulator/simulator.ts';
import type { ClusterMode, UpOptions } from './up-options.ts';

const OWNER_ONLY = 0o600;

export interface EmbeddedCluster {
  /** URL of the API server; empty when it is the user's own, whose kubeconfig says it. */
  readonly server: string;
  /** What the watcher reads its access from; empty for the pod's service account. */
  readonly kubeconfig: string;
  readonly context: string;
  /** For people. */
  readonly description: string;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  readonly config: Config;
  readonly options: UpOptions;
  /** Where a cluster of our own keeps its state. */
  readonly dataDir: string;
  readonly resolver: BinaryResolver;
  readonly report: (line: string) => void;
}

/** Refuses a kubeconfig that cannot be used, before anything is started for it. */
export function requireUsableCluster({ config, options }: Pick<ClusterOptions, 'config' | 'options'>): void {
  if (chooseMode({ config, options }) !== 'kubeconfig') return;
  const { kubeconfig, context } = accessOf({ config, options });
  if (kubeconfig === '' && !config.kubernetes.inCluster) {
    throw new SettingsError([
      '--cluster kubeconfig needs a kubeconfig: name one with --kubeconfig or KUBECONFIG',
    ]);
  }
  // Reads the file and finds the context; connections are made when they are needed.
  void connectCluster({ kubeconfig, context }).close();
}

/** The cluster to watch: the user's, if there is one, else one of our own in which a simulator plays remediations. */
export async function startCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  switch (chooseMode(options)) {
    case 'kubeconfig':
      return ownCluster(options);
    case 'sandbox':
      return sandboxCluster(options);
    case 'apiserver':
      return apiserverCluster(options);
  }
}

function chooseMode({ config, options }: Pick<ClusterOptions, 'config' | 'options'>): ClusterMode {
  if (options.cluster !== undefined) return options.cluster;
  return config.kubernetes.kubeconfig !== '' || config.kubernetes.inCluster ? 'kubeconfig' : 'sandbox';
}

function accessOf({ config, options }: Pick<ClusterOptions, 'config' | 'options'>): ClusterAccess {
  return {
    kubeconfig: options.kubeconfig ?? config.kubernetes.kubeconfig,
    context: options.context ?? config.kubernetes.context,
  };
}

function ownCluster(options: ClusterOptions): EmbeddedCluster {
  const { kubeconfig, context } = accessOf(options);
  const origin = kubeconfig === '' ? "the pod's own" : kubeconfig;
  return {
    server: '',
    kubeconfig,
    context,
    description: `your own, read only (${origin}${context === '' ? '' : `, context ${context}`})`,
    stop: () => Promise.resolve(),
  };
}

async function sandboxCluster(options: ClusterOptions): Promise<EmbeddedCluster> {
  const sandbox = await startSandbox({ dataDir: options.dataDir });
  const kubeconfig = join(options.dataDir, 'kubeconfig');
  await writeFile(kubeconfig, sandbox.kubeconfig, { mode: OWNER_ONLY });
  const simulation = startSimulation(options, { url: sandbox.url, token: sandbox.token });
  return {
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

interface Simulation {
  readonly description: string;
  stop(): Promise<void>;
}

function startSimulation({ config, options, report }: ClusterOptions, cluster: ClusterAddress): Simulation {
  if (!options.simulator)
    return { description: 'empty, without the simulator', stop: () => Promise.resolve() };
  const stopping = new AbortController();
  const seed = config.embedded.simulatorSeed ?? chooseSeed();
  const running = runSimulator({
    cluster,
    seed,
    branches: DEMONSTRATION,
    speed: config.embedded.simulatorSpeed,
    signal: stopping.signal,
  }).catch((error: unknown) => {
    // The service goes on without it: what is there stays watched, only nothing new happens.
    report(`the simulator ended: ${error instanceof Error ? error.message : String(error)}`);
  });
  return {
    description: `simulator with seed ${seed}`,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
