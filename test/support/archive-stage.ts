import { afterAll, beforeAll, beforeEach, expect } from 'vitest';

import type { ArchiveContext, ArchivePoint } from '../../src/archive/archive-context.ts';
import type { RetentionSteps } from '../../src/archive/export/retention-steps.ts';
import type { Manifest } from '../../src/archive/manifest/manifest.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { VerifyReport } from '../../src/archive/manifest/verify-archive.ts';
import { readChain, verifyArchive } from '../../src/archive/manifest/verify-archive.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import type { PartitionAttachment } from '../../src/database/months/month-detach.ts';
import { partitionsOf } from '../../src/database/months/month-detach.ts';
import { selectMonth } from '../../src/database/months/month-states.ts';
import { addMonths } from '../../src/domain/instant.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { runScript } from './processes.ts';
import type { RetentionSetting } from './retention.ts';
import { recordExecutions, retentionSteps, runRetention } from './retention.ts';
import { createTestFolder, type TestFolder } from './test-folder.ts';

export interface ArchiveStageOptions {
  /** The first test has the month after this one. */
  readonly after: string;
  /** Executions recorded in the month of each test. Default none. */
  readonly rows?: number;
}

/** A database for a test file; for each of its tests a month, and a folder as the archive of it. */
export function useArchiveStage(options: ArchiveStageOptions): ArchiveStage {
  const stage = new ArchiveStage(options);
  beforeAll(() => stage.open());
  afterAll(() => stage.close());
  beforeEach(() => stage.turnMonth());
  return stage;
}

export class ArchiveStage {
  readonly #rows: number;
  #month: string;
  #opened: { database: TestDatabase; folder: TestFolder; key: SigningKey } | undefined;
  #store: ObjectStore | undefined;

  constructor({ after, rows = 0 }: ArchiveStageOptions) {
    this.#month = after;
    this.#rows = rows;
  }

  async open(): Promise<void> {
    const [database, folder] = await Promise.all([
      createTestDatabase({ monthsAhead: 1 }),
      createTestFolder(),
    ]);
    this.#opened = { database, folder, key: await readOrCreateSigningKey(folder.file('key.pem')) };
  }

  async close(): Promise<void> {
    await this.#opened?.database.close();
    await this.#opened?.folder.remove();
  }

  async turnMonth(): Promise<void> {
    this.#month = addMonths(this.#month, 1);
    this.#store = createFolderStore(this.archive);
    if (this.#rows > 0) await recordExecutions(this.database, this.#month, this.#rows);
  }

  get month(): string {
    return this.#month;
  }

  /** `2019-01`, as answers show it. */
  get name(): string {
    return this.#month.slice(0, 7);
  }

  get database(): TestDatabase {
    return this.#requireOpen().database;
  }

  get folder(): TestFolder {
    return this.#requireOpen().folder;
  }

  get key(): SigningKey {
    return this.#requireOpen().key;
  }

  /** Folder of the archive. */
  get archive(): string {
    return this.folder.file(`archive-${this.#month}`);
  }

  get store(): ObjectStore {
    if (this.#store === undefined) throw new Error('no test has begun');
    return this.#store;
  }

  /** For the rest of the test. */
  set store(store: ObjectStore) {
    this.#store = store;
  }

  get setting(): RetentionSetting {
    const { store, key } = this;
    return { ownerUrl: this.database.url('audit_owner'), store, key, folder: this.folder.path };
  }

  get trusted(): ReadonlyMap<string, SigningKey['publicKey']> {
    return new Map([[this.key.keyId, this.key.publicKey]]);
  }

  steps(given: Partial<ArchiveContext> = {}): RetentionSteps {
    return retentionSteps(this.setting, given);
  }

  /** One run of retention over the month of the test. */
  run(given: Partial<ArchiveContext> = {}): Promise<string[]> {
    return runRetention(this.steps(given), this.#month);
  }

  verify(): Promise<VerifyReport> {
    return verifyArchive({ store: this.store, trusted: this.trusted, workFolder: this.folder.path });
  }

  async state(): Promise<string | undefined> {
    return (await selectMonth(this.database.owner, this.#month))?.state;
  }

  /** Where its tables are: one attachment, unless something is half done. */
  async places(): Promise<PartitionAttachment[]> {
    const partitions = await partitionsOf(this.database.owner, this.#month);
    return [...new Set(partitions.map(({ attachment }) => attachment))];
  }

  async newestManifest(): Promise<Manifest> {
    const newest = (await readChain(this.store, this.trusted)).manifests.at(-1);
    if (newest === undefined) throw new Error(`${this.store.location} has no manifest`);
    return newest.manifest;
  }

  /** Parts and the hashes of their rows, without the manifests. */
  async objects(): Promise<string[]> {
    return [...(await this.store.list('table=')), ...(await this.store.list('row-hashes/'))].sort();
  }

  #requireOpen() {
    if (this.#opened === undefined) throw new Error('the stage is open while tests run only');
    return this.#opened;
  }
}

/**
 * Runs the steps of a month in a process of their own, which kills itself at the point. `steps` may use `setting`, `reached`
 * and `month`, and imports what it needs with `source`.
 */
export async function killProcessAt(stage: ArchiveStage, point: ArchivePoint, steps: string): Promise<void> {
  const script = runScript(
    `
    const { createFolderStore } = await import(source('src/archive/store/folder-store.ts'));
    const { readOrCreateSigningKey } = await import(source('src/archive/manifest/signing-key.ts'));
    const setting = {
      ownerUrl: process.env.OWNER_URL,
      store: createFolderStore(process.env.ARCHIVE),
      key: await readOrCreateSigningKey(process.env.KEY),
      folder: process.env.FOLDER,
    };
    const month = process.env.MONTH;
    const reached = async (point) => {
      if (point === process.env.POINT) process.kill(process.pid, 'SIGKILL');
    };
    ${steps}`,
    {
      env: {
        OWNER_URL: stage.database.url('audit_owner'),
        ARCHIVE: stage.archive,
        KEY: stage.folder.file('key.pem'),
        FOLDER: stage.folder.path,
        POINT: point,
        MONTH: stage.month,
      },
    },
  );
  // Null: it did not end by itself.
  expect(await script.exited, script.output()).toBeNull();
}

/** Ends every connection of the steps, the first two times that they come to the point. */
export function loseConnectionsAt(stage: ArchiveStage, point: ArchivePoint): Partial<ArchiveContext> {
  let left = 2;
  return {
    reached: async (at) => {
      if (at !== point || left === 0) return;
      left -= 1;
      await stage.database.owner.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'remediation-audit maintenance' and datname = current_database()`,
      );
    },
  };
}

/** As Temporal does: what failed is done again. Answers the failures before it went through. */
export async function repeatUntilDone(
  attempts: number,
  work: () => Promise<unknown>,
  afterFailure: () => Promise<void> = () => Promise.resolve(),
): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    try {
      await work();
      return failures;
    } catch (error: unknown) {
      failures.push(error);
      await afterFailure();
    }
  }
  throw new AggregateError(failures, `not done after ${attempts} attempts`);
}
