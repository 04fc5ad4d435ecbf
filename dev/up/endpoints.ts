import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where everything answers, for scripts. */
export interface Endpoints {
  api: string;
  /** Bearer token of the API; empty where the configuration names another way to know callers. */
  token: string;
  temporal: string;
  temporalUi: string;
  /** Connection string of the owner role, with its password: the reason for the file's mode. */
  postgres: string;
  /** Empty when it is the user's own cluster. */
  kubernetes: string;
  /** A kubeconfig file for that cluster; empty for the service account of a pod. */
  kubeconfig: string;
  /** Probes, metrics and completeness of the watcher. */
  watcher: string;
  /** Probes and metrics of the worker. */
  worker: string;
}

interface PublishedEndpoints extends AsyncDisposable {
  readonly path: string;
  /** Removes the file, so that no script speaks to servers that are gone. */
  remove(): Promise<void>;
}

const FILE_NAME = 'endpoints.json';
const OWNER_ONLY = 0o600;

/** Written whole or not at all: a script that waits for the file reads all of it. */
export async function publishEndpoints(dataDir: string, endpoints: Endpoints): Promise<PublishedEndpoints> {
  const path = join(dataDir, FILE_NAME);
  const draft = `${path}.${process.pid}`;
  await rm(draft, { force: true });
  await writeFile(draft, `${JSON.stringify(endpoints, null, 2)}\n`, { mode: OWNER_ONLY, flag: 'wx' });
  await rename(draft, path);
  const remove = (): Promise<void> => removeEndpoints(dataDir);
  return { path, remove, [Symbol.asyncDispose]: remove };
}

export async function removeEndpoints(dataDir: string): Promise<void> {
  await rm(join(dataDir, FILE_NAME), { force: true });
}
