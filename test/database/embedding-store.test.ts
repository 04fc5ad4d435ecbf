import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type pg from 'pg';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { startPostgres } from '../../dev/servers/postgres/postgres.ts';
import type { EmbeddingStore } from '../../src/database/embeddings/embedding-store.ts';
import { createEmbeddingStore } from '../../src/database/embeddings/embedding-store.ts';
import { readEmbeddingForm } from '../../src/database/embeddings/embedding-store.ts';
import { createPool } from '../../src/database/pool.ts';
import { createRecordStore } from '../../src/database/recording/record-store.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createTestDatabase } from '../support/database.ts';
import { executionObservation } from '../support/observations.ts';
import { cacheDir, pgvectorBinaries } from '../support/servers.ts';

const MODEL = 'test-model';

interface Lane {
  readonly writer: pg.Pool;
  close(): Promise<void>;
}

async function arrayLane(): Promise<Lane> {
  const database = await createTestDatabase();
  return { writer: database.writer, close: () => database.close() };
}

/** A server that has the extension, which an administrator made available before the migration. */
async function vectorLane(): Promise<Lane> {
  const dataDir = await mkdtemp(join(tmpdir(), 'embedding-store-test-'));
  const report = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  const binaries = await pgvectorBinaries();
  const postgres = await startPostgres({
    dataDir,
    port: 0,
    cacheDir,
    report,
    binaries,
    settings: { fsync: 'off' },
  });
  const template = new Client({ connectionString: postgres.superuserUrl('template1') });
  await template.connect();
  await template.query('create extension vector');
  await template.end();
  const logger = createLogger('error', 'test');
  const { writerUrl } = await prepareDatabase(postgres, 1, logger);
  const writer = createPool({
    connectionString: writerUrl,
    applicationName: 'test',
    statementTimeoutMs: 30_000,
    logger,
  });
  return {
    writer,
    async close() {
      await writer.end();
      await postgres.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

describe.each([
  ['real[]', arrayLane],
  ['vector', vectorLane],
] as const)('embeddings held as %s:', (form, openLane) => {
  let lane: Lane;
  let store: EmbeddingStore;

  beforeAll(async () => {
    lane = await openLane();
    store = createEmbeddingStore(lane.writer);
  });
  afterAll(() => lane.close());

  async function recordAnalysis(name: string, columns: Record<string, string> = {}) {
    const { columns: base } = executionObservation();
    const observation = executionObservation({
      table: 'ai_analysis_audit',
      key: name,
      columns: {
        remediation_uid: base['remediation_uid'] ?? '',
        crd_name: name,
        alert_fingerprint: `fingerprint-${name}`,
        environment: 'production',
        investigation_report: `report of ${name}`,
        extra: `{"root_cause":"cause of ${name}"}`,
        ...columns,
      },
    });
    const [stored] = await createRecordStore(lane.writer).record([observation]);
    if (stored?.status !== 'stored') throw new Error('not stored');
    return {
      id: stored.id,
      createdAt: stored.createdAt,
      text: columns['investigation_report'] ?? `report of ${name}`,
    };
  }

  async function embed(
    name: string,
    numbers: readonly number[],
    columns: Record<string, string> = {},
    model = MODEL,
  ) {
    const investigation = await recordAnalysis(name, columns);
    await store.upsert(investigation, model, numbers);
    return investigation;
  }

  test('the column has this form', async () => {
    expect(await readEmbeddingForm(lane.writer)).toBe(form);
  });

  test('neighbours come nearest first, with the cosine of their angle and what is known of them', async () => {
    const model = 'angles';
    await embed('east', [1, 0, 0], {}, model);
    await embed('north-east', [2, 2, 0], {}, model);
    await embed('north', [0, 1, 0], {}, model);
    const found = await store.selectNearest({ model, embedding: [1, 0.1, 0], limit: 2 });
    expect(found.map(({ alertFingerprint }) => alertFingerprint)).toEqual([
      'fingerprint-east',
      'fingerprint-north-east',
    ]);
    expect(found[0]?.similarity).toBeCloseTo(1 / Math.hypot(1, 0.1), 4);
    expect(found[0]).toMatchObject({
      investigationText: 'report of east',
      rootCause: 'cause of east',
      environment: 'production',
    });
  });

  test('only the asked environment and model are compared, however near the others are', async () => {
    const model = 'filters';
    for (let index = 0; index < 60; index += 1)
      await embed(`noise-${index}`, [1, index / 1_000, 0], {}, model);
    await embed('staging-case', [0, 1, 0], { environment: 'staging' }, model);
    await embed('other-model', [1, 0, 0], { environment: 'staging' }, 'another-model');
    const found = await store.selectNearest({
      model,
      embedding: [1, 0, 0],
      environment: 'staging',
      limit: 10,
    });
    expect(found.map(({ alertFingerprint }) => alertFingerprint)).toEqual(['fingerprint-staging-case']);
  });

  test('the embedding of a fingerprint is found again, and it is not its own neighbour', async () => {
    const model = 'fingerprints';
    const first = await embed('a', [1, 0, 0], { alert_fingerprint: 'same' }, model);
    await embed('b', [1, 0.2, 0], {}, model);
    const known = await store.selectEmbedding('same', model);
    expect(known?.id).toBe(first.id);
    expect(known?.embedding.slice(0, 4)).toEqual([1, 0, 0, 0]);
    const found = await store.selectNearest({
      model,
      embedding: known?.embedding ?? [],
      limit: 5,
      except: known?.id,
    });
    expect(found.map(({ alertFingerprint }) => alertFingerprint)).toEqual(['fingerprint-b']);
    expect(await store.selectEmbedding('same', 'never used')).toBeUndefined();
  });

  test('a text is placed once per model; another text of the same analysis replaces it', async () => {
    const { id, createdAt, text } = await recordAnalysis('again');
    expect(await store.selectUnembedded(id, createdAt, MODEL)).toEqual({ id, createdAt, text });
    await store.upsert({ id, createdAt, text }, MODEL, [1, 2, 3]);
    expect(await store.selectUnembedded(id, createdAt, MODEL)).toBeUndefined();
    expect(await store.selectUnembedded(id, createdAt, 'newer-model')).toMatchObject({ id });
    await store.upsert({ id, createdAt, text: 'a longer report' }, MODEL, [3, 2, 1]);
    const { rows } = await lane.writer.query(
      'select investigation_text, model, dimension from ai_investigation_embeddings where id = $1::uuid',
      [id],
    );
    expect(rows).toEqual([{ investigation_text: 'a longer report', model: MODEL, dimension: 3 }]);
  });

  test('an analysis without a report has nothing to place', async () => {
    const { id, createdAt } = await recordAnalysis('silent', { investigation_report: '' });
    expect(await store.selectUnembedded(id, createdAt, MODEL)).toBeUndefined();
  });

  test('a model with more dimensions than are kept is refused', async () => {
    const investigation = await recordAnalysis('wide');
    const place = Array.from({ length: 1_537 }, () => 1);
    await expect(store.upsert(investigation, MODEL, place)).rejects.toThrow('does not fit the 1536');
  });
});
