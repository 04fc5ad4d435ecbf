import { reasonOf } from '../../domain/errors.ts';
import type { JsonValue } from '../../domain/json.ts';
import { canonicalJson, parseJson } from '../../domain/json.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { sha256Of } from '../store/object-store.ts';
import type { SigningKey, TrustedKeys } from './signing-key.ts';
import { isSignedBy } from './signing-key.ts';

/*
 * The room `archive/manifest`: what a month consists of in the store, signed, and whether it is still there.
 *
 * In: the parts of a month and a signing key. Out: a signed manifest, the chain of all manifests, and a report of every fault.
 *
 * The chain at the end of this file appends, `verify-archive.ts` reads the whole chain, `verify-part.ts` compares a part with its manifest.
 *
 * What must stay true: no manifest is used whose signature was not checked against the trusted keys. Each manifest names the one
 * before it and has the next number, so that a removed manifest leaves a gap. An archive that was removed on purpose has a
 * manifest that says so.
 */

/** One Parquet file of one table. */
export interface ManifestPart {
  readonly table: string;
  readonly key: string;
  readonly sizeBytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  readonly rows: number;
  /** SHA-256 of the text of its rows in order, hexadecimal. */
  readonly digest: string;
  /** The first bytes of the SHA-256 of each row's text, one row after the other. */
  readonly rowHashes: { readonly key: string; readonly sha256: string };
  /** Earliest and latest `created_at`. */
  readonly first: string;
  readonly last: string;
}

/** What a month consists of in the store. */
export interface Manifest {
  readonly format: number;
  /** Counts all manifests of a store from 1: a missing one leaves a gap. */
  readonly sequence: number;
  /** First day of the month. */
  readonly month: string;
  readonly createdAt: string;
  readonly schemaVersion: number;
  /** `created_at` of every row lies from the first to before the second. */
  readonly range: readonly [from: string, to: string];
  /** Rows by table, over all parts. */
  readonly rows: Readonly<Record<string, number>>;
  readonly parts: readonly ManifestPart[];
  /** The manifest written before this one, of whichever month: the chain shows that none was taken away. */
  readonly previous: { readonly key: string; readonly sha256: string } | null;
  /** Stands in the place of an archive that was removed on purpose. Then there are no parts. */
  readonly removed?: Removal;
}

/** Who took the objects of a month away, when, and why. */
interface Removal {
  readonly at: string;
  readonly by: string;
  readonly reason: string;
  /** Keys of the objects, and how many rows the last manifest counted. */
  readonly objects: readonly string[];
  readonly rows: Readonly<Record<string, number>>;
}

/** A manifest as it lies in the store. */
export interface SealedManifest {
  readonly key: string;
  readonly manifest: Manifest;
  /** SHA-256 of the object's bytes. */
  readonly sha256: string;
  readonly keyId: string;
}

export class ManifestError extends Error {
  readonly key: string;

  constructor(key: string, reason: string, options?: ErrorOptions) {
    super(`manifest ${key}: ${reason}`, options);
    this.name = 'ManifestError';
    this.key = key;
  }
}

const ALGORITHM = 'Ed25519';
const MANIFEST_FORMAT = 1;

export function manifestKey(sequence: number): string {
  return `manifests/${String(sequence).padStart(8, '0')}.json`;
}

/** The bytes of the object: the manifest and a signature over its canonical JSON. */
function sealManifest(manifest: Manifest, key: SigningKey): Buffer {
  const canonical = canonicalManifest(manifest);
  const value = key.sign(Buffer.from(canonical)).toString('base64');
  const signature = JSON.stringify({ algorithm: ALGORITHM, keyId: key.keyId, value });
  return Buffer.from(`{"manifest":${canonical},"signature":${signature}}\n`);
}

/** Reads and checks a manifest; throws a ManifestError unless a trusted key signed exactly this. */
export function openManifest(key: string, bytes: Buffer, trusted: TrustedKeys): SealedManifest {
  const { manifest, signature } = readEnvelope(key, bytes);
  const publicKey = trusted.get(signature.keyId);
  if (publicKey === undefined)
    throw new ManifestError(
      key,
      `signed by key ${signature.keyId}, which is not trusted: add its public key, or find out who signed it`,
    );
  const canonical = Buffer.from(canonicalManifest(manifest));
  if (signature.algorithm !== ALGORITHM || !isSignedBy(publicKey, canonical, signature.value))
    throw new ManifestError(key, 'its signature is wrong: it was changed after it was signed');
  if (manifest.format !== MANIFEST_FORMAT)
    throw new ManifestError(key, `has format ${manifest.format}, this program knows ${MANIFEST_FORMAT}`);
  if (manifestKey(manifest.sequence) !== key)
    throw new ManifestError(key, `is number ${manifest.sequence} and lies under another one's name`);
  return { key, manifest, sha256: sha256Of(bytes), keyId: signature.keyId };
}

/** Rows by table, over all parts. */
export function countRows(parts: readonly ManifestPart[]): Record<string, number> {
  const rows: Record<string, number> = {};
  for (const part of parts) rows[part.table] = (rows[part.table] ?? 0) + part.rows;
  return rows;
}

function canonicalManifest(manifest: Manifest): string {
  return canonicalJson(parseJson(JSON.stringify(manifest)) satisfies JsonValue);
}

interface Envelope {
  readonly manifest: Manifest;
  readonly signature: { readonly algorithm: unknown; readonly keyId: string; readonly value: Buffer };
}

function readEnvelope(key: string, bytes: Buffer): Envelope {
  try {
    const { manifest, signature } = JSON.parse(bytes.toString()) as {
      manifest: Manifest;
      signature: { algorithm: unknown; keyId: unknown; value: unknown };
    };
    const value = Buffer.from(String(signature.value), 'base64');
    // Whatever else it holds is believed only after the signature.
    if (typeof manifest !== 'object') throw new TypeError('it holds no manifest');
    return { manifest, signature: { ...signature, keyId: String(signature.keyId), value } };
  } catch (error: unknown) {
    throw new ManifestError(key, `cannot be read: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

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
