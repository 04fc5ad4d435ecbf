import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

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

async function createSigningKey(path: string): Promise<SigningKey> {
  const { privateKey } = generateKeyPairSync(KEY_TYPE);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  await mkdir(dirname(path), { recursive: true });
  // Exclusive: of two processes that start at once, the second uses what the first one made.
  const file = await open(path, 'wx', OWNER_ONLY).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  });
  if (file === undefined) return signingKeyFrom(await readFile(path, 'utf8'));
  try {
    await file.writeFile(pem);
    await file.sync();
  } finally {
    await file.close();
  }
  return signingKeyFrom(pem);
}
