import { withWorkspace } from '../parquet/duckdb.ts';
import { listObjects, orphansAmong } from '../store/archive-objects.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { ObjectMissingError } from '../store/object-store.ts';
import type { Manifest, SealedManifest } from './manifest.ts';
import { MANIFEST_PREFIX, ManifestError, manifestKey, openManifest } from './manifest.ts';
import type { TrustedKeys } from './signing-key.ts';
import type { ArchiveFault } from './verify-part.ts';
import { verifyParts } from './verify-part.ts';

export interface VerifyOptions {
  readonly store: ObjectStore;
  readonly trusted: TrustedKeys;
  readonly workFolder: string;
  /** Only this month (`2026-03-01`). Default all of them. */
  readonly month?: string;
  /** Called with the key of each part before it is read. */
  readonly onPart?: (key: string) => void;
}

export interface VerifyReport {
  readonly manifests: number;
  readonly months: number;
  readonly parts: number;
  readonly rows: number;
  /** In the order in which they were met. */
  readonly faults: readonly ArchiveFault[];
  /** Objects that no manifest names: no fault, only in the way. None are listed while the chain has a fault: it may name them. */
  readonly orphans: readonly string[];
}

/**
 * Re-checks what lies in the store: the chain of manifests, and every part that the newest manifest of a
 * month names. Changes nothing and asks no database. Faults are part of the report; a store that cannot be
 * read throws.
 */
export async function verifyArchive(options: VerifyOptions): Promise<VerifyReport> {
  const { store, trusted, workFolder, month } = options;
  // Listed before the chain is read: what is stored meanwhile is not taken for an orphan.
  const objects = await listObjects(store, month);
  const chain = await readChain(store, trusted);
  const newest = newestByMonth(chain.manifests);
  const wanted = [...newest.values()].filter((manifest) => month === undefined || manifest.month === month);
  const parts = wanted.flatMap((manifest) => manifest.parts);
  const faults = [...chain.faults];
  if (month !== undefined && wanted.length === 0)
    faults.push({ key: MANIFEST_PREFIX, reason: `no manifest of ${month.slice(0, 7)} can be trusted` });
  const { onPart } = options;
  await withWorkspace(workFolder, async (workspace) => {
    const given = { store, workspace, ...(onPart === undefined ? {} : { onPart }) };
    for (const fault of await verifyParts(parts, given)) faults.push(fault);
  });
  return {
    manifests: chain.manifests.length,
    months: wanted.length,
    parts: parts.length,
    rows: parts.reduce((rows, part) => rows + part.rows, 0),
    faults,
    orphans: chain.faults.length > 0 ? [] : orphansAmong(objects, chain.manifests),
  };
}

/** The newest manifest of each month, oldest month first. */
export function newestByMonth(manifests: readonly SealedManifest[]): ReadonlyMap<string, Manifest> {
  const newest = new Map<string, Manifest>();
  for (const { manifest } of manifests) newest.set(manifest.month, manifest);
  return new Map([...newest].sort(([left], [right]) => (left < right ? -1 : 1)));
}

export interface ReadChain {
  /** Those that can be trusted, in order. */
  readonly manifests: readonly SealedManifest[];
  readonly faults: readonly ArchiveFault[];
}

/**
 * Every manifest of the store, in order, and what is wrong with the chain. One that cannot be trusted is a
 * fault, and the rest is read all the same.
 */
export async function readChain(store: ObjectStore, trusted: TrustedKeys): Promise<ReadChain> {
  const keys = await store.list(MANIFEST_PREFIX);
  const manifests: SealedManifest[] = [];
  const faults: ArchiveFault[] = missingNumbers(keys);
  for (const key of keys) {
    try {
      const sealed = openManifest(key, await store.read(key), trusted);
      const broken = brokenLink(sealed, manifests);
      if (broken !== undefined) faults.push(broken);
      manifests.push(sealed);
    } catch (error: unknown) {
      if (!(error instanceof ManifestError || error instanceof ObjectMissingError)) throw error;
      faults.push({ key, reason: error.message });
    }
  }
  return { manifests, faults };
}

/** Up to the newest that is there: one that is missing at the end cannot be seen from the store alone. */
function missingNumbers(keys: readonly string[]): ArchiveFault[] {
  const last = Number(/(\d+)\.json$/.exec(keys.at(-1) ?? '')?.[1] ?? 0);
  return Array.from({ length: last }, (_, index) => manifestKey(index + 1))
    .filter((key) => !keys.includes(key))
    .map((key) => ({ key, reason: 'is missing' }));
}

function brokenLink(
  { key, manifest: { sequence, previous } }: SealedManifest,
  before: readonly SealedManifest[],
): ArchiveFault | undefined {
  const expected = before.find((candidate) => candidate.manifest.sequence === sequence - 1);
  // A predecessor that is missing or was not signed is a fault of its own already.
  if (expected === undefined || expected.sha256 === previous?.sha256) return undefined;
  return { key, reason: `follows another ${expected.key} than the one that is there` };
}
