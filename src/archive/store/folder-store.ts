import { randomUUID } from 'node:crypto';
import {
  chmod,
  constants,
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';

import type { ObjectBody, ObjectStore } from './object-store.ts';
import {
  hashFile,
  MAX_READ_BYTES,
  ObjectConflictError,
  ObjectHeldError,
  ObjectMissingError,
  ObjectStoreError,
  requireKey,
} from './object-store.ts';

/** What is being written; a crash leaves it behind, and no list shows it. */
const INCOMING_PREFIX = '.incoming-';
const READ_ONLY = 0o444;
/** A file below it, named after an object, says that this object is under a legal hold. */
const HOLD_FOLDER = 'legal-holds';

/**
 * Objects as files of one folder, for instance of a mounted volume that somebody else replicates. An object
 * appears whole and durable or not at all, and is never overwritten. Legal holds are marks beside the
 * objects: the file system itself enforces none.
 */
export function createFolderStore(folder: string): ObjectStore {
  const root = resolve(folder);
  const store = new FolderStore(root);
  return {
    location: store.location,
    put: (key, body) => store.put(key, body),
    download: (key, path) => store.reading(key, (from) => copyFile(from, path)),
    read: (key) => store.reading(key, readBounded),
    list: (prefix) => store.list(prefix),
    setLegalHold: (key, held) => store.setLegalHold(key, held),
    storedAtMs: (key) => store.reading(key, async (path) => (await stat(path)).mtimeMs),
    heldBy: (key) => store.heldBy(key),
    remove: (key) => store.remove(key),
  };
}

/** A path is made of a key in `#pathOf` alone, which refuses what is no key. */
class FolderStore {
  readonly location: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.location = `file://${root}`;
  }

  /**
   * `present` when the same bytes are there already; other bytes under the key are an ObjectConflictError.
   */
  async put(key: string, body: ObjectBody): Promise<'stored' | 'present'> {
    const path = this.#pathOf(key);
    // The mark first: no moment in which the object is there and is not held.
    if (body.held === true) await this.#mark(key);
    try {
      await makeFolder(dirname(path), this.#root);
      const incoming = join(dirname(path), `${INCOMING_PREFIX}${randomUUID()}`);
      try {
        await writeDurably(incoming, body);
        // Unlike a rename, a link fails when the name is taken, in one step.
        await link(incoming, path);
      } finally {
        await rm(incoming, { force: true });
      }
      await syncFolder(dirname(path));
      return 'stored';
    } catch (error: unknown) {
      if (codeOf(error) !== 'EEXIST')
        throw new ObjectStoreError('write', { key, location: this.location }, error);
      return this.#compare(key, body);
    }
  }

  /** Runs `read` on the object's file, with the store's own errors. */
  async reading<T>(key: string, read: (path: string) => Promise<T>): Promise<T> {
    try {
      return await read(this.#pathOf(key));
    } catch (error: unknown) {
      if (codeOf(error) === 'ENOENT') throw new ObjectMissingError(key, this.location);
      throw new ObjectStoreError('read', { key, location: this.location }, error);
    }
  }

  async list(prefix: string): Promise<readonly string[]> {
    try {
      const entries = await readdir(this.#root, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => entry.isFile() && !entry.name.startsWith(INCOMING_PREFIX))
        .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((key) => key.startsWith(prefix))
        .sort();
    } catch (error: unknown) {
      // Nothing was ever written.
      if (codeOf(error) === 'ENOENT') return [];
      throw new ObjectStoreError('list', { key: prefix, location: this.location }, error);
    }
  }

  /** A folder has no lock of its own: a mark says it to whoever removes archives, us among them. */
  async setLegalHold(key: string, held: boolean): Promise<boolean> {
    await this.reading(key, stat);
    await (held ? this.#mark(key) : this.#unmark(key));
    return true;
  }

  /** Why the object may not be removed; undefined when it may. */
  async heldBy(key: string): Promise<string | undefined> {
    return (await this.#isMarked(key)) ? 'a legal hold' : undefined;
  }

  /** One that is not there is removed already: a removal that was broken off can be repeated. */
  async remove(key: string): Promise<void> {
    const path = this.#pathOf(key);
    const holder = await this.heldBy(key);
    if (holder !== undefined) throw new ObjectHeldError(key, this.location, holder);
    try {
      await rm(path);
      await syncFolder(dirname(path));
    } catch (error: unknown) {
      if (codeOf(error) === 'ENOENT') return;
      throw new ObjectStoreError('remove', { key, location: this.location }, error);
    }
  }

  /** A mark that is there stays as it is, with the instant since when. */
  async #mark(key: string): Promise<void> {
    const path = this.#markOf(key);
    const since = new Date().toISOString();
    try {
      await makeFolder(dirname(path), this.#root);
      await writeFile(path, `${JSON.stringify({ key, legalHoldSince: since })}\n`, {
        flag: 'wx',
        flush: true,
      });
      await syncFolder(dirname(path));
    } catch (error: unknown) {
      if (codeOf(error) === 'EEXIST') return;
      throw new ObjectStoreError('set the legal hold of', { key, location: this.location }, error);
    }
  }

  async #unmark(key: string): Promise<void> {
    const path = this.#markOf(key);
    try {
      await rm(path);
      await syncFolder(dirname(path));
    } catch (error: unknown) {
      if (codeOf(error) === 'ENOENT') return;
      throw new ObjectStoreError('end the legal hold of', { key, location: this.location }, error);
    }
  }

  async #isMarked(key: string): Promise<boolean> {
    try {
      await stat(this.#markOf(key));
      return true;
    } catch (error: unknown) {
      if (codeOf(error) === 'ENOENT') return false;
      throw new ObjectStoreError('read the legal hold of', { key, location: this.location }, error);
    }
  }

  /** What is there is read again: a name alone proves nothing. */
  async #compare(key: string, { sha256 }: ObjectBody): Promise<'present'> {
    const there = await this.reading(key, hashFile);
    if (there.sha256 !== sha256) throw new ObjectConflictError(key, this.location);
    return 'present';
  }

  #markOf(key: string): string {
    return `${this.#pathOf(`${HOLD_FOLDER}/${key}`)}.json`;
  }

  #pathOf(key: string): string {
    requireKey(key);
    return join(this.#root, ...key.split('/'));
  }
}

/** The whole object comes into memory, so its size is checked first. */
async function readBounded(path: string): Promise<Buffer> {
  const { size } = await stat(path);
  if (size > MAX_READ_BYTES) throw new RangeError(`${size} bytes are more than ${MAX_READ_BYTES}`);
  return readFile(path);
}

/** Written, synced, read back and compared, then made read-only; only after that it gets its name. */
async function writeDurably(path: string, { source, sha256 }: ObjectBody): Promise<void> {
  if (Buffer.isBuffer(source)) await writeFile(path, source, { flag: 'wx' });
  else await copyFile(source, path, constants.COPYFILE_EXCL);
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  const written = await hashFile(path);
  if (written.sha256 !== sha256) {
    throw new Error(`the bytes written have SHA-256 ${written.sha256}, expected was ${sha256}`);
  }
  await chmod(path, READ_ONLY);
}

/** Every folder made on the way is synced in its parent: a file is durable only when its path is. */
async function makeFolder(path: string, root: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  const top = first.length < root.length ? first : root;
  for (let folder = path; folder.length >= top.length; folder = dirname(folder))
    await syncFolder(dirname(folder));
}

/** After a crash a file without its entry in the folder would be gone. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
