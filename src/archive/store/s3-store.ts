import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { HeadObjectCommandOutput, PutObjectCommandInput, S3ClientConfig } from '@aws-sdk/client-s3';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  PutObjectLegalHoldCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';

import { DAY_MS } from '../../domain/time.ts';
import type { ObjectBody, ObjectStore } from './object-store.ts';
import {
  hashStream,
  MAX_READ_BYTES,
  ObjectConflictError,
  ObjectHeldError,
  ObjectMissingError,
  ObjectStoreError,
  requireKey,
} from './object-store.ts';

export interface S3StoreOptions {
  readonly bucket: string;
  /** Put before every key. Default none. */
  readonly prefix?: string;
  readonly region: string;
  /** Default: the endpoint of AWS in that region. */
  readonly endpoint?: string;
  /** Bucket in the path rather than in the host's name. Default false; most other stores need it. */
  readonly pathStyle?: boolean;
  /** `when_required` for stores that do not know the checksums the SDK adds by itself. Default `when_supported`. */
  readonly checksums?: 'when_supported' | 'when_required';
  /** Default: what the bucket does by itself. */
  readonly encryption?: { readonly algorithm: 'AES256' | 'aws:kms'; readonly kmsKeyId?: string };
  /** Nobody, or only whom the mode allows, can delete an object before so many days have passed. Default none. */
  readonly lock?: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number };
  /** Default: the SDK's chain: environment, profile, IRSA, pod identity, instance. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Silence of the store after which a request is given up, in milliseconds; the SDK tries it again. Default 60,000. */
  readonly silenceMs?: number;
}

/** The SDK warns on the console of streams it cannot send again; our errors say what happened to them. */
const SILENT = { debug: silence, info: silence, warn: silence, error: silence };

const HTTP_NOT_FOUND = 404;
const HTTP_PRECONDITION_FAILED = 412;
/** Our clock and the store's are more than a quarter of an hour apart. */
const CLOCK_SKEWED = 'RequestTimeTooSkewed';
const CONNECT_MS = 10_000;
const SILENCE_MS = 60_000;
/** Codes by which stores say that a bucket, or they themselves, know no object lock. */
const NO_LOCK = new Set([
  'InvalidRequest',
  'InvalidBucketObjectLockConfiguration',
  'ObjectLockConfigurationNotFoundError',
  'NoSuchObjectLockConfiguration',
  'NotImplemented',
  'MethodNotAllowed',
]);

/**
 * Objects in one bucket, of AWS or of a store that speaks S3. An object is written once, with a checksum that
 * the store verifies, and is never overwritten. Holds and locks are those of the store, where it has them.
 */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const store = new S3Store(options);
  return {
    location: store.location,
    put: (key, body) => store.put(key, body),
    download: (key, path) => store.get(key, (body) => pipeline(body, createWriteStream(path))),
    read: (key) => store.get(key, collectBounded),
    list: (prefix) => store.list(prefix),
    setLegalHold: (key, held) => store.setLegalHold(key, held),
    storedAtMs: (key) => store.storedAtMs(key),
    heldBy: (key) => store.heldBy(key),
    remove: (key) => store.remove(key),
  };
}

class S3Store {
  readonly location: string;
  readonly #options: S3StoreOptions;
  readonly #prefix: string;
  readonly #client: S3Client;

  constructor(options: S3StoreOptions) {
    this.#options = options;
    this.#prefix = options.prefix === undefined || options.prefix === '' ? '' : `${options.prefix}/`;
    this.location = `s3://${options.bucket}/${this.#prefix}`;
    this.#client = new S3Client(clientConfig(options));
  }

  /**
   * A key that is taken is no error where the same bytes lie there: an export that is repeated finds its
   * parts.
   */
  async put(key: string, body: ObjectBody): Promise<'stored' | 'present'> {
    try {
      await this.#write(key, body);
      return 'stored';
    } catch (error: unknown) {
      if (statusOf(error) !== HTTP_PRECONDITION_FAILED) throw this.#wrap('write', key, error);
      const there = await this.get(key, hashStream);
      if (there.sha256 !== body.sha256) throw new ObjectConflictError(key, this.location);
      if (body.held === true) await this.setLegalHold(key, true);
      return 'present';
    }
  }

