import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';

import { reasonOf } from '../../domain/errors.ts';

/*
 * The room `archive/store`: where archives lie, in a folder or in S3.
 *
 * In: a key and bytes with their SHA-256. Out: the same bytes, or an error that names the object and the store.
 *
 * `open-store.ts` chooses the store by its URL; `archive-objects.ts` knows how the keys of a month are named.
 *
 * What must stay true: an object is written once and never changed, and it is durable when `put` resolves. Writing it again with
 * the same bytes succeeds, so that every step of retention can be repeated. A legal hold or a lock of the store is respected.
 */

/** A file, or bytes that fit in memory, with the SHA-256 (hexadecimal) that the store must end up with. */
export interface ObjectBody {
  readonly source: string | Buffer;
  readonly sha256: string;
  /** Under a legal hold from its first moment, where the store knows such holds. Default false. */
  readonly held?: boolean;
}

/** Where archives lie. An object is written once: nothing here changes one. */
export interface ObjectStore {
  /** For messages: a URL without secrets. */
  readonly location: string;
  /**
   * Durable when it resolves. An object that exists is never overwritten: `present` when it holds the same bytes, an
   * ObjectConflictError when it holds others.
   */
  put(key: string, body: ObjectBody): Promise<'stored' | 'present'>;
  /** Writes the object to a file of that path. */
  download(key: string, path: string): Promise<void>;
  /** For manifests: an object of at most MAX_READ_BYTES. */
  read(key: string): Promise<Buffer>;
  /** Every key with that prefix, sorted. */
  list(prefix: string): Promise<readonly string[]>;
  /** False where the store knows no legal holds: that is reported, not ignored. */
  setLegalHold(key: string, held: boolean): Promise<boolean>;
  /** When it was stored, by the store's own clock. */
  storedAtMs(key: string): Promise<number>;
  /** The hold or lock because of which the object cannot be removed, for a person; undefined when there is none. */
  heldBy(key: string): Promise<string | undefined>;
  /** Of an archive whose time is over; one that is gone already is fine. An ObjectHeldError where a hold or a lock forbids it. */
  remove(key: string): Promise<void>;
}

export const MAX_READ_BYTES = 16 * 1024 * 1024;

export class ObjectMissingError extends Error {
  readonly key: string;

  constructor(key: string, location: string) {
    super(`${location} has no object ${key}: restore it from a copy of the archive`);
    this.name = 'ObjectMissingError';
    this.key = key;
  }
}

export class ObjectConflictError extends Error {
  readonly key: string;

  constructor(key: string, location: string) {
    super(
      `${location} holds other bytes under ${key} than were to be written: compare the two, and move the wrong one away`,
    );
    this.name = 'ObjectConflictError';
    this.key = key;
  }
}

export class ObjectHeldError extends Error {
  readonly key: string;

  constructor(key: string, location: string, by: string) {
    super(`${key} at ${location} is not removed: it is kept by ${by}`);
    this.name = 'ObjectHeldError';
    this.key = key;
  }
}

/** The store is away, refuses us, or broke off. Tried again. */
export class ObjectStoreError extends Error {
  readonly key: string;

  constructor(operation: string, { key, location }: { key: string; location: string }, cause: unknown) {
    const reason = reasonOf(cause);
    super(`cannot ${operation} ${key} at ${location}: ${reason}`, { cause });
    this.name = 'ObjectStoreError';
    this.key = key;
  }
}

const KEY = /^[\w=.-]+(?:\/[\w=.-]+)*$/;

/** Keys come from our own names and from signed manifests; one that would leave its folder is neither. */
export function requireKey(key: string): void {
  if (!KEY.test(key) || key.split('/').some((part) => /^\.+$/.test(part)))
    throw new RangeError(`${JSON.stringify(key)} cannot be the key of an archive object`);
}

interface FileHash {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const MOST_CHUNK_BYTES = 1024 * 1024;
const LEAST_CHUNK_BYTES = 4096;

/** SHA-256 and size of a file that may not fit into memory. All of it goes through one buffer. */
export async function hashFile(path: string): Promise<FileHash> {
  const file = await open(path);
  try {
    const buffer = Buffer.allocUnsafe(chunkBytesOf(await file.stat()));
    const hash = createHash('sha256');
    for (let sizeBytes = 0; ;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return { sha256: hash.digest('hex'), sizeBytes };
      hash.update(buffer.subarray(0, bytesRead));
      sizeBytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}

/**
 * Every read has a buffer of its own, so they are no larger than the file: a megabyte for each of many small files made the
 * garbage collector walk through the whole heap again and again, a fifth of what the export of a small month took.
 */
export async function readInChunks(path: string): Promise<Readable> {
  return createReadStream(path, { highWaterMark: chunkBytesOf(await stat(path)) });
}

function chunkBytesOf({ size }: { readonly size: number }): number {
  return Math.min(MOST_CHUNK_BYTES, Math.max(LEAST_CHUNK_BYTES, size));
}

export async function hashStream(stream: Readable): Promise<FileHash> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** In hex, as all hashes of the archive. */
export function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
