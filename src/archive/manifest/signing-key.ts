import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { syncFolder } from '../store/folder-store.ts';

const KEY_TYPE = 'ed25519';
const KEY_ID_LENGTH = 16;
const OWNER_ONLY = 0o600;

/** A key that cannot sign; the message says how to make one. */
export class SigningKeyError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SigningKeyError';
  }
}

/** Signs manifests. */
export interface SigningKey {
  readonly keyId: string;
  readonly publicKey: KeyObject;
  sign(bytes: Buffer): Buffer;
}

/** Public keys whose signatures are believed, by key id. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>;

/** Beginning of the SHA-256 of the public key: says which key signed, not that it may be believed. */
export function keyIdOf(publicKey: KeyObject): string {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('hex').slice(0, KEY_ID_LENGTH);
}

/** From the PEM text of a private Ed25519 key. Another type is refused. */
export function signingKeyFrom(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  if (privateKey.asymmetricKeyType !== KEY_TYPE)
    throw new SigningKeyError(
      `a key of type ${privateKey.asymmetricKeyType ?? 'unknown'} cannot sign archives: make one with \`openssl genpkey -algorithm ed25519\``,
    );
  const publicKey = createPublicKey(privateKey);
  return { keyId: keyIdOf(publicKey), publicKey, sign: (bytes) => sign(null, bytes, privateKey) };
}

/** Private or public keys, any number in one text. */
export function trustedKeysFrom(pem: string): TrustedKeys {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  const keys = blocks.map((block) => createPublicKey(block));
  return new Map(keys.map((key) => [keyIdOf(key), key]));
}

/** Whether that key made the signature; whether the key may be believed is for TrustedKeys to say. */
export function isSignedBy(publicKey: KeyObject, bytes: Buffer, signature: Buffer): boolean {
  return verify(null, bytes, publicKey, signature);
}

/** The key in that file; where there is none, a new one that only its owner can read. */
export async function readOrCreateSigningKey(path: string): Promise<SigningKey> {
  try {
    return signingKeyFrom(await readFile(path, 'utf8'));
  } catch (error: unknown) {
    if (error instanceof SigningKeyError) throw error;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      throw new SigningKeyError(
        `cannot use the signing key ${path}: make one with \`openssl genpkey -algorithm ed25519\``,
        {
          cause: error,
        },
      );
  }
  return createSigningKey(path);
}

/**
 * Written beside its name and linked to it when it is on the disk: nobody ever reads half a key, and of processes that
 * start at once all use the one that was first. A process that is killed meanwhile leaves a file that nothing names.
 */
async function createSigningKey(path: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync(KEY_TYPE);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const incoming = `${path}.${randomUUID()}`;
  try {
    await writeFile(incoming, pem, { flag: 'wx', mode: OWNER_ONLY, flush: true });
    await link(incoming, path);
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(incoming, { force: true });
  }
  // What is signed with a key that a power cut takes away could never be verified.
  await syncFolder(folder);
  return signingKeyFrom(await readFile(path, 'utf8'));
}