  async #write(key: string, body: ObjectBody): Promise<void> {
    try {
      await this.#send(key, body);
    } catch (error: unknown) {
      if (body.held !== true || !knowsNoLock(error)) throw error;
      // Its archive is worth more than its hold; the round that sets the holds finds, and reports, that this store has none.
      await this.#write(key, { ...body, held: false });
    }
  }

  /**
   * The client learns the store's clock from an answer, but cannot send a file again: it is a stream, and read. A store
   * that refuses before it has read a long file closes the connection, and its answer may be lost with it.
   */
  async #send(key: string, body: ObjectBody): Promise<void> {
    const send = async () => this.#client.send(new PutObjectCommand(await this.#putInput(key, body)));
    await send().catch(async (error: unknown) => {
      if (isReset(error)) await this.#learnClock(key);
      else if (!(error instanceof S3ServiceException) || error.name !== CLOCK_SKEWED) throw error;
      return send();
    });
  }

  /** By a request so short that its answer arrives. Whatever the answer is, it has the date; the second try says the rest. */
  async #learnClock(key: string): Promise<void> {
    await this.#client.send(new HeadObjectCommand(this.#address(key))).catch(() => undefined);
  }

  /** Made anew for each try: a stream that was read cannot be sent again. */
  async #putInput(key: string, { source, sha256, held }: ObjectBody): Promise<PutObjectCommandInput> {
    const { encryption, lock } = this.#options;
    return {
      ...this.#address(key),
      Body: Buffer.isBuffer(source) ? source : createReadStream(source),
      ContentLength: Buffer.isBuffer(source) ? source.length : (await stat(source)).size,
      // The server refuses what arrives otherwise than it left.
      ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
      // Fails when the key is taken: an archive is never overwritten.
      IfNoneMatch: '*',
      ...(held === true ? { ObjectLockLegalHoldStatus: 'ON' } : {}),
      ...(encryption === undefined ? {} : { ServerSideEncryption: encryption.algorithm }),
      ...(encryption?.kmsKeyId === undefined ? {} : { SSEKMSKeyId: encryption.kmsKeyId }),
      ...(lock === undefined
        ? {}
        : {
            ObjectLockMode: lock.mode,
            ObjectLockRetainUntilDate: new Date(Date.now() + lock.days * DAY_MS),
          }),
    };
  }

  async get<T>(key: string, read: (body: Readable) => Promise<T>): Promise<T> {
    try {
      const { Body } = await this.#client.send(new GetObjectCommand(this.#address(key)));
      if (Body === undefined) throw new Error('the answer has no body');
      // In Node it is always a Readable; the SDK's type also covers browsers.
      return await read(Body as Readable);
    } catch (error: unknown) {
      if (statusOf(error) === HTTP_NOT_FOUND) throw new ObjectMissingError(key, this.location);
      throw this.#wrap('read', key, error);
    }
  }

  async list(prefix: string): Promise<readonly string[]> {
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const page = await this.#client
        .send(
          new ListObjectsV2Command({
            Bucket: this.#options.bucket,
            Prefix: this.#prefix + prefix,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        )
        .catch((error: unknown) => {
          throw this.#wrap('list', prefix, error);
        });
      for (const { Key = '' } of page.Contents ?? []) keys.push(Key.slice(this.#prefix.length));
      token = page.NextContinuationToken;
    } while (token !== undefined);
    return keys.sort();
  }

  /** False when the store knows no legal holds. */
  async setLegalHold(key: string, held: boolean): Promise<boolean> {
    try {
      await this.#client.send(
        new PutObjectLegalHoldCommand({
          ...this.#address(key),
          LegalHold: { Status: held ? 'ON' : 'OFF' },
        }),
      );
      return true;
    } catch (error: unknown) {
      if (statusOf(error) === HTTP_NOT_FOUND) throw new ObjectMissingError(key, this.location);
      if (knowsNoLock(error)) return false;
      throw this.#wrap('set the legal hold of', key, error);
    }
  }

  async storedAtMs(key: string): Promise<number> {
    const { LastModified } = await this.#head(key, 'ask for the age of');
    // A store that does not say it: as if it had come just now.
    return LastModified?.getTime() ?? Date.now();
  }

  async heldBy(key: string): Promise<string | undefined> {
    return holderOf(await this.#head(key, 'read the holds of'));
  }

  async #head(key: string, operation: string): Promise<HeadObjectCommandOutput> {
    try {
      return await this.#client.send(new HeadObjectCommand(this.#address(key)));
    } catch (error: unknown) {
      if (statusOf(error) === HTTP_NOT_FOUND) throw new ObjectMissingError(key, this.location);
      throw this.#wrap(operation, key, error);
    }
  }

  /** By its version: without one a bucket with versions would only hide the object, held or not. */
  async remove(key: string): Promise<void> {
    try {
      const object = await this.#client.send(new HeadObjectCommand(this.#address(key)));
      const holder = holderOf(object);
      if (holder !== undefined) throw new ObjectHeldError(key, this.location, holder);
      const version = object.VersionId === undefined ? {} : { VersionId: object.VersionId };
      await this.#client.send(new DeleteObjectCommand({ ...this.#address(key), ...version }));
    } catch (error: unknown) {
      if (error instanceof ObjectHeldError) throw error;
      if (statusOf(error) === HTTP_NOT_FOUND) return;
      throw this.#wrap('remove', key, error);
    }
  }

  #address(key: string): { Bucket: string; Key: string } {
    requireKey(key);
    return { Bucket: this.#options.bucket, Key: this.#prefix + key };
  }

  #wrap(operation: string, key: string, cause: unknown): ObjectStoreError {
    return new ObjectStoreError(operation, { key, location: this.location }, cause);
  }
}

/** The store closed the connection while we were writing. */
function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** A bucket, or a store, without object lock. */
function knowsNoLock(error: unknown): boolean {
  return error instanceof S3ServiceException && NO_LOCK.has(error.name);
}

/** The hold or lock that an object names. One that we may not read is held by the store all the same. */
function holderOf(object: HeadObjectCommandOutput): string | undefined {
  if (object.ObjectLockLegalHoldStatus === 'ON') return 'a legal hold';
  const until = object.ObjectLockRetainUntilDate;
  return until === undefined || until.getTime() <= Date.now()
    ? undefined
    : `a lock until ${until.toISOString()}`;
}

function clientConfig({
  region,
  endpoint,
  pathStyle,
  checksums,
  credentials,
  silenceMs = SILENCE_MS,
}: S3StoreOptions): S3ClientConfig {
  const wanted = checksums === 'when_required' ? 'WHEN_REQUIRED' : 'WHEN_SUPPORTED';
  return {
    region,
    forcePathStyle: pathStyle ?? false,
    requestChecksumCalculation: wanted,
    responseChecksumValidation: wanted,
    logger: SILENT,
    // By itself the SDK waits for ever on a connection that is half open.
    requestHandler: { connectionTimeout: CONNECT_MS, socketTimeout: silenceMs },
    ...(endpoint === undefined || endpoint === '' ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function silence(): void {
  // See where it is used.
}

/** The whole object comes into memory, so it is cut off at the limit. */
async function collectBounded(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_READ_BYTES) throw new RangeError(`more than ${MAX_READ_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}
