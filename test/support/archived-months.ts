import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { expect } from 'vitest';

import type { RetentionSteps } from '../../src/archive/export/retention-steps.ts';
import { readOrCreateSigningKey, type SigningKey } from '../../src/archive/manifest/signing-key.ts';
import type { ArchiveReader } from '../../src/archive/reader/archive-reader.ts';
import { createFolderStore } from '../../src/archive/store/folder-store.ts';
import type { ObjectStore } from '../../src/archive/store/object-store.ts';
import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestApi } from './api.ts';
import { testArchiveReader } from './archive-reader.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import { executionObservation } from './observations.ts';
import { recordExecutions, retentionSteps, runRetention } from './retention.ts';
import { createTestFolder, type TestFolder } from './test-folder.ts';

export const EXECUTIONS = '/api/v1/audit/workflow-execution';
/** The months with rows; the last one is never archived here. */
export const [JANUARY, FEBRUARY, LATER] = ['2020-01-01', '2020-02-01', '2026-11-01'] as const;

export interface RecordPage {
  readonly items: Record<string, unknown>[];
  readonly next_cursor: string | null;
}

/** Of February. What is recorded of it first is archived; what comes late is not. */
const splitRecord: Observation = executionObservation({
  createdAt: '2020-02-03T04:05:06.700000Z',
  sourceVersion: '7',
  columns: { remediation_id: 'split', phase: 'Running', started_at: '2020-02-03T04:05:07.120000Z' },
});

interface Parts {
  readonly database: TestDatabase;
  readonly folder: TestFolder;
  readonly key: SigningKey;
}

/** Executions of three months behind an API that also reads the archive; each test has one of its own. */
export class MonthsStage {
  readonly database: TestDatabase;
  readonly folder: TestFolder;
  readonly key: SigningKey;
  readonly store: ObjectStore;
  readonly steps: RetentionSteps;
  readonly api: FastifyInstance;
  /** Tables of the parts that were opened for a question. */
  readonly opened: string[];
  readonly #reader: ArchiveReader;
  readonly #reports: pg.Pool;

  constructor({ database, folder, key }: Parts) {
    this.database = database;
    this.folder = folder;
    this.key = key;
    this.store = createFolderStore(folder.file('archive'));
    this.steps = retentionSteps(this.setting);
    const { reader, opened } = testArchiveReader(this.setting);
    this.#reader = reader;
    this.opened = opened;
    // As `serve` has it: without a pipeline, which knows no COPY.
    this.#reports = createPool({
      connectionString: database.url('audit_writer'),
      applicationName: 'reports over the archive',
      statementTimeoutMs: 30_000,
      max: 1,
      logger: createLogger('silent', 'test'),
    });
    this.api = createTestApi(database, { archive: { reader }, reports: this.#reports });
  }

  get setting() {
    const { store, key, folder } = this;
    return { ownerUrl: this.database.url('audit_owner'), store, key, folder: folder.path };
  }

  async list(query = ''): Promise<RecordPage> {
    const answer = await this.api.inject({ url: `${EXECUTIONS}?${query}` });
    expect(answer.statusCode, answer.body).toBe(200);
    return answer.json();
  }

  async ids(query = 'limit=1000'): Promise<string[]> {
    return (await this.list(query)).items.map(({ id }) => String(id));
  }

  archive(month: string): Promise<unknown> {
    return runRetention(this.steps, month);
  }

  /** The record of which a part can come late. */
  async recordSplit(): Promise<string> {
    const [stored] = await createRecordStore(this.database.writer).record([splitRecord]);
    return stored?.id ?? '';
  }

  /** Older than what was recorded of it: it fills what the newer one left open and overrides nothing. */
  async recordLatePart(): Promise<void> {
    const columns = { remediation_id: 'split', phase: 'Pending', workflow_id: 'late' };
    await createRecordStore(this.database.writer).record([{ ...splitRecord, sourceVersion: '3', columns }]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close();
    await this.#reader.close();
    await this.#reports.end();
    await this.database.close();
    await this.folder.remove();
  }
}

export async function createMonthsStage(): Promise<MonthsStage> {
  const [database, folder] = await Promise.all([createTestDatabase({ monthsAhead: 1 }), createTestFolder()]);
  const stage = new MonthsStage({
    database,
    folder,
    key: await readOrCreateSigningKey(folder.file('key.pem')),
  });
  await recordExecutions(database, JANUARY, 25);
  await recordExecutions(database, FEBRUARY, 5);
  await recordExecutions(database, LATER, 12);
  return stage;
}
