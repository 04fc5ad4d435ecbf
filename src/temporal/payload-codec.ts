import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';

import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import proto from '@temporalio/proto';

import type { PayloadKey } from '../domain/payload-keys.ts';

export interface PayloadOptions {
  /** Payloads of more bytes are compressed; 0 never. Small ones stay readable in Temporal's UI without a codec. */
  readonly compressAboveBytes: number;
  /** The first encrypts, all of them decrypt. None: nothing is encrypted. */
  readonly keys: readonly PayloadKey[];
  /** Whether a payload that is not encrypted is refused. Default false: it passes, so that keys can be introduced. */
  readonly requireEncryption?: boolean;
  /** Called when a payload is refused: it is not encrypted, or it was encrypted for another workflow. */
  readonly onRefused?: (reason: PayloadRefusal) => void;
}

export type PayloadRefusal = 'plain' | 'elsewhere';

/** The workflow that a payload belongs to. Each part may be unknown. */
export interface PayloadOwner {
  readonly namespace?: string;
  readonly workflowId?: string;
}

/** Whether any payload may be in another form than plain, so that a codec server is of use. */
export function isCoded({ compressAboveBytes, keys }: PayloadOptions): boolean {
  return compressAboveBytes > 0 || keys.length > 0;
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

/** Whoever has no key wrote it. */
class PlainPayloadError extends Error {
  constructor(owner: PayloadOwner) {
    super(
      `refused a payload of ${describeOwner(owner)} that is not encrypted: REMEDIATION_AUDIT_PAYLOAD_REQUIRE_ENCRYPTION is set; ` +
        'find out who sent it, and terminate the workflow, or unset the variable until it has ended',
    );
    this.name = 'PlainPayloadError';
  }
}

/** It was encrypted with a key of ours, and put where it does not belong. */
class MovedPayloadError extends Error {
  constructor(owner: PayloadOwner, found: PayloadOwner) {
    super(
      `refused a payload that was encrypted for ${describeOwner(owner)} and is now in ${describeOwner(found)}: ` +
        'find out who copied it, and terminate the workflow',
    );
    this.name = 'MovedPayloadError';
  }
}

/** Payloads that are more than their caller takes. */
export class PayloadsTooLargeError extends Error {
  constructor(problem: string) {
    super(`${problem}; send fewer of them at once`);
    this.name = 'PayloadsTooLargeError';
  }
}

export interface BoundedPayloadCodec extends PayloadCodec {
  /** Whether payloads are encrypted, and therefore belong to one workflow. */
  readonly encrypts: boolean;
  /** As `encode` and `decode`, for payloads of a stranger, who may not know to which workflow they belong. */
  encodeFor(payloads: readonly Payload[], owner: PayloadOwner): Promise<Payload[]>;
  /** Rejects as soon as those decoded have more bytes together. */
  decodeWithin(payloads: readonly Payload[], maxBytes: number, owner?: PayloadOwner): Promise<Payload[]>;
}

const { Payload: WirePayload } = proto.temporal.api.common.v1;

const COMPRESSED = 'binary/zstd';
const ENCRYPTED = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const NAMESPACE = 'encryption-namespace';
const WORKFLOW_ID = 'encryption-workflow-id';
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** Twice what Temporal takes in one payload: more can only be a bomb. */
const MAX_DECOMPRESSED_BYTES = 4 * 1024 * 1024;
/** As a power of two: a frame may ask for a window of 128 MiB, whatever it holds. */
const MAX_WINDOW_LOG = 22;
/** Data and a few members of metadata: a million small members would take a hundred times their bytes. */
const MAX_FIELDS = 64;

/** Node takes no smaller one. */
const MIN_CHUNK_BYTES = constants.Z_MIN_CHUNK;

const compressBytes = promisify(zstdCompress);
const decompressBytes = promisify(zstdDecompress);

/**
 * Compresses, then encrypts, whatever this product puts into Temporal: the payload as a whole, with its metadata. What is
 * neither compressed nor encrypted passes through, so that it can be turned on and off while workflows run, unless encryption
 * is required.
 *
 * What is encrypted belongs to one workflow of one namespace, and is refused in any other: see docs/adr/0044.
 */
export function createPayloadCodec(options: PayloadOptions): BoundedPayloadCodec {
  const { compressAboveBytes, keys, onRefused = () => undefined } = options;
  const requiresEncryption = options.requireEncryption === true;
  const secrets = new Map(keys.map(({ id, secret }) => [id, Buffer.from(secret, 'base64')]));
  const [active] = keys;
  const seal = async (payload: Payload, owner: PayloadOwner): Promise<Payload> => {
    const small = await compress(payload, compressAboveBytes);
    const secret = secrets.get(active?.id ?? '');
    return active === undefined || secret === undefined
      ? small
      : encrypt(small, { keyId: active.id, secret, owner });
  };
  const refuse = (reason: PayloadRefusal, error: Error): never => {
    onRefused(reason);
    throw error;
  };
  const unseal = (payload: Payload, found: PayloadOwner): Payload => {
    if (encodingOf(payload) !== ENCRYPTED)
      return requiresEncryption ? refuse('plain', new PlainPayloadError(found)) : payload;
    const owner = ownerNamedBy(payload);
    if (!isOwner(owner, found)) refuse('elsewhere', new MovedPayloadError(owner, found));
    return decrypt(payload, secrets);
  };
  const open = (payload: Payload, leftBytes: number, owner: PayloadOwner): Promise<Payload> => {
    const plain = unseal(payload, owner);
    return encodingOf(plain) === COMPRESSED ? decompress(plain, leftBytes) : Promise.resolve(plain);
  };
  const decodeWithin = async (
    payloads: readonly Payload[],
    maxBytes: number,
    owner: PayloadOwner = {},
  ): Promise<Payload[]> => {
    const opened: Payload[] = [];
    let leftBytes = maxBytes;
    // One after the other: what is left bounds the next one while it is being decompressed.
    for (const payload of payloads) {
      const plain = await open(payload, leftBytes, owner);
      leftBytes -= plain.data?.length ?? 0;
      if (leftBytes < 0) throw tooLarge();
      opened.push(plain);
    }
    return opened;
  };
  const encodeFor = (payloads: readonly Payload[], owner: PayloadOwner): Promise<Payload[]> =>
    Promise.all(payloads.map((payload) => seal(payload, owner)));
  return {
    encrypts: active !== undefined,
    encode: (payloads, context) => encodeFor(payloads, ownerIn(context)),
    encodeFor,
    decode: (payloads, context) => decodeWithin(payloads, Infinity, ownerIn(context)),
    decodeWithin,
  };
}

/** A schedule starts its workflows under its own id and the time; what they begin with was written for the schedule. */
const SCHEDULED_AT = /-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** An activity belongs to its workflow. Without a context nothing is known. */
function ownerIn(context: SerializationContext | undefined): PayloadOwner {
  if (context === undefined) return {};
  const { namespace, workflowId } = context;
  return workflowId === undefined ? { namespace } : { namespace, workflowId };
}

/** Says nothing against it where a part is not known to whoever decodes. What was encrypted for nobody belongs nowhere. */
function isOwner(owner: PayloadOwner, found: PayloadOwner): boolean {
  const { namespace = '', workflowId = '' } = owner;
  return (
    (found.namespace === undefined || found.namespace === namespace) &&
    (found.workflowId === undefined || found.workflowId.replace(SCHEDULED_AT, '') === workflowId)
  );
}

function describeOwner({ namespace, workflowId }: PayloadOwner): string {
  const workflow =
    workflowId === undefined || workflowId === '' ? 'an unnamed workflow' : `workflow ${workflowId}`;
  return namespace === undefined || namespace === '' ? workflow : `${workflow} of namespace ${namespace}`;
}

/** As the payload says; that it says so truly shows when it is decrypted. */
function ownerNamedBy({ metadata }: Payload): PayloadOwner {
  return { namespace: textOf(metadata?.[NAMESPACE]), workflowId: textOf(metadata?.[WORKFLOW_ID]) };
}

async function compress(payload: Payload, aboveBytes: number): Promise<Payload> {
  if (aboveBytes === 0 || (payload.data?.length ?? 0) <= aboveBytes) return payload;
  const compressed = await compressBytes(encodePayload(payload));
  // What does not shrink (an archive, a key) is better left readable.
  if (compressed.length >= (payload.data?.length ?? 0)) return payload;
  return { metadata: { encoding: Buffer.from(COMPRESSED) }, data: compressed };
}

/**
 * Stops at the limit: what is behind it is never made. For a stranger it is written into one piece of memory, of which
 * only what is filled counts: pieces would be there twice while they are joined, and Zstandard would keep a window.
 */
async function decompress({ data }: Payload, leftBytes: number): Promise<Payload> {
  const maxOutputLength = Math.max(1, Math.min(MAX_DECOMPRESSED_BYTES, leftBytes));
  const params = { [constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG };
  const chunkSize = Number.isFinite(leftBytes)
    ? maxOutputLength + MIN_CHUNK_BYTES
    : constants.Z_DEFAULT_CHUNK;
  try {
    const bytes = await decompressBytes(data ?? new Uint8Array(), { maxOutputLength, chunkSize, params });
    requireFewFields(bytes);
    // The payload is a view: a small one would keep all that was reserved.
    return decodePayload(bytes.length < chunkSize / 2 ? Uint8Array.from(bytes) : bytes);
  } catch (error: unknown) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    if (leftBytes < MAX_DECOMPRESSED_BYTES) throw tooLarge();
    throw new Error(`it has more than ${MAX_DECOMPRESSED_BYTES} bytes`, { cause: error });
  }
}

function tooLarge(): PayloadsTooLargeError {
  return new PayloadsTooLargeError('decoded, the payloads are more bytes than are allowed together');
}

interface Sealing {
  readonly keyId: string;
  readonly secret: Buffer;
  readonly owner: PayloadOwner;
}

function encrypt(payload: Payload, { keyId, secret, owner }: Sealing): Payload {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, secret, iv, { authTagLength: TAG_BYTES });
  const { namespace = '', workflowId = '' } = owner;
  const metadata = {
    [KEY_ID]: Buffer.from(keyId),
    [NAMESPACE]: Buffer.from(namespace),
    [WORKFLOW_ID]: Buffer.from(workflowId.replace(SCHEDULED_AT, '')),
  };
  cipher.setAAD(associatedData(metadata));
  const text = Buffer.concat([cipher.update(encodePayload(payload)), cipher.final()]);
  return {
    metadata: { encoding: Buffer.from(ENCRYPTED), ...metadata },
    data: Buffer.concat([iv, cipher.getAuthTag(), text]),
  };
}

