import { join } from 'node:path';

import { findTampering } from './cache-seal.ts';
import { CATALOGUE, type ServerDefinition, type ServerName } from './catalogue.ts';
import { exists, findFault, findProgram } from './lookup.ts';
import { type Attempt, cacheEntry, labelOf, obtainOnce } from './obtain.ts';
import type { BinaryResolverOptions } from './options.ts';
import { ObtainingStopped, ServerUnavailable } from './server-unavailable.ts';

export { SERVER_NAMES, type ServerName } from './catalogue.ts';
export type { BinaryResolverOptions } from './options.ts';
export { ObtainingStopped, ServerUnavailable } from './server-unavailable.ts';

export interface BinaryResolver {
  /**
   * The path of a server's program; for `pgvector` the folder that holds `bin/postgres`. The first call on a machine
   * may take minutes, and says so.
   */
  resolve(name: ServerName): Promise<string>;
}

/**
 * Finds real servers: a path the user names, PATH when it has the pinned version, the cache when it is as it was filled, the
 * publisher's release with the pinned SHA-256, a build from pinned sources; else an error that says what to install.
 */
export function createBinaryResolver(options: BinaryResolverOptions): BinaryResolver {
  const catalogue = options.catalogue ?? CATALOGUE;
  const found = new Map<ServerName, Promise<string>>();
  return {
    resolve(name) {
      const known = found.get(name);
      if (known !== undefined) return known;
      const finding = find(name, catalogue[name], options);
      found.set(name, finding);
      // A failure is not kept: the network may be back, or Go installed, at the next call.
      finding.catch(() => found.delete(name));
      return finding;
    },
  };
}

async function find(
  name: ServerName,
  definition: ServerDefinition,
  options: BinaryResolverOptions,
): Promise<string> {
  const explicit = options.explicitPaths[name];
  if (explicit !== undefined && explicit !== '') return checkExplicit(name, definition, explicit);
  const attempts: Attempt[] = [{ way: definition.pathVariable, reason: 'not set' }];
  const installed = await findInstalled(definition, options.searchPath, attempts);
  if (installed !== undefined) return installed;
  const entry = cacheEntry(name, definition, options);
  const handedOut = join(entry, definition.entryPath);
  const fault = await findCacheFault(entry, handedOut);
  if (fault === undefined) return handedOut;
  attempts.push({ way: 'cache', reason: fault });
  options.report(`${labelOf(name, definition)}: ${fault}`);
  try {
    await obtainOnce({ name, definition, options, entry, attempts });
  } catch (error: unknown) {
    if (error instanceof ServerUnavailable || error instanceof ObtainingStopped) throw error;
    // Stopped while another process held the lock.
    if (options.signal?.aborted === true) throw new ObtainingStopped(labelOf(name, definition), error);
    const message = `cannot prepare ${labelOf(name, definition)} in ${options.cacheDir}: ${(error as Error).message}`;
    throw new ServerUnavailable(name, message, error);
  }
  return handedOut;
}

/** Checked at the first use of a process; what is not as it was put there is made anew. */
async function findCacheFault(entry: string, handedOut: string): Promise<string | undefined> {
  if (!(await exists(handedOut))) return `${entry} does not exist`;
  const tampering = await findTampering(entry);
  return tampering === undefined ? undefined : `${entry} is refused: ${tampering}`;
}

async function checkExplicit(name: ServerName, definition: ServerDefinition, path: string): Promise<string> {
  const fault = await findFault(definition, path);
  if (fault === undefined) return path;
  throw new ServerUnavailable(
    name,
    `${definition.pathVariable}=${path} cannot be used as ${labelOf(name, definition)} (${definition.title}): ${fault}; ` +
      `name a ${labelOf(name, definition)}, or unset ${definition.pathVariable} to have it fetched or built`,
  );
}

async function findInstalled(
  definition: ServerDefinition,
  searchPath: string,
  attempts: Attempt[],
): Promise<string | undefined> {
  if (definition.command === undefined) return undefined;
  const path = await findProgram(definition.command, searchPath);
  if (path === undefined) {
    attempts.push({ way: 'PATH', reason: `has no ${definition.command}` });
    return undefined;
  }
  const fault = await findFault(definition, path);
  if (fault === undefined) return path;
  attempts.push({ way: 'PATH', reason: `${path} is not used: ${fault}` });
  return undefined;
}
