import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';

import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';

import type { PayloadKey } from '../domain/payload-keys.ts';

export interface PayloadOptions {
  /** Payloads of more bytes are compressed; 0 never. Small ones stay readable in Temporal's UI without a codec. */
  readonly compressAboveBytes: number;
  /** The first encrypts, all of them decrypt. None: nothing is encrypted. */
  readonly keys: readonly PayloadKey[];
}

/** Temporal holds what nobody here can read: the key's name is known, the key is not. */
export class UnknownPayloadKeyError extends Error {
  readonly keyId: string;

  constructor(keyId: string) {
    super(
      `cannot decrypt a payload in Temporal: key ${keyId} is not in REMEDIATION_AUDIT_PAYLOAD_KEYS_FILE; ` +
        'put it back below the others until everything encrypted with it has gone',
    );
    this.name = 'UnknownPayloadKeyError';
    this.keyId = keyId;
  }
}

const { Payload: WirePayload } = proto.temporal.api.common.v1;

const COMPRESSED = 'binary/zstd';
const ENCRYPTED = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Twice what Temporal takes in one payload: more can only be a bomb. */
const MAX_DECOMPRESSED_BYTES = 4 * 1024 * 1024;

/**
 * Compresses, then encrypts, whatever this product puts into Temporal: the payload as a whole, with its metadata. What is
 * neither compressed nor encrypted passes through, so that it can be turned on and off while workflows run.
 */
export function createPayloadCodec({ compressAboveBytes, keys }: PayloadOptions): PayloadCodec {
  const secrets = new Map(keys.map(({ id, secret }) => [id, Buffer.from(secret, 'base64')]));
  const [active] = keys;
  const seal = (payload: Payload): Payload => {
    const small = compress(payload, compressAboveBytes);
    const secret = secrets.get(active?.id ?? '');
    return active === undefined || secret === undefined ? small : encrypt(small, active.id, secret);
  };
  const open = (payload: Payload): Payload => {
    switch (textOf(payload.metadata?.['encoding'])) {
      case ENCRYPTED:
        return open(decrypt(payload, secrets));
      case COMPRESSED:
        return decodePayload(
          zstdDecompressSync(payload.data ?? new Uint8Array(), { maxOutputLength: MAX_DECOMPRESSED_BYTES }),
        );
      default:
        return payload;
    }
  };
  return {
    encode: (payloads) => Promise.resolve().then(() => payloads.map(seal)),
    decode: (payloads) => Promise.resolve().then(() => payloads.map(open)),
  };
}

function compress(payload: Payload, aboveBytes: number): Payload {
  if (aboveBytes === 0 || (payload.data?.length ?? 0) <= aboveBytes) return payload;
  const compressed = zstdCompressSync(encodePayload(payload));
  // What does not shrink (an archive, a key) is better left readable.
  if (compressed.length >= (payload.data?.length ?? 0)) return payload;
  return { metadata: { encoding: Buffer.from(COMPRESSED) }, data: compressed };
}

function encrypt(payload: Payload, keyId: string, secret: Buffer): Payload {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, secret, iv);
  // The name is not secret, but exchanging it must not go unnoticed.
  cipher.setAAD(Buffer.from(keyId));
  const text = Buffer.concat([cipher.update(encodePayload(payload)), cipher.final()]);
  return {
    metadata: { encoding: Buffer.from(ENCRYPTED), 'encryption-key-id': Buffer.from(keyId) },
    data: Buffer.concat([iv, cipher.getAuthTag(), text]),
  };
}

function decrypt({ metadata, data }: Payload, secrets: ReadonlyMap<string, Buffer>): Payload {
  const keyId = textOf(metadata?.['encryption-key-id']);
  const secret = secrets.get(keyId);
  if (secret === undefined) throw new UnknownPayloadKeyError(keyId);
  const sealed = Buffer.from(data ?? []);
  const decipher = createDecipheriv(CIPHER, secret, sealed.subarray(0, IV_BYTES));
  decipher.setAAD(Buffer.from(keyId));
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const text = decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES));
  return decodePayload(Buffer.concat([text, decipher.final()]));
}

function encodePayload(payload: Payload): Uint8Array {
  return WirePayload.encode(payload).finish();
}

function decodePayload(bytes: Uint8Array): Payload {
  return WirePayload.decode(bytes);
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}
