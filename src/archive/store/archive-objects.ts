import type { SealedManifest } from '../manifest/manifest.ts';
import { ARCHIVED_TABLES } from '../parquet/archive-schema.ts';
import type { ObjectStore } from './object-store.ts';

const PREFIXES = ['', 'row-hashes/'];

/** Every part of the month with the hashes of its rows, also those that a later export superseded. Without a month all. */
export async function listObjects(store: ObjectStore, month?: string): Promise<readonly string[]> {
  const ofMonth = month === undefined ? '' : `month=${month.slice(0, 7)}/`;
  const keys: string[] = [];
  for (const { table } of ARCHIVED_TABLES)
    for (const prefix of PREFIXES)
      for (const key of await store.list(`${prefix}table=${table}/${ofMonth}`)) keys.push(key);
  return keys.sort();
}

/**
 * Those that no manifest names, not even one that another superseded: an export was broken off after it had stored them,
 * and by the next one the rows were others.
 */
export function orphansAmong(
  keys: readonly string[],
  manifests: readonly SealedManifest[],
): readonly string[] {
  const parts = manifests.flatMap(({ manifest }) => manifest.parts);
  const named = new Set(parts.flatMap(({ key, rowHashes }) => [key, rowHashes.key]));
  return keys.filter((key) => !named.has(key));
}

/** First day of the month that an object belongs to, by its key. */
export function monthOfObject(key: string): string {
  const month = /\/month=(\d{4}-\d{2})\//.exec(key)?.[1];
  if (month === undefined) throw new RangeError(`${key} names no month: it is not an object of the archive`);
  return `${month}-01`;
}
