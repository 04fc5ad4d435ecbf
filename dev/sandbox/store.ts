import type { Collection } from './kinds.ts';
import type { StoredObject } from './object.ts';
import { expired } from './status.ts';

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** One write. `object` is the new state; of a deletion, the last state under the deletion's own version. */
export interface Change {
  readonly type: ChangeType;
  readonly collection: Collection;
  readonly key: string;
  readonly version: number;
  readonly object: StoredObject;
  /** The state before; absent when the object is new. */
  readonly previous?: StoredObject;
}

type NewChange = Pick<Change, 'type' | 'collection' | 'key' | 'object'>;

/** Objects with the version they were saved at. */
export interface InitialState {
  version: number;
  objects: Iterable<readonly [Collection, string, StoredObject]>;
}

interface StoreOptions {
  /** Changes kept for watches and snapshots; what is older answers 410. Default 1000. */
  historyLimit?: number | undefined;
  /** Called before a change takes effect; when it throws, nothing has changed. */
  journal?: ((change: Change) => void) | undefined;
  /** State to start from, with the version it had. Its history is empty. */
  initial?: InitialState | undefined;
}

/** Not 0, which means any version to a client; nor 1, which on a real server is long forgotten. */
const FIRST_VERSION = 100;
const DEFAULT_HISTORY_LIMIT = 1000;
/** Sorted snapshots kept for the next page or the next list of an unchanged collection. */
const SNAPSHOT_CACHE_SIZE = 8;

/**
 * All objects under one increasing version, as etcd keeps them, with a bounded history.
 * A snapshot of an earlier version is the present with the changes since undone, so pages cost nothing to keep.
 */
export class Store {
  #version: number;
  /** The newest version whose change is no longer in the history. */
  #compactedVersion: number;
  readonly #collections = new Map<Collection, Map<string, StoredObject>>();
  readonly #history: Change[] = [];
  readonly #historyLimit: number;
  readonly #journal: (change: Change) => void;
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #snapshots = new Map<string, readonly StoredObject[]>();

  constructor(options: StoreOptions = {}) {
    this.#historyLimit = options.historyLimit ?? DEFAULT_HISTORY_LIMIT;
    this.#journal = options.journal ?? (() => undefined);
    this.#version = options.initial?.version ?? FIRST_VERSION;
    this.#compactedVersion = this.#version;
    for (const [collection, key, object] of options.initial?.objects ?? []) {
      this.#collection(collection).set(key, object);
    }
  }

  get version(): number {
    return this.#version;
  }

  get(collection: Collection, key: string): StoredObject | undefined {
    return this.#collections.get(collection)?.get(key);
  }

  /** Every object there is, for saving. */
  *entries(): Generator<readonly [Collection, string, StoredObject]> {
    for (const [collection, objects] of this.#collections) {
      for (const [key, object] of objects) yield [collection, key, object];
    }
  }

  /** Applies one write under the next version and sends it to every watch, before this call returns. */
  commit({ type, collection, key, object }: NewChange): StoredObject {
    const objects = this.#collection(collection);
    const previous = objects.get(key);
    const version = this.#version + 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    const change: Change = {
      type,
      collection,
      key,
      version,
      object: stored,
      ...(previous ? { previous } : {}),
    };
    this.#journal(change);
    this.#version = version;
    if (type === 'DELETED') objects.delete(key);
    else objects.set(key, stored);
    this.#remember(change);
    for (const listener of [...this.#listeners]) listener(change);
    return stored;
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The changes after a version, oldest first. Throws 410 Expired when some of them are forgotten. */
  changesSince(version: number): Change[] {
    if (version < this.#compactedVersion) {
      throw expired(`too old resource version: ${version} (${this.#compactedVersion})`);
    }
    const first = this.#history.findIndex((change) => change.version > version);
    return first === -1 ? [] : this.#history.slice(first);
  }

  /** The objects of a collection as they were at a version, in key order. Throws 410 Expired when that is forgotten. */
  snapshot(collection: Collection, version: number): readonly StoredObject[] {
    const since = this.changesSince(version);
    const id = `${collection}@${version}`;
    const cached = this.#snapshots.get(id);
    if (cached) return cached;
    const state = new Map(this.#collections.get(collection));
    for (const change of since.reverse()) {
      if (change.collection !== collection) continue;
      if (change.previous) state.set(change.key, change.previous);
      else state.delete(change.key);
    }
    const sorted = [...state.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
    this.#keepSnapshot(id, sorted);
    return sorted;
  }

  /** Forgets the whole history: watches and pages from any earlier version answer 410 from now on. */
  compact(): void {
    this.#history.length = 0;
    this.#compactedVersion = this.#version;
    this.#snapshots.clear();
  }

  #collection(collection: Collection): Map<string, StoredObject> {
    let objects = this.#collections.get(collection);
    if (!objects) this.#collections.set(collection, (objects = new Map<string, StoredObject>()));
    return objects;
  }

  #remember(change: Change): void {
    this.#history.push(change);
    if (this.#history.length <= this.#historyLimit) return;
    const dropped = this.#history.shift();
    if (dropped) this.#compactedVersion = dropped.version;
  }

  #keepSnapshot(id: string, objects: readonly StoredObject[]): void {
    this.#snapshots.set(id, objects);
    const [oldest] = this.#snapshots.keys();
    if (this.#snapshots.size > SNAPSHOT_CACHE_SIZE && oldest !== undefined) this.#snapshots.delete(oldest);
  }
}
