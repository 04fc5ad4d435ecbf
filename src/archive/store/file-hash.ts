import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';

interface FileHash {
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const CHUNK_BYTES = 1024 * 1024;

/** SHA-256 and size of a file that may not fit into memory. */
export function hashFile(path: string): Promise<FileHash> {
  return hashStream(createReadStream(path, { highWaterMark: CHUNK_BYTES }));
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
