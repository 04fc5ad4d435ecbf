import {
  closeSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import { parseExact } from './exact-json.ts';
import type { Collection } from './kinds.ts';
import type { StoredObject } from './object.ts';
import type { Change, ChangeType, InitialState, Store } from './store.ts';

type Entry = readonly [Collection, string, StoredObject];

interface Snapshot {
  version: number;
  objects: Entry[];
}

interface JournalLine {
  version: number;
  type: ChangeType;
  collection: Collection;
  key: string;
  /** Absent on a deletion. */
  object?: StoredObject;
}

/** The journal is folded into the snapshot when it is this long, and at least as long as the snapshot. */
const MIN_FOLD_BYTES = 4 * 1024 * 1024;

/**
 * Keeps a store in a folder: a snapshot, replaced in one step, and a journal of the changes since.
 * Each change is in the journal before it is visible, so a killed process loses none; the journal is folded by size,
 * so the cost of saving is proportional to what is written.
 */
export class Persistence {
  readonly initial: InitialState | undefined;
  readonly #snapshotPath: string;
  readonly #journal: number;
  #journalBytes = 0;
  #foldAtBytes = MIN_FOLD_BYTES;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.#snapshotPath = join(folder, 'snapshot.json');
    const journalPath = join(folder, 'journal.ndjson');
    this.initial = readState(this.#snapshotPath, journalPath);
    this.#journal = openSync(journalPath, 'a');
  }

  /** Writes one change down. When this fails, the change must not take effect. */
  append({ version, type, collection, key, object }: Change): void {
    const line: JournalLine = { version, type, collection, key, ...(type === 'DELETED' ? {} : { object }) };
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    try {
      writeAll(this.#journal, bytes);
    } catch (error: unknown) {
      // Half a line would spoil the next one.
      ftruncateSync(this.#journal, this.#journalBytes);
      throw error;
    }
    this.#journalBytes += bytes.length;
  }

  /** Follows a store that began with `initial` and appends to this journal. */
  follow(store: Store): void {
    this.fold(store);
    store.subscribe(() => {
      if (this.#journalBytes >= this.#foldAtBytes) this.#tryToFold(store);
    });
  }

  /** Killed between its two steps, this leaves journal lines that the snapshot has already: loading skips them. */
  fold(store: Store): void {
    const snapshot: Snapshot = { version: store.version, objects: [...store.entries()] };
    const bytes = Buffer.from(JSON.stringify(snapshot));
    try {
      replaceFile(this.#snapshotPath, bytes);
    } catch (error: unknown) {
      const why = `cannot save the sandbox cluster in ${this.#snapshotPath}: ${(error as Error).message}`;
      throw new Error(`${why}. Free some space, or keep it in another folder`, { cause: error });
    }
    ftruncateSync(this.#journal, 0);
    this.#journalBytes = 0;
    this.#foldAtBytes = Math.max(MIN_FOLD_BYTES, bytes.length);
  }

  #tryToFold(store: Store): void {
    try {
      this.fold(store);
    } catch {
      // Nothing is lost while the journal has it all; a full disk refuses the next write by itself.
      this.#foldAtBytes = this.#journalBytes + MIN_FOLD_BYTES;
    }
  }

  close(): void {
    closeSync(this.#journal);
  }
}

function readState(snapshotPath: string, journalPath: string): InitialState | undefined {
  const snapshot = readSnapshot(snapshotPath);
  const lines = readJournal(journalPath).filter(({ version }) => version > snapshot.version);
  const objects = new Map(snapshot.objects.map((entry) => [idOf(entry[0], entry[1]), entry]));
  for (const { collection, key, object } of lines) {
    if (object) objects.set(idOf(collection, key), [collection, key, object]);
    else objects.delete(idOf(collection, key));
  }
  const version = lines.at(-1)?.version ?? snapshot.version;
  return version === 0 ? undefined : { version, objects: objects.values() };
}

const idOf = (collection: Collection, key: string): string => `${collection}#${key}`;

function readSnapshot(path: string): Snapshot {
  if (!existsSync(path)) return { version: 0, objects: [] };
  return parse(path, readFileSync(path, 'utf8')) as Snapshot;
}

/** What follows the last line break is a write that a kill cut short: it was never answered, so it never happened. */
function readJournal(path: string): JournalLine[] {
  if (!existsSync(path)) return [];
  const complete = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return complete.map((line) => parse(path, line) as JournalLine);
}

function parse(path: string, text: string): unknown {
  try {
    return parseExact(text);
  } catch (error: unknown) {
    throw new Error(
      `cannot load the sandbox cluster from ${path}: it is not readable JSON. Move its folder away to start with an empty cluster`,
      { cause: error },
    );
  }
}

function replaceFile(path: string, bytes: Buffer): void {
  const temporary = `${path}.new`;
  const file = openSync(temporary, 'w');
  try {
    writeAll(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

function writeAll(file: number, bytes: Buffer): void {
  let written = 0;
  while (written < bytes.length) written += writeSync(file, bytes, written);
}
