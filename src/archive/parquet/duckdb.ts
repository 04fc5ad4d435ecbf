import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

import { quoteLiteral } from '../../database/sql.ts';
import { reasonOf } from '../../domain/errors.ts';

interface DuckDbOptions {
  /** The only one whose files it reads and writes. It spills there what does not fit into its memory. */
  readonly folder: string;
  /**
   * Default 160 MB, with one thread: PostgreSQL is the slower side anyway. The engine fills what it may have with buffers that it has
   * read already, so more is no faster.
   */
  readonly memoryLimit?: string;
  /** Default 1. The order of rows is the same with any number. */
  readonly threads?: number;
}

const ALLOCATOR_FLUSH = '1MB';

/**
 * An engine in memory that reads and writes files of its folder and no others, and touches no network: extensions are never
 * downloaded. Neither can be changed while it runs, whatever a statement says.
 */
export async function openDuckDb({
  folder,
  memoryLimit = '160MB',
  threads = 1,
}: DuckDbOptions): Promise<DuckDb> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: memoryLimit,
    temp_directory: folder,
    // Freed memory goes back to the system at once: otherwise a process keeps three times what the engine holds.
    allocator_flush_threshold: ALLOCATOR_FLUSH,
    allocator_bulk_deallocation_flush_threshold: ALLOCATOR_FLUSH,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  try {
    const duckdb = await connectTo(instance, () => {
      instance.closeSync();
    });
    await duckdb.run(`set allowed_directories = [${quoteLiteral(folder)}]`);
    await duckdb.run('set enable_external_access = false');
    return duckdb;
  } catch (error: unknown) {
    instance.closeSync();
    throw error;
  }
}

async function connectTo(instance: DuckDBInstance, whenClosed: () => void): Promise<DuckDb> {
  const connection = await instance.connect();
  await connection.run("set TimeZone = 'UTC'");
  return new DuckDb(instance, connection, whenClosed);
}

type Cell = string | null;

const OUT_OF_MEMORY = 'Out of Memory Error';
const LARGE_MEMORY = '1GB';

/** The engine could not do it. */
export class DuckDbError extends Error {
  constructor(cause: unknown) {
    super(reasonOf(cause), { cause });
    this.name = 'DuckDbError';
  }

  /** Whether a smaller question could succeed. Otherwise the statement is wrong, or the machine is at fault. */
  get isTooLarge(): boolean {
    return this.message.startsWith(OUT_OF_MEMORY);
  }
}

export class DuckDb implements AsyncDisposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #whenClosed: () => void;

  constructor(instance: DuckDBInstance, connection: DuckDBConnection, whenClosed: () => void) {
    this.#instance = instance;
    this.#connection = connection;
    this.#whenClosed = whenClosed;
  }

  /** A further connection to the same engine, within the same memory; what runs on it can be broken off by itself. */
  connect(): Promise<DuckDb> {
    return connectTo(this.#instance, () => undefined);
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql).catch(rethrow);
  }

  /**
   * Once more with more memory when it needs it: a row group of the widest rows is all of a part, and takes four times its
   * text while it is written.
   */
  async runLarge(sql: string): Promise<void> {
    try {
      await this.run(sql);
    } catch (error: unknown) {
      if (!(error instanceof DuckDbError && error.isTooLarge)) throw error;
      const [usual] = await this.rows("select current_setting('memory_limit') as value");
      await this.run(`set memory_limit = '${LARGE_MEMORY}'`);
      try {
        await this.run(sql);
      } finally {
        await this.run(`set memory_limit = '${usual?.['value'] ?? LARGE_MEMORY}'`);
      }
    }
  }

  /** Rows by column name; every selected column is text or null. */
  async rows(sql: string): Promise<Record<string, Cell>[]> {
    const reader = await this.#connection.runAndReadAll(sql).catch(rethrow);
    return reader.getRowObjects() as Record<string, Cell>[];
  }

  /** Breaks off what runs; it rejects. */
  interrupt(): void {
    this.#connection.interrupt();
  }

  close(): void {
    this.#connection.closeSync();
    this.#whenClosed();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}

function rethrow(error: unknown): never {
  throw new DuckDbError(error);
}

/** A folder of its own for one piece of work, with an engine that spills into it. */
export interface Workspace {
  readonly folder: string;
  readonly duckdb: DuckDb;
}

/**
 * Runs `work` with a new folder under `parent` and an engine that is closed afterwards. The folder goes with
 * the work, whether it succeeds or not.
 */
export async function withWorkspace<T>(
  parent: string,
  work: (workspace: Workspace) => Promise<T>,
): Promise<T> {
  return withWorkFolder(parent, async (folder) => {
    const duckdb = await openDuckDb({ folder });
    try {
      return await work({ folder, duckdb });
    } finally {
      duckdb.close();
    }
  });
}

/** The same without an engine, for work that may need none: to open one takes 15 ms of a processor. */
export async function withWorkFolder<T>(parent: string, work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'remediation-audit-archive-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
