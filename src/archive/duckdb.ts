import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface DuckDbOptions {
  /** Where it may spill what does not fit into its memory. */
  readonly folder: string;
  /** Default 512 MB, with one thread: PostgreSQL is the slower side anyway. */
  readonly memoryLimit?: string;
  /** Default 1. Order of rows is kept by any number. */
  readonly threads?: number;
}

/** An engine in memory that reads and writes files and touches no network: extensions are never downloaded. */
export async function openDuckDb({
  folder,
  memoryLimit = '512MB',
  threads = 1,
}: DuckDbOptions): Promise<DuckDb> {
  const instance = await DuckDBInstance.create(':memory:', {
    threads: String(threads),
    memory_limit: memoryLimit,
    temp_directory: folder,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  });
  try {
    const connection = await instance.connect();
    await connection.run("set TimeZone = 'UTC'");
    return new DuckDb(instance, connection);
  } catch (error: unknown) {
    instance.closeSync();
    throw error;
  }
}

export type Cell = string | null;

export class DuckDb implements AsyncDisposable {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;

  constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  async run(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  /** Rows by column name; every selected column is text or null. */
  async rows(sql: string): Promise<Record<string, Cell>[]> {
    const reader = await this.#connection.runAndReadAll(sql);
    return reader.getRowObjects() as Record<string, Cell>[];
  }

  /** Breaks off what runs; it rejects. */
  interrupt(): void {
    this.#connection.interrupt();
  }

  close(): void {
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }
}
