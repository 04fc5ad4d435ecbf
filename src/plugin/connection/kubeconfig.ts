import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

import type { KubeConfig } from '@kubernetes/client-node';

import { SettingsError } from '../../config/settings.ts';
import { reasonOf } from '../../domain/errors.ts';

interface KubeconfigChoice {
  /** File to read; undefined for those that kubectl would read: KUBECONFIG, or ~/.kube/config. */
  readonly kubeconfig: string | undefined;
  /** The files that kubectl would read. */
  readonly defaultKubeconfigs: readonly string[];
  /** Undefined for its current one. */
  readonly context: string | undefined;
}

/**
 * The kubeconfig that kubectl would use; undefined where there is none. The Kubernetes client is loaded only here: it takes
 * longer than the answer, and whoever names server and token needs nothing of it.
 */
export async function loadKubeconfig(choice: KubeconfigChoice): Promise<KubeConfig | undefined> {
  if (isNoneThere(choice)) return undefined;
  const { kubeconfig, defaultKubeconfigs, context } = choice;
  const client = await import('@kubernetes/client-node');
  const config = new client.KubeConfig();
  try {
    if (kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(kubeconfig);
  } catch (error: unknown) {
    const [reason = ''] = reasonOf(error).split('\n');
    throw new SettingsError([
      `cannot read kubeconfig: ${reason}; name a readable file with --kubeconfig or KUBECONFIG`,
    ]);
  }
  if (context !== undefined) chooseContext(config, context);
  if (isFromNowhere(config)) return undefined;
  const files =
    kubeconfig === undefined ? defaultKubeconfigs.filter((file) => existsSync(file)) : [kubeconfig];
  readTokenFile(
    config,
    files.map((file) => ({
      file,
      content: client.loadYaml<UsersOfFile | undefined>(readFileSync(file, 'utf8')),
    })),
  );
  return config;
}

/** Where the client finds its access in a pod. */
const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/**
 * Known without the client: nothing is named, the usual file is missing, and this is no pod. A missing file that KUBECONFIG
 * names is an error, which the client finds; on Windows it also asks the Linux beside it.
 */
function isNoneThere({ kubeconfig, defaultKubeconfigs, context }: KubeconfigChoice): boolean {
  if (kubeconfig !== undefined || context !== undefined || process.platform === 'win32') return false;
  const usual = join(homedir(), '.kube', 'config');
  return defaultKubeconfigs.every((file) => file === usual) && ![usual, POD_TOKEN].some(existsSync);
}

/** What of a kubeconfig has to be read beside the client. */
interface UsersOfFile {
  readonly users?: readonly { readonly name?: string; readonly user?: { readonly tokenFile?: string } }[];
}

/** The client reads `token-file`, which nothing writes; kubectl writes `tokenFile`, and takes it before `token`. */
function readTokenFile(
  config: KubeConfig,
  read: readonly { readonly file: string; readonly content: UsersOfFile | undefined }[],
): void {
  const current = config.getCurrentUser();
  // Of several files the first that has a user of this name counts.
  for (const { file, content } of read) {
    const found = content?.users?.find(({ name }) => name === current?.name);
    if (found === undefined) continue;
    const { tokenFile } = found.user ?? {};
    if (tokenFile === undefined || current === null) return;
    const token = tokenIn(resolve(dirname(file), tokenFile), current.name);
    config.users = config.users.map((user) => (user.name === current.name ? { ...user, token } : user));
    return;
  }
}

function tokenIn(file: string, user: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error: unknown) {
    throw new SettingsError([
      `cannot read the token of user ${user} of the kubeconfig: ${reasonOf(error)}; log in as for kubectl, or name a file with --token-file`,
    ]);
  }
}

function chooseContext(config: KubeConfig, context: string): void {
  if (config.getContextObject(context) === null) {
    const known = config.getContexts().map(({ name }) => name);
    throw new SettingsError([
      `kubeconfig has no context ${context}; it has ${known.join(', ') || 'none'}: choose one with --context`,
    ]);
  }
  config.setCurrentContext(context);
}

/** Without any kubeconfig the client invents one of this server, on which no cluster is meant. */
const INVENTED = 'http://localhost:8080';

function isFromNowhere(config: KubeConfig): boolean {
  const cluster = config.getCurrentCluster();
  return cluster === null || (cluster.server === INVENTED && config.getCurrentUser()?.name === 'user');
}

/** The bearer token of the kubeconfig's user, as it stands there, from its file, or from its exec plugin. */
export async function tokenOfUser(config: KubeConfig): Promise<string> {
  const options: { headers?: Record<string, string> } = {};
  const user = config.getCurrentUser()?.name ?? '';
  try {
    await config.applyToHTTPSOptions(options);
  } catch (error: unknown) {
    throw new SettingsError([
      `cannot get the token of user ${user} of the kubeconfig: ${reasonOf(error)}; log in as for kubectl, or name a file with --token-file`,
    ]);
  }
  const [, token] = /^Bearer\s+(\S+)\s*$/.exec(options.headers?.['Authorization'] ?? '') ?? [];
  if (token !== undefined) return token;
  throw new SettingsError([
    `user ${user} of the kubeconfig has no bearer token, such as one with a client certificate alone, and the API knows callers by their token: ` +
      'make one with `kubectl create token SERVICE_ACCOUNT -n NAMESPACE > token` and name it with --token-file token',
  ]);
}