function decrypt({ metadata, data }: Payload, secrets: ReadonlyMap<string, Buffer>): Payload {
  const keyId = textOf(metadata?.[KEY_ID]);
  const secret = secrets.get(keyId);
  if (secret === undefined) throw new UnknownPayloadKeyError(keyId);
  const sealed = Buffer.from(data ?? []);
  const iv = sealed.subarray(0, IV_BYTES);
  const decipher = createDecipheriv(CIPHER, secret, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(associatedData(metadata ?? {}));
  decipher.setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  const text = decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES));
  return decodePayload(Buffer.concat([text, decipher.final()]));
}

/** None of it is secret, but exchanging it must not go unnoticed. */
function associatedData(metadata: NonNullable<Payload['metadata']>): Buffer {
  return Buffer.from(JSON.stringify([KEY_ID, NAMESPACE, WORKFLOW_ID].map((name) => textOf(metadata[name]))));
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

function encodingOf({ metadata }: Payload): string {
  return textOf(metadata?.['encoding']);
}

const LENGTH_DELIMITED = 2;
/** In bytes: 4 hold every length that is allowed here. A longer form of the same number is none that an encoder writes. */
const MAX_VARINT = 4;

/**
 * Steps over the fields of a Payload in Protobuf's wire format, before objects are made of them. Stricter than the decoder,
 * so that nothing that it makes is passed over here.
 */
function requireFewFields(bytes: Uint8Array): void {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let length = 1; length <= MAX_VARINT; length += 1) {
      const byte = bytes[at] ?? 0;
      at += 1;
      value += (byte & 127) * 128 ** (length - 1);
      if (byte < 128) return value;
    }
    throw new Error('it is no payload');
  };
  for (let fields = 1; at < bytes.length; fields += 1) {
    if (fields > MAX_FIELDS) throw new Error(`it has more than ${MAX_FIELDS} fields`);
    if (varint() % 8 !== LENGTH_DELIMITED) throw new Error('it is no payload');
    const length = varint();
    at += length;
  }
}
