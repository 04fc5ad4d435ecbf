import type { FileHandle } from 'node:fs/promises';
import { open, readFile } from 'node:fs/promises';

import { OWNER_ONLY } from './folder-lock.ts';
import type { PendingRecord } from './pending-queue.ts';
import type { RecordKind } from './records.ts';

/** A file of the spool that is being written. */
export interface SpoolSegment {
  readonly number: number;
  readonly records: number;
  readonly bytes: number;
  /** Resolves when the record is on disk. Records that come together share one flush of the disk. */
  append(record: PendingRecord): Promise<void>;
  /** After what was appended. */
  close(): Promise<void>;
}

interface Line {
  readonly bytes: Buffer;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export async function openSegment(path: string, number: number): Promise<SpoolSegment> {
  return new Segment(await open(path, 'wx', OWNER_ONLY), number);
}

class Segment implements SpoolSegment {
  readonly number: number;
  readonly #file: FileHandle;
  #lines: Line[] = [];
  #flushing: Promise<void> | undefined;
  #written = 0;
  records = 0;
  bytes = 0;

  constructor(file: FileHandle, number: number) {
    this.#file = file;
    this.number = number;
  }

  append({ kind, json }: PendingRecord): Promise<void> {
    const bytes = Buffer.from(`{"kind":${JSON.stringify(kind)},"record":${json}}\n`);
    this.records += 1;
    this.bytes += bytes.length;
    const appended = new Promise<void>((resolve, reject) => {
      this.#lines.push({ bytes, resolve, reject });
    });
    this.#flushing ??= this.#flush();
    return appended;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }

  async #flush(): Promise<void> {
    for (let lines = this.#take(); lines.length > 0; lines = this.#take()) {
      const bytes = Buffer.concat(lines.map((line) => line.bytes));
      try {
        await this.#file.write(bytes, 0, bytes.length, this.#written);
        await this.#file.datasync();
        this.#written += bytes.length;
        for (const { resolve } of lines) resolve();
      } catch (error: unknown) {
        await this.#cutToWritten();
        for (const { reject } of lines) reject(error);
      }
    }
    this.#flushing = undefined;
  }

  #take(): Line[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  /** Half a line of a full disk must not stand before the next record. */
  async #cutToWritten(): Promise<void> {
    await this.#file.truncate(this.#written).catch(() => undefined);
  }
}

/** The records of a file. A last line without its end was never acknowledged to anybody. */
export async function readSegment(path: string): Promise<PendingRecord[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => readLine(line) ?? []);
}

/** The record is taken as the text it is: parsing it would round its numbers. */
const LINE = /^\{"kind":"(?<kind>[a-z-]+)","record":(?<json>.*)\}$/s;

function readLine(line: string): PendingRecord | undefined {
  const { kind, json } = LINE.exec(line)?.groups ?? {};
  return kind === undefined || json === undefined ? undefined : { kind: kind as RecordKind, json };
}

/** A new file is only safe once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
