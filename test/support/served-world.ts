import type pg from 'pg';

import { type EmbeddedDatabase, prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { findFreePort } from '../../dev/servers/process/ports.ts';
import { createPool } from '../../src/database/pool.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { cacheDir } from './servers.ts';
import { createTestFolder, type TestFolder } from './test-folder.ts';
import { until } from './until.ts';
import { type RunningProgram, startProgram } from './up.ts';

const READY_DEADLINE_MS = 60_000;
/** One question that is lost must not keep the test from asking again. */
const ANSWER_DEADLINE_MS = 10_000;
const log = createLogger('silent', 'test');

/** `serve` as a process of its own, on a PostgreSQL of its own: both can be killed and started again. */
export class ServedWorld implements AsyncDisposable {
  readonly folder: TestFolder;
  readonly database: EmbeddedDatabase;
  readonly #temporalAddress: string;
  readonly #apiPort: number;
  #postgres: EmbeddedPostgres;
  #service: RunningProgram;

  private constructor(
    folder: TestFolder,
    started: { postgres: EmbeddedPostgres; database: EmbeddedDatabase },
    addresses: { temporal: string; apiPort: number },
  ) {
    this.folder = folder;
    this.#postgres = started.postgres;
    this.database = started.database;
    this.#temporalAddress = addresses.temporal;
    this.#apiPort = addresses.apiPort;
    this.#service = this.#openService();
  }

  static async create(temporalAddress: string): Promise<ServedWorld> {
    const folder = await createTestFolder();
    const postgres = await openPostgres(folder, 0);
    const database = await prepareDatabase(postgres, 1, log);
    const apiPort = await findFreePort();
    const world = new ServedWorld(folder, { postgres, database }, { temporal: temporalAddress, apiPort });
    await until(() => world.answers('/readyz'), 'the service is ready', READY_DEADLINE_MS);
    return world;
  }

  address(path: string): string {
    return `http://127.0.0.1:${this.#apiPort}${path}`;
  }

  answers(path: string): Promise<boolean> {
    return answersWell(this.address(path));
  }

  async killPostgres(): Promise<void> {
    this.#postgres.server.signal('SIGKILL');
    await this.#postgres.server.exited;
  }

  async startPostgres(): Promise<void> {
    this.#postgres = await openPostgres(this.folder, this.#postgres.port);
  }

  /** SIGKILL, and a new process that answers under the same address. */
  async restartService(): Promise<void> {
    this.#service.child.kill('SIGKILL');
    await this.#service.exited;
    this.#service = this.#openService();
    await until(() => this.answers('/healthz'), 'the service answers again', READY_DEADLINE_MS);
  }

  /** SIGTERM, then the exit code. */
  async stopService(): Promise<number | null> {
    this.#service.child.kill('SIGTERM');
    return this.#service.exited;
  }

  /** What the service process holds in memory now. */
  async residentBytes(): Promise<number> {
    const metrics = await fetch(this.address('/metrics')).then((answer) => answer.text());
    return Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]);
  }

  writerPool(): pg.Pool {
    return createPool({
      connectionString: this.database.writerUrl,
      applicationName: 'remediation-audit test',
      statementTimeoutMs: 30_000,
      logger: log,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#service.child.kill('SIGKILL');
    await this.#service.exited;
    await this.#postgres.stop();
    await this.folder.remove();
  }

  #openService(): RunningProgram {
    return startProgram(['serve'], {
      env: {
        DATABASE_URL: this.database.writerUrl,
        DATABASE_READER_URL: this.database.readerUrl,
        TEMPORAL_ADDRESS: this.#temporalAddress,
        REMEDIATION_AUDIT_API_PORT: String(this.#apiPort),
        // So that a test sees where a record is.
        REMEDIATION_AUDIT_API_DEFERRED_STATUS_CODE: '202',
        REMEDIATION_AUDIT_LOG_LEVEL: 'error',
      },
    });
  }
}

/** Whether something answers there, and with success. */
export function answersWell(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(ANSWER_DEADLINE_MS) }).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** fsync stays on: what is acknowledged must be on disk. */
async function openPostgres(folder: TestFolder, port: number): Promise<EmbeddedPostgres> {
  return startPostgres({ dataDir: folder.file('postgres'), port, cacheDir, report: () => undefined });
}
