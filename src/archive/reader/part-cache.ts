import { link, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { DAY_MS } from '../../domain/time.ts';
import type { ManifestPart } from '../manifest/manifest.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { hashFile } from '../store/object-store.ts';
import { openPrivateFolder } from './private-folder.ts';

interface PartCacheOptions {
  readonly store: ObjectStore;
  readonly folder: string;
  /** What it may hold; the part that is requested stays in any case. */
  readonly maxBytes: number;
}

/**
 * Parts on the local disk, as they were written: each is checked against its manifest when it comes, and one that was there
 * before is checked when this process uses it first. A file that is another one by then is fetched anew.
 */
export interface PartCache {
  /** Puts the file into a folder beside the cache, where it stays whatever the cache lets go. Path of the file there. */
  fetch(part: ManifestPart, into: string): Promise<string>;
}

export class DamagedPartError extends Error {
  readonly key: string;

  constructor(key: string, found: string) {
    super(
      `${key} has SHA-256 ${found} and is not what was written: \`remediation-audit archive verify\` says more`,
    );
    this.name = 'DamagedPartError';
    this.key = key;
  }
}

export function createPartCache(options: PartCacheOptions): PartCache {
  return new FolderPartCache(options);
}

const MAX_ATTEMPTS = 3;

class FolderPartCache implements PartCache {
  readonly #options: PartCacheOptions;
  /** By hash: a part that several queries want at once is fetched once. */
  readonly #flights = new Map<string, Promise<string>>();
  /** Files that a query is about to link, and how many queries: evicted before, they would be missing. */
  readonly #wanted = new Map<string, number>();
  /** The file that this process has checked, by hash; another one in its place is checked too. */
  readonly #checked: CheckedFiles = new Map();

  constructor(options: PartCacheOptions) {
    this.#options = options;
  }

  async fetch(part: ManifestPart, into: string): Promise<string> {
    const name = `${part.sha256}.parquet`;
    const source = join(this.#options.folder, name);
    this.#wanted.set(source, (this.#wanted.get(source) ?? 0) + 1);
    try {
      return await this.#link(part, join(into, name));
    } finally {
      const others = (this.#wanted.get(source) ?? 1) - 1;
      if (others === 0) this.#wanted.delete(source);
      else this.#wanted.set(source, others);
    }
  }

  async #link(part: ManifestPart, path: string): Promise<string> {
    for (let attempt = 1; !(await isThere(path, part.sizeBytes)); attempt += 1) {
      const source = await this.#cached(part);
      await link(source, path).catch((error: unknown) => {
        // Another process evicted it between the two; fetched once more it is the newest and stays.
        if (attempt === MAX_ATTEMPTS || codeOf(error) !== 'ENOENT') throw error;
      });
    }
    return path;
  }

  #cached(part: ManifestPart): Promise<string> {
    const running = this.#flights.get(part.sha256);
    if (running !== undefined) return running;
    const flight = this.#fetchPart(part).finally(() => {
      this.#flights.delete(part.sha256);
    });
    this.#flights.set(part.sha256, flight);
    return flight;
  }

  async #fetchPart(part: ManifestPart): Promise<string> {
    const { store, folder } = this.#options;
    const path = join(folder, `${part.sha256}.parquet`);
    await openPrivateFolder(folder);
    if ((await isUsed(path, part.sizeBytes)) && (await isWritten(path, part, this.#checked))) return path;
    const incoming = `${path}.${process.pid}`;
    try {
      await store.download(part.key, incoming);
      const { sha256 } = await hashFile(incoming);
      if (sha256 !== part.sha256) throw new DamagedPartError(part.key, sha256);
      this.#checked.set(part.sha256, await identityOf(incoming));
      await rename(incoming, path);
    } finally {
      await rm(incoming, { force: true });
    }
    await evict(this.#options, this.#wanted);
    return path;
  }
}

/** Identities of files, by the hash that they were found to have. */
type CheckedFiles = Map<string, string>;

/** A file system gives the number of a removed file to the next one: with the time at which it was made they differ. */
async function identityOf(path: string): Promise<string> {
  const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
  return `${dev} ${ino} ${birthtimeNs}`;
}

/** Whether the file is the part, and not only called so. */
async function isWritten(path: string, { sha256 }: ManifestPart, checked: CheckedFiles): Promise<boolean> {
  try {
    const identity = await identityOf(path);
    if (checked.get(sha256) === identity) return true;
    if ((await hashFile(path)).sha256 !== sha256) return false;
    checked.set(sha256, identity);
    return true;
  } catch (error: unknown) {
    // Another process evicted it meanwhile.
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

async function isThere(path: string, sizeBytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === sizeBytes;
}

/** Whether it is there; if so it is now the most recently used. An eviction that had begun before may still remove it. */
async function isUsed(path: string, sizeBytes: number): Promise<boolean> {
  if (!(await isThere(path, sizeBytes))) return false;
  const now = new Date();
  try {
    await utimes(path, now, now);
    return true;
  } catch (error: unknown) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The least recently used go first; those that a question wants now stay. */
async function evict(
  { folder, maxBytes }: PartCacheOptions,
  wanted: ReadonlyMap<string, number>,
): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.parquet'));
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      // Another process that shares the folder may have let it go.
      const file = await stat(path).catch(() => undefined);
      return file === undefined ? [] : [{ path, size: file.size, mtimeMs: file.mtimeMs }];
    }),
  );
  const files = found.flat();
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((left, right) => left.mtimeMs - right.mtimeMs)) {
    if (total <= maxBytes) return;
    if (wanted.has(path)) continue;
    await rm(path, { force: true });
    total -= size;
  }
}

/** Folders of readers. Each question makes and removes one of its own in it, which renews its time. */
export const SPILL_PREFIX = 'spill-';
/** Those of queries stood beside them in versions before. */
const LEFTOVER = /^(?:question|spill)-/;
const LEFTOVER_MS = DAY_MS;

/**
 * Removes what processes that were killed have left. Whoever calls it has just made `own`, so its time is now by the
 * clock of the file system: ours may be another one, and would take a folder in use for a day old.
 */
export async function removeLeftovers(parent: string, own: string): Promise<void> {
  const { mtimeMs: nowMs } = await stat(own);
  for (const name of await readdir(parent)) {
    if (!LEFTOVER.test(name)) continue;
    const path = join(parent, name);
    // Its owner, or another process that starts at the same time, may have removed it.
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && nowMs - found.mtimeMs > LEFTOVER_MS)
      await rm(path, { recursive: true, force: true });
  }
}
