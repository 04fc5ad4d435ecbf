import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type pg from 'pg';

import { type EmbeddedDatabase, prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import type { Manifest } from '../../src/archive/manifest/manifest.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import { readChain } from '../../src/archive/manifest/verify-archive.ts';
import { ARCHIVED_TABLES, partitionName } from '../../src/archive/parquet/archive-schema.ts';
import type { RowsDigest } from '../../src/archive/parquet/row-hasher.ts';
import { digestTable } from '../../src/archive/parquet/table-rows.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { createS3Store } from '../../src/archive/store/s3-store.ts';
import { withMaintenanceClient } from '../../src/database/maintenance.ts';
import { partitionsOf } from '../../src/database/months/month-detach.ts';
import { createPool } from '../../src/database/pool.ts';
import { quoteIdentifier } from '../../src/database/sql.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { RetentionSetting } from './retention.ts';
import { cacheDir } from './servers.ts';
import { startVersitygw, type Versitygw } from './versitygw.ts';

export type Victim = 'PostgreSQL' | 'the store';
export const VICTIMS: readonly Victim[] = ['PostgreSQL', 'the store'];

const log = createLogger('silent', 'test');
const BUCKET = 'archive';

/** A database server and an S3 server of its own, which may be killed. */
export class RetentionWorld implements AsyncDisposable {
  readonly folder: string;
  readonly key: SigningKey;
  readonly writer: pg.Pool;
  readonly #s3: Versitygw;
  readonly #database: EmbeddedDatabase;
  #postgres: EmbeddedPostgres;
  #recovering = Promise.resolve();

  static async start(): Promise<RetentionWorld> {
    const folder = await mkdtemp(join(tmpdir(), 'remediation-audit-retention-'));
    const [postgres, s3] = await Promise.all([startServer(folder, 0), startVersitygw()]);
    await s3.send({ method: 'PUT', path: `/${BUCKET}` });
    const database = await prepareDatabase(postgres, 0, log);
    const key = await readOrCreateSigningKey(join(folder, 'key.pem'));
    return new RetentionWorld({ folder, postgres, s3, database, key });
  }

  private constructor(given: {
    readonly folder: string;
    readonly postgres: EmbeddedPostgres;
    readonly s3: Versitygw;
    readonly database: EmbeddedDatabase;
    readonly key: SigningKey;
  }) {
    this.folder = given.folder;
    this.key = given.key;
    this.#postgres = given.postgres;
    this.#s3 = given.s3;
    this.#database = given.database;
    this.writer = createPool({
      connectionString: given.database.writerUrl,
      applicationName: 'writer',
      statementTimeoutMs: 10_000,
      logger: log,
    });
  }

  get ownerUrl(): string {
    return this.#database.ownerUrl;
  }

  /** Of one month, so that its archive is its own. */
  s3Store(prefix: string): ObjectStore {
    return createS3Store({ bucket: BUCKET, prefix, pathStyle: true, ...this.s3Options() });
  }

  s3Options() {
    const { endpoint, region, accessKeyId, secretAccessKey } = this.#s3;
    return { endpoint, region, credentials: { accessKeyId, secretAccessKey } };
  }

  folderStore(name: string): ObjectStore {
    return createFolderStore(join(this.folder, name));
  }

  setting(store: ObjectStore): RetentionSetting {
    return { ownerUrl: this.ownerUrl, store, key: this.key, folder: this.folder };
  }

  trusted() {
    return new Map([[this.key.keyId, this.key.publicKey]]);
  }

  /** SIGKILL. Returns when it is gone; that it comes back is waited for by `recovered`. */
  async kill(victim: Victim): Promise<void> {
    const gone = this.#recovering.then(() => this.#end(victim));
    this.#recovering = gone.then(() => this.#begin(victim));
    // Reported to whoever waits for it.
    this.#recovering.catch(() => undefined);
    await gone;
  }

  async #end(victim: Victim): Promise<void> {
    if (victim === 'the store') return this.#s3.kill();
    this.#postgres.server.signal('SIGKILL');
    await this.#postgres.server.exited;
  }

  async #begin(victim: Victim): Promise<void> {
    if (victim === 'the store') return this.#s3.restart();
    this.#postgres = await startServer(this.folder, this.#postgres.port);
  }

  async recovered(): Promise<void> {
    await this.#recovering;
  }

  asOwner<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    return withMaintenanceClient({ connectionString: this.ownerUrl, lockTimeoutMs: 500 }, work);
  }

  /** What each table of the month holds. */
  async contents(month: string, partRows: number): Promise<Record<string, readonly RowsDigest[]>> {
    const contents: Record<string, readonly RowsDigest[]> = {};
    await this.asOwner(async (client) => {
      for (const table of ARCHIVED_TABLES)
        contents[table.table] = await digestTable(client, table, partitionName(table.table, month), {
          partRows,
        });
    });
    return contents;
  }

  /** Rows of the month in the database by table, attached or not; undefined once it is dropped, all of it. */
  async rowsInDatabase(month: string): Promise<Record<string, number> | undefined> {
    return this.asOwner(async (client) => {
      const partitions = await partitionsOf(client, month);
      const there = partitions.filter(({ attachment }) => attachment !== 'absent');
      if (there.length === 0) return undefined;
      if (there.length !== partitions.length) throw new Error(`only a part of ${month} is dropped`);
      const counts: Record<string, number> = {};
      for (const { table, relation } of there) {
        const { rows } = await client.query<{ count: string }>(
          `select count(*) as count from ${quoteIdentifier(relation)}`,
        );
        counts[table] = Number(rows[0]?.count);
      }
      return counts;
    });
  }

  async newestManifest(store: ObjectStore, month: string): Promise<Manifest> {
    const { manifests, faults } = await readChain(store, this.trusted());
    const newest = manifests.filter(({ manifest }) => manifest.month === month).at(-1);
    if (newest === undefined || faults.length > 0)
      throw new Error(`no sound manifest of ${month}: ${JSON.stringify(faults)}`);
    return newest.manifest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recovered();
    await this.writer.end();
    await this.#postgres.stop();
    await this.#s3.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** fsync stays on: what is committed must be on disk. */
function startServer(folder: string, port: number): Promise<EmbeddedPostgres> {
  const dataDir = join(folder, 'postgres');
  return startPostgres({ dataDir, port, cacheDir, report: () => undefined });
}
