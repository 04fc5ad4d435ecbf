/*
 * Who is asked, and as whom.
 *
 * In: what the command line and the environment say. Out: a client of the API, and the namespace that is meant. Without a
 * server the Service of the chart is looked for in the cluster of the kubeconfig.
 *
 * What must stay true: the token goes to the address that the user named, or to the cluster of the kubeconfig; over http only
 * to this machine, unless the user says so.
 */
import { readFileSync } from 'node:fs';

import type { KubeConfig } from '@kubernetes/client-node';

import { SettingsError } from '../../config/settings.ts';
import { reasonOf } from '../../domain/errors.ts';
import type { ConnectionChoice } from '../flags.ts';
import { type ApiClient, createApiClient } from './api-client.ts';
import { type ForwardedService, forwardToService } from './forward.ts';
import { loadKubeconfig, tokenOfUser } from './kubeconfig.ts';

export interface Connected extends AsyncDisposable {
  readonly client: ApiClient;
  /** Namespace of the targets that are meant; undefined for all of them. */
  readonly namespace: string | undefined;
}

export async function connect(choice: ConnectionChoice): Promise<Connected> {
  const kubeconfig = lazily(() => loadKubeconfig(choice));
  const server = choice.server === undefined ? undefined : checkedServer(choice.server, choice);
  const { token, identity } = await identityOf(choice, kubeconfig);
  const namespace = await namespaceOf(choice, kubeconfig);
  const forwarded = server === undefined ? await forwardToService(await needed(kubeconfig)) : undefined;
  const client = createApiClient({
    server: server ?? forwarded?.server ?? '',
    serverName: forwarded?.serverName,
    trouble: forwarded?.trouble,
    token,
    identity,
    certificateAuthority: choice.certificateAuthority,
    timeoutMs: choice.timeoutMs,
  });
  return { client, namespace, [Symbol.asyncDispose]: () => closeBoth(client, forwarded) };
}

async function closeBoth(client: ApiClient, forwarded: ForwardedService | undefined): Promise<void> {
  await client[Symbol.asyncDispose]();
  await forwarded?.[Symbol.asyncDispose]();
}

type Kubeconfig = () => Promise<KubeConfig | undefined>;

/** Read once, and only where something of it is needed. */
function lazily(load: Kubeconfig): Kubeconfig {
  let loaded: Promise<KubeConfig | undefined> | undefined;
  return () => (loaded ??= load());
}

async function needed(kubeconfig: Kubeconfig): Promise<KubeConfig> {
  const config = await kubeconfig();
  if (config !== undefined) return config;
  throw new SettingsError([
    'there is no kubeconfig, and no server is named: name the API with --server (REMEDIATION_AUDIT_SERVER), or a kubeconfig with --kubeconfig (KUBECONFIG)',
  ]);
}

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** A token that was once sent in the clear is known to whoever was on the way. */
function checkedServer(server: string, { allowsInsecureHttp }: ConnectionChoice): string {
  const url = URL.canParse(server) ? new URL(server) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new SettingsError([
      `--server (REMEDIATION_AUDIT_SERVER) must be a URL such as https://audit.example.com, not ${server}`,
    ]);
  if (url.username !== '' || url.password !== '')
    throw new SettingsError([
      '--server (REMEDIATION_AUDIT_SERVER) must have no user and password: name a token with --token-file',
    ]);
  if (url.protocol === 'http:' && !LOOPBACK.test(url.hostname) && !allowsInsecureHttp)
    throw new SettingsError([
      `${url.origin} is http, and your token would be sent to it in the clear: use https, or --insecure-http where that is meant`,
    ]);
  return `${url.origin}${url.pathname}`;
}

/** The token of the file, or else of the kubeconfig's user. Without either the service decides: one on this machine may know nobody. */
async function identityOf({ tokenFile }: ConnectionChoice, kubeconfig: Kubeconfig) {
  if (tokenFile !== undefined) return { token: tokenIn(tokenFile), identity: `file ${tokenFile}` };
  const config = await kubeconfig();
  if (config === undefined)
    return { token: undefined, identity: 'nobody (no kubeconfig and no --token-file)' };
  return {
    token: await tokenOfUser(config),
    identity: `user ${config.getCurrentUser()?.name ?? ''} of the kubeconfig`,
  };
}

function tokenIn(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error: unknown) {
    throw new SettingsError([
      `cannot read the token file ${file}: ${reasonOf(error)}; name a readable one with --token-file (REMEDIATION_AUDIT_TOKEN_FILE)`,
    ]);
  }
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw new SettingsError([`the token file ${file} must hold one token and nothing else`]);
}

async function namespaceOf({ namespace, isInAllNamespaces }: ConnectionChoice, kubeconfig: Kubeconfig) {
  if (isInAllNamespaces) return undefined;
  if (namespace !== undefined) return namespace;
  const config = await kubeconfig();
  return config?.getContextObject(config.getCurrentContext())?.namespace;
}
