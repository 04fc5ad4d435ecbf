import { chmod, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { SpoolFullError } from './errors.ts';
import { lockFolder, OWNER_ONLY } from './folder-lock.ts';
import type { PendingQueue, PendingRecord } from './pending-queue.ts';
import { firstOfOneKind } from './pending-queue.ts';
import type { SpoolSegment } from './spool-segment.ts';
import { openSegment, readSegment, syncFolder } from './spool-segment.ts';

/** Records in one file: what is read back at once, and sent again after a crash at most. */
const MAX_SEGMENT_RECORDS = 1_000;
const MAX_SEGMENT_BYTES = 4 * 1024 * 1024;
const SEGMENT_NAME = /^(\d{12})\.ndjson$/;
const REFUSED_FILE = 'refused.ndjson';
const OWNER_ONLY_FOLDER = 0o700;
const MAX_SPOOL_BYTES = 1024 * 1024 * 1024;

/**
 * Records wait on disk, in files of up to a thousand that are deleted when the service has all of theirs. After a crash
 * a file is sent from its beginning again: recording is idempotent, so nothing else need be remembered.
 */
export async function openSpool(folder: string, maxBytes = MAX_SPOOL_BYTES): Promise<PendingQueue> {
  // One that is there stays as it is: it may be a volume, and is not ours to close. The files are.
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
  const unlock = await lockFolder(folder);
  const spool = new Spool(folder, maxBytes, unlock);
  await spool.load();
  return spool;
}

class Spool implements PendingQueue {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #unlock: () => Promise<void>;
  /** Numbers of complete files, oldest first. */
  #complete: number[] = [];
  #next = 1;
  #writing: SpoolSegment | undefined;
  /** The file that is being sent, and what of it the service does not have yet. */
  #sending: { readonly number: number; readonly records: Set<PendingRecord> } | undefined;
  #size = 0;
  /** Of the files that are complete or being sent, by their numbers. */
  readonly #bytes = new Map<number, number>();
  #writes: Promise<unknown> = Promise.resolve();

  constructor(folder: string, maxBytes: number, unlock: () => Promise<void>) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#unlock = unlock;
  }

  get size(): number {
    return this.#size;
  }

  async load(): Promise<void> {
    const names = await readdir(this.#folder);
    this.#complete = names
      .flatMap((name) => SEGMENT_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((left, right) => left - right);
    this.#next = (this.#complete.at(-1) ?? 0) + 1;
    for (const number of this.#complete) {
      const path = this.#path(number);
      this.#size += (await readSegment(path)).length;
      this.#bytes.set(number, (await stat(path)).size);
      // An earlier version made it readable for all.
      await chmod(path, OWNER_ONLY);
    }
    if (names.includes(REFUSED_FILE)) await chmod(join(this.#folder, REFUSED_FILE), OWNER_ONLY);
  }

  async add(record: PendingRecord): Promise<void> {
    // Handed over under the lock, so that the file cannot be completed in between; written outside of it.
    const { appended } = await this.#exclusively(async () => {
      await this.#requireSpace(Buffer.byteLength(record.json));
      return { appended: (await this.#segmentToWrite()).append(record) };
    });
    await appended;
    this.#size += 1;
  }

  async oldest(limit: number): Promise<readonly PendingRecord[]> {
    while (this.#sending === undefined || this.#sending.records.size === 0) {
      if (this.#sending !== undefined) await this.#forget(this.#sending.number);
      const number = await this.#exclusively(() => this.#nextToSend());
      if (number === undefined) return [];
      this.#sending = { number, records: new Set(await readSegment(this.#path(number))) };
    }
    return firstOfOneKind(this.#sending.records, limit);
  }

  async stored(records: readonly PendingRecord[]): Promise<void> {
    for (const record of records) this.#settle(record);
    if (this.#sending?.records.size === 0) await this.#forget(this.#sending.number);
  }

  /** Kept beside the spool: what the service refuses must be seen by somebody, not vanish. */
  async refused(record: PendingRecord, error: Error): Promise<void> {
    const file = await open(join(this.#folder, REFUSED_FILE), 'a', OWNER_ONLY);
    try {
      await file.appendFile(
        `{"kind":${JSON.stringify(record.kind)},"reason":${JSON.stringify(error.message)},"record":${record.json}}\n`,
      );
      await file.datasync();
    } finally {
      await file.close();
    }
    await this.stored([record]);
  }

  async close(): Promise<void> {
    await this.#writes;
    await this.#writing?.close();
    await this.#unlock();
  }

  #settle(record: PendingRecord): void {
    if (this.#sending?.records.delete(record) === true) this.#size -= 1;
  }

  async #forget(number: number): Promise<void> {
    this.#sending = undefined;
    this.#bytes.delete(number);
    await rm(this.#path(number), { force: true });
  }

  /** What was refused counts as well: nobody would notice that it grows. It is only ever added to, so that no record is lost. */
  async #requireSpace(moreBytes: number): Promise<void> {
    const refused = await stat(join(this.#folder, REFUSED_FILE)).catch(noneThere);
    const files = [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    const bytes = files + (this.#writing?.bytes ?? 0) + refused.size;
    if (bytes + moreBytes > this.#maxBytes) throw new SpoolFullError(this.#folder, bytes, this.#maxBytes);
  }

  async #segmentToWrite(): Promise<SpoolSegment> {
    const full =
      this.#writing !== undefined &&
      (this.#writing.records >= MAX_SEGMENT_RECORDS || this.#writing.bytes >= MAX_SEGMENT_BYTES);
    if (full) await this.#completeWriting();
    if (this.#writing === undefined) {
      const number = this.#next;
      this.#writing = await openSegment(this.#path(number), number);
      this.#next += 1;
      await syncFolder(this.#folder);
    }
    return this.#writing;
  }

  /** The file that is being written is closed as soon as it is the next to be sent. */
  async #nextToSend(): Promise<number | undefined> {
    if (this.#complete.length === 0) await this.#completeWriting();
    return this.#complete.shift();
  }

  async #completeWriting(): Promise<void> {
    const writing = this.#writing;
    if (writing === undefined) return;
    this.#writing = undefined;
    await writing.close();
    this.#bytes.set(writing.number, writing.bytes);
    this.#complete.push(writing.number);
  }

  /** Choosing, opening and completing files goes one step at a time; writing to them does not. */
  #exclusively<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#writes.then(step);
    this.#writes = result.catch(() => undefined);
    return result;
  }

  #path(number: number): string {
    return join(this.#folder, `${String(number).padStart(12, '0')}.ndjson`);
  }
}

function noneThere(error: unknown): { readonly size: number } {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { size: 0 };
  throw error;
}
