import { sha256Of } from '../store/file-hash.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Manifest, SealedManifest } from './manifest.ts';
import { MANIFEST_FORMAT, manifestKey, openManifest, sealManifest } from './manifest.ts';
import type { SigningKey, TrustedKeys } from './signing-key.ts';

export const MANIFEST_PREFIX = 'manifests/';

/**
 * All manifests of a store. Each has the number after the one before, and its hash, so that none can be taken
 * out or exchanged unseen.
 */
export interface ManifestChain {
  /** The newest manifest of all. */
  newest(): Promise<SealedManifest | undefined>;
  /** Throws unless a trusted key signed it. */
  read(key: string): Promise<SealedManifest>;
  /** Puts a manifest at the end. A repetition with the same parts answers the one that is there. */
  append(manifest: NewManifest, options?: { readonly held: boolean }): Promise<SealedManifest>;
}

/** What a manifest says; its number and its predecessor are the chain's. */
export type NewManifest = Omit<Manifest, 'format' | 'sequence' | 'previous'>;

export function createManifestChain(
  store: ObjectStore,
  key: SigningKey,
  trusted: TrustedKeys,
): ManifestChain {
  const read = async (name: string): Promise<SealedManifest> =>
    openManifest(name, await store.read(name), trusted);
  const newest = async (): Promise<SealedManifest | undefined> => {
    const last = (await store.list(MANIFEST_PREFIX)).at(-1);
    return last === undefined ? undefined : read(last);
  };
  return {
    newest,
    read,
    append: async (manifest, { held } = { held: false }) => {
      const last = await newest();
      // An earlier attempt was killed after it wrote the manifest and before it answered: that one is it.
      if (last !== undefined && isSame(last.manifest, manifest)) return last;
      const sealed = {
        ...manifest,
        format: MANIFEST_FORMAT,
        sequence: (last?.manifest.sequence ?? 0) + 1,
        previous: last === undefined ? null : { key: last.key, sha256: last.sha256 },
      };
      const bytes = sealManifest(sealed, key);
      const name = manifestKey(sealed.sequence);
      await store.put(name, { source: bytes, sha256: sha256Of(bytes), held });
      // Read back: a store that only says that it took it would leave a month without its manifest.
      return read(name);
    },
  };
}

/** Whether an earlier attempt wrote it: the same month and parts, and both a removal or neither. */
function isSame(last: Manifest, wanted: NewManifest): boolean {
  const parts = (manifest: NewManifest): string =>
    manifest.parts.map(({ key, sha256 }) => `${key} ${sha256}`).join('\n');
  const isRemoval = (manifest: NewManifest): boolean => manifest.removed !== undefined;
  return (
    last.month === wanted.month && parts(last) === parts(wanted) && isRemoval(last) === isRemoval(wanted)
  );
}
