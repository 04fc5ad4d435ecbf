import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';

import { hashFile } from './file-hash.ts';
import type { ManifestPart } from './manifest.ts';
import type { ObjectStore } from './object-store.ts';

export interface PartCacheOptions {
  readonly store: ObjectStore;
  readonly folder: string;
  /** What it may hold; the part that is asked for is kept in any case. */
  readonly maxBytes: number;
}

/** Parts on the local disk, as they were written: each is checked against its manifest before it is used. */
export interface PartCache {
  /** Path of the file. */
  fetch(part: ManifestPart): Promise<string>;
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
  const flights = new Map<string, Promise<string>>();
  return {
    fetch: (part) => {
      const running = flights.get(part.sha256);
      if (running !== undefined) return running;
      const flight = fetchPart(part, options).finally(() => flights.delete(part.sha256));
      flights.set(part.sha256, flight);
      return flight;
    },
  };
}

async function fetchPart(part: ManifestPart, options: PartCacheOptions): Promise<string> {
  const { store, folder } = options;
  const path = join(folder, `${part.sha256}.parquet`);
  if (await isThere(path, part.sizeBytes)) {
    const now = new Date();
    await utimes(path, now, now);
    return path;
  }
  await mkdir(folder, { recursive: true });
  const incoming = `${path}.${process.pid}`;
  try {
    await store.download(part.key, incoming);
    const { sha256 } = await hashFile(incoming);
    if (sha256 !== part.sha256) throw new DamagedPartError(part.key, sha256);
    await rename(incoming, path);
  } finally {
    await rm(incoming, { force: true });
  }
  await evict(options, path);
  return path;
}

async function isThere(path: string, sizeBytes: number): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.size === sizeBytes;
}

/** The least recently used go first. */
async function evict({ folder, maxBytes }: PartCacheOptions, keep: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.parquet'));
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const { size, mtimeMs } = await stat(path);
      return { path, size, mtimeMs };
    }),
  );
  let total = files.reduce((sum, { size }) => sum + size, 0);
  for (const { path, size } of files.sort((left, right) => left.mtimeMs - right.mtimeMs)) {
    if (total <= maxBytes) return;
    if (path === keep) continue;
    await rm(path, { force: true });
    total -= size;
  }
}
