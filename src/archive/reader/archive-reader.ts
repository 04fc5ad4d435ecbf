/*
 * The room `archive/reader`: bounded access to the archive for queries of people.
 *
 * In: a function that queries a session. Out: its answer, or an error that says what was too much or too slow.
 *
 * A session has a DuckDB connection, verified manifests, and parts fetched into `part-cache.ts`. a semaphore bounds how many
 * queries run and wait.
 *
 * What must stay true: number, time, memory and disk are bounded, whatever the query. A part is checked against its manifest before
 * it is used, and stays on the disk while a query reads it. A permit is released only when the work has really ended.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { ArchivedMonth } from '../../database/months/archived-months.ts';
import { reasonOf } from '../../domain/errors.ts';
import { Semaphore } from '../../domain/semaphore.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { Manifest, ManifestPart } from '../manifest/manifest.ts';
import { ManifestError, openManifest } from '../manifest/manifest.ts';
import type { TrustedKeys } from '../manifest/signing-key.ts';
import type { DuckDb } from '../parquet/duckdb.ts';
import { openDuckDb } from '../parquet/duckdb.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { PartCache } from './part-cache.ts';
import { createPartCache, removeLeftovers, SPILL_PREFIX } from './part-cache.ts';
import { openPrivateFolder } from './private-folder.ts';

export interface ArchiveReaderOptions {
  readonly store: ObjectStore;
  /** Read anew for each manifest that is not known yet: keys come and change meanwhile. */
  readonly trustedKeys: () => Promise<TrustedKeys>;
  /** Parts stay here between queries, and DuckDB spills here. */
  readonly folder: string;
  /** Bytes of parts that stay. */
  readonly cacheBytes: number;
  /** Memory of DuckDB for all queries together, for example `512MB`. */
  readonly memoryLimit: string;
  /** Queries at once. WAITING_PER_PERMIT times as many may wait. */
  readonly concurrency: number;
  /** How long one question may take, the wait for a permit included, in milliseconds. */
  readonly timeoutMs: number;
  readonly observe?: ArchiveObserver;
}

export interface ArchiveObserver {
  /** How a question ended: answered, refused, failed or abandoned. */
  question(result: ArchiveResult, seconds: number): void;
  /** A part was opened for a question. */
  part(table: string): void;
}

export type ArchiveResult = 'answered' | 'refused' | 'failed' | 'abandoned';

/** What a question may use while it is put. */
export interface ArchiveSession {
  readonly duckdb: DuckDb;
  manifest(month: ArchivedMonth): Promise<Manifest>;
  /** Paths of the parts, fetched and checked. */
  files(parts: readonly ManifestPart[]): Promise<string[]>;
  /** A folder that goes with the session. */
  readonly folder: string;
  /** Whether so much of its time is used up that a page had better end here. */
  isLate(): boolean;
}

/** Runs queries of the archive: a bounded number at once, each within its time and all within one memory limit. */
export interface ArchiveReader {
  /** For messages: a URL without secrets. */
  readonly location: string;
  /** The signal says that nobody waits for the answer any more. */
  ask<T>(signal: AbortSignal, work: (session: ArchiveSession) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Too many queries wait already. */
export class ArchiveBusyError extends Error {
  constructor() {
    super('too many queries of the archive are running; try again, or leave the archive out');
    this.name = 'ArchiveBusyError';
  }
}

/** The question took longer than it may. */
export class ArchiveTimeoutError extends Error {
  /** The object of the store that was waited for, if it was one. */
  readonly key: string | undefined;

  constructor(key: string | undefined, location: string) {
    super(
      key === undefined
        ? 'the question to the archive took too long; narrow it with since and until'
        : `${location} did not deliver ${key} in time`,
    );
    this.name = 'ArchiveTimeoutError';
    this.key = key;
  }
}

const WAITING_PER_PERMIT = 16;
const MAX_MANIFESTS = 512;
/** The rest of the time is for what was begun before. */
const LATE_AFTER = 0.4;
const CLOSE_MS = 5_000;

export function createArchiveReader(options: ArchiveReaderOptions): ArchiveReader {
  const reader = new Reader(options);
  return {
    location: options.store.location,
    ask: (signal, work) => reader.ask(signal, work),
    close: () => reader.close(),
  };
}

interface Engine {
  readonly duckdb: DuckDb;
  /** Of this reader alone: it spills here, and each question has a folder in it. */
  readonly folder: string;
}

class Reader {
  readonly #options: ArchiveReaderOptions;
  readonly #semaphore: Semaphore;
  readonly #cache: PartCache;
  /** By key and hash: an object never changes. */
  readonly #manifests = new Map<string, Manifest>();
  #engine: Promise<Engine> | undefined;

  constructor(options: ArchiveReaderOptions) {
    this.#options = options;
    const { store, folder, cacheBytes: maxBytes, concurrency } = options;
    const waiting = { most: concurrency * WAITING_PER_PERMIT, refusal: () => new ArchiveBusyError() };
    this.#semaphore = new Semaphore({ permits: concurrency, waiting });
    this.#cache = createPartCache({ store, folder, maxBytes });
  }

  async ask<T>(signal: AbortSignal, work: (session: ArchiveSession) => Promise<T>): Promise<T> {
    const { timeoutMs, observe } = this.#options;
    const startMs = performance.now();
    const end = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    let result: ArchiveResult = 'failed';
    try {
      const release = await this.#semaphore.acquire(end);
      const answer = await this.#withSession({ end, release, startMs }, work);
      result = 'answered';
      return answer;
    } catch (error: unknown) {
      if (error instanceof ArchiveBusyError) result = 'refused';
      if (signal.aborted) result = 'abandoned';
      // Also where nobody waits for the answer any more: that is no mistake of ours, which the log would call it.
      if (end.aborted && !(error instanceof ArchiveTimeoutError))
        throw new ArchiveTimeoutError(undefined, this.#options.store.location);
      throw error;
    } finally {
      observe?.question(result, (performance.now() - startMs) / SECOND_MS);
    }
  }

  async close(): Promise<void> {
    // A store that hangs must not hold the process.
    await Promise.race([this.#semaphore.whenIdle(), delay(CLOSE_MS, undefined, { ref: false })]);
    const engine = await this.#engine?.catch(() => undefined);
    if (engine === undefined) return;
    engine.duckdb.close();
    await rm(engine.folder, { recursive: true, force: true });
  }

  async #workWith<T>(session: Session, work: (session: ArchiveSession) => Promise<T>): Promise<T> {
    try {
      await this.#open(session);
      return await work(session);
    } finally {
      await session.close();
    }
  }

  /** The permit is released when the work has really ended, also when the caller gave up before. */
  async #withSession<T>(
    { end, release, startMs }: { end: AbortSignal; release: () => void; startMs: number },
    work: (session: ArchiveSession) => Promise<T>,
  ): Promise<T> {
    const session = new Session(this.#options, {
      end,
      startMs,
      cache: this.#cache,
      manifests: this.#manifests,
    });
    const working = this.#workWith(session, work).finally(release);
    // Its end is waited for by the race; what comes after that is nobody's any more.
    working.catch(() => undefined);
    const broken = new Promise<never>((_, reject) => {
      const onAbort = (): void => {
        session.interrupt();
        reject(session.timeout());
      };
      if (end.aborted) onAbort();
      else end.addEventListener('abort', onAbort, { once: true });
    });
    return Promise.race([working, broken]);
  }

  async #open(session: Session): Promise<void> {
    this.#engine ??= this.#openEngine();
    const engine = await this.#engine.catch((error: unknown) => {
      this.#engine = undefined;
      throw error;
    });
    await session.open(engine);
  }

  async #openEngine(): Promise<Engine> {
    const { folder: parent, memoryLimit, concurrency } = this.#options;
    await openPrivateFolder(parent);
    const folder = await mkdtemp(join(parent, SPILL_PREFIX));
    await removeLeftovers(parent, folder);
    return { duckdb: await openDuckDb({ folder, memoryLimit, threads: concurrency }), folder };
  }
}

interface SessionDependencies {
  readonly end: AbortSignal;
  readonly startMs: number;
  readonly cache: PartCache;
  readonly manifests: Map<string, Manifest>;
}

class Session implements ArchiveSession {
  readonly #options: ArchiveReaderOptions;
  readonly #dependencies: SessionDependencies;
  #connection: DuckDb | undefined;
  #folder: string | undefined;
  #awaited: string | undefined;

  constructor(options: ArchiveReaderOptions, dependencies: SessionDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
  }

  async open({ duckdb, folder }: Engine): Promise<void> {
    this.#dependencies.end.throwIfAborted();
    // Another process takes it for a leftover when no question came for long.
    await mkdir(folder, { recursive: true });
    this.#folder = await mkdtemp(join(folder, 'question-'));
    this.#connection = await duckdb.connect();
  }

  async close(): Promise<void> {
    this.#connection?.close();
    this.#connection = undefined;
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  get duckdb(): DuckDb {
    this.#dependencies.end.throwIfAborted();
    return this.#connection ?? notOpen();
  }

  get folder(): string {
    return this.#folder ?? notOpen();
  }

  interrupt(): void {
    this.#connection?.interrupt();
  }

  timeout(): ArchiveTimeoutError {
    return new ArchiveTimeoutError(this.#awaited, this.#options.store.location);
  }

  isLate(): boolean {
    return performance.now() - this.#dependencies.startMs > this.#options.timeoutMs * LATE_AFTER;
  }

  async manifest({ manifest: key, manifestSha256 }: ArchivedMonth): Promise<Manifest> {
    const { manifests } = this.#dependencies;
    const name = `${key} ${manifestSha256 ?? ''}`;
    const known = manifests.get(name) ?? (await this.#readManifest(key, manifestSha256));
    manifests.delete(name);
    manifests.set(name, known);
    const [oldest] = manifests.keys();
    if (manifests.size > MAX_MANIFESTS && oldest !== undefined) manifests.delete(oldest);
    return known;
  }

  async #readManifest(key: string, sha256: string | null): Promise<Manifest> {
    const { store, trustedKeys } = this.#options;
    const bytes = await this.#waitFor(key, () => store.read(key));
    const keys = await trustedKeys().catch((error: unknown) => {
      throw new ManifestError(key, `cannot be checked: ${reasonOf(error)}`);
    });
    const sealed = openManifest(key, bytes, keys);
    if (sha256 !== null && sealed.sha256 !== sha256)
      throw new ManifestError(key, 'is another manifest than the one that the database names');
    return sealed.manifest;
  }

  async files(parts: readonly ManifestPart[]): Promise<string[]> {
    const paths: string[] = [];
    for (const part of parts) {
      paths.push(await this.#waitFor(part.key, () => this.#dependencies.cache.fetch(part, this.folder)));
      this.#options.observe?.part(part.table);
    }
    return paths;
  }

  async #waitFor<T>(key: string, fetch: () => Promise<T>): Promise<T> {
    this.#dependencies.end.throwIfAborted();
    this.#awaited = key;
    const found = await fetch();
    this.#awaited = undefined;
    return found;
  }
}

function notOpen(): never {
  throw new Error('the session with the archive is not open');
}
