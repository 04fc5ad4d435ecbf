import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import {
  embeddingText,
  readEmbeddingForm,
  upgradeEmbeddings,
} from '../../src/database/embeddings/embedding-store.ts';
import { migrate } from '../../src/database/migrate.ts';
import { EMBEDDING_DIMENSIONS } from '../../src/domain/records/ai-investigation-embeddings.ts';
import { createTestDatabase } from '../support/database.ts';
import { cacheDir, pgvectorBinaries } from '../support/servers.ts';

const ROLES_SQL = readFileSync(new URL('../../migrations/bootstrap/roles.sql', import.meta.url), 'utf8');
const INDEX = 'ai_investigation_embeddings_embedding_idx';

let dataDir: string;
let postgres: EmbeddedPostgres;
let databases = 0;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'upgrade-embeddings-test-'));
  postgres = await startPostgres({
    dataDir,
    port: 0,
    cacheDir,
    report: (line) => process.stderr.write(`${line}\n`),
    binaries: await pgvectorBinaries(),
    settings: { fsync: 'off' },
  });
  await asAdministrator('postgres', `${ROLES_SQL}; alter role audit_owner password 'test'`);
});

afterAll(async () => {
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function asAdministrator(database: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: postgres.superuserUrl(database) });
  await client.connect();
  await client.query(sql);
  await client.end();
}

/** A database on the server with pgvector; the extension is there only if an administrator was asked for it. */
async function createDatabase(options: { extension: boolean }): Promise<{ name: string; owner: Client }> {
  databases += 1;
  const name = `embeddings_${databases}`;
  await asAdministrator('postgres', `create database ${name} owner audit_owner`);
  if (options.extension) await asAdministrator(name, 'create extension vector');
  const url = new URL(postgres.superuserUrl(name));
  url.username = 'audit_owner';
  url.password = 'test';
  const owner = new Client({ connectionString: url.href });
  await owner.connect();
  await migrate(owner);
  return { name, owner };
}

/** A place in the direction of one axis, a little off it. */
function placeNear(axis: number): number[] {
  return Array.from({ length: EMBEDDING_DIMENSIONS }, (_, index) =>
    index === axis ? 1 : index % 7 === 0 ? 0.01 : 0,
  );
}

async function insertPlaces(
  client: Client,
  form: 'vector' | 'real[]',
  axes: readonly number[],
): Promise<void> {
  for (const axis of axes) {
    await client.query({
      text: `
        insert into ai_investigation_embeddings (id, investigation_text, embedding, created_at, model, dimension, cluster)
        values (gen_random_uuid(), $1::text, $2::${form}, now(), 'test', 1536, 'test')`,
      values: [`text ${axis}`, embeddingText(form, placeNear(axis))],
    });
  }
}

async function nearestTo(client: Client, axis: number): Promise<string | undefined> {
  const { rows } = await client.query<{ text: string }>({
    text: `select investigation_text as text from ai_investigation_embeddings order by embedding <=> $1::vector limit 1`,
    values: [embeddingText('vector', placeNear(axis))],
  });
  return rows[0]?.text;
}

async function indexOf(client: Client): Promise<{ valid: boolean; definition: string }[]> {
  const { rows } = await client.query<{ valid: boolean; definition: string }>(
    'select indisvalid as valid, pg_get_indexdef(indexrelid) as definition from pg_index where indexrelid = to_regclass($1)',
    [INDEX],
  );
  return rows;
}

const HNSW = `CREATE INDEX ${INDEX} ON public.ai_investigation_embeddings USING hnsw (embedding vector_cosine_ops)`;

describe('where the extension is, a migration', () => {
  test('makes a pgvector column of 1,536 dimensions with an index for cosine distance', async () => {
    const { owner } = await createDatabase({ extension: true });
    expect(await readEmbeddingForm(owner)).toBe('vector');
    expect(await indexOf(owner)).toEqual([{ valid: true, definition: HNSW }]);
    await insertPlaces(owner, 'vector', [1, 500, 1535]);
    expect(await nearestTo(owner, 500)).toBe('text 500');
    await expect(owner.query(`update ai_investigation_embeddings set embedding = '[1,2]'`)).rejects.toThrow(
      'expected 1536 dimensions',
    );
    expect(await upgradeEmbeddings(owner)).toEqual({ before: 'vector', indexBuilt: false });
    await owner.end();
  });
});

describe('where only an administrator may create it', () => {
  test('a migration makes an array, and the upgrade says whom to ask', async () => {
    const { owner } = await createDatabase({ extension: false });
    expect(await readEmbeddingForm(owner)).toBe('real[]');
    await expect(upgradeEmbeddings(owner)).rejects.toThrow(
      'let an administrator run `create extension vector`',
    );
    await owner.end();
  });

  test('the upgrade converts what is there once the extension is, and is done after that', async () => {
    const { name, owner } = await createDatabase({ extension: false });
    await insertPlaces(owner, 'real[]', [3, 700]);
    await asAdministrator(name, 'create extension vector');

    expect(await upgradeEmbeddings(owner)).toEqual({ before: 'real[]', indexBuilt: true });
    expect(await readEmbeddingForm(owner)).toBe('vector');
    expect(await indexOf(owner)).toEqual([{ valid: true, definition: HNSW }]);
    expect(await nearestTo(owner, 700)).toBe('text 700');
    await insertPlaces(owner, 'vector', [42]);
    expect(await nearestTo(owner, 42)).toBe('text 42');
    expect(await upgradeEmbeddings(owner)).toEqual({ before: 'vector', indexBuilt: false });
    await owner.end();
  });

  test('an upgrade that was killed while it built the index is finished by the next one', async () => {
    const { name, owner } = await createDatabase({ extension: false });
    await asAdministrator(name, 'create extension vector');
    await upgradeEmbeddings(owner);
    // What a killed build leaves behind.
    await asAdministrator(
      name,
      `update pg_index set indisvalid = false where indexrelid = '${INDEX}'::regclass`,
    );

    expect(await upgradeEmbeddings(owner)).toEqual({ before: 'vector', indexBuilt: true });
    expect(await indexOf(owner)).toEqual([{ valid: true, definition: HNSW }]);
    await owner.end();
  });
});

describe('where the server has no pgvector', () => {
  test('embeddings are arrays of 1,536 numbers, and the upgrade says what to install', async () => {
    const database = await createTestDatabase();
    const client = await database.owner.connect();
    const insert = (numbers: readonly number[]) =>
      client.query({
        text: `
          insert into ai_investigation_embeddings (id, investigation_text, embedding, created_at, cluster)
          values (gen_random_uuid(), 'text', $1::real[], now(), 'test')`,
        values: [embeddingText('real[]', numbers)],
      });
    expect(await readEmbeddingForm(client)).toBe('real[]');
    await expect(insert(placeNear(1))).resolves.toMatchObject({ rowCount: 1 });
    await expect(insert([1, 2, 3])).rejects.toMatchObject({
      constraint: 'ai_investigation_embeddings_embedding_check',
    });
    await expect(upgradeEmbeddings(client)).rejects.toThrow('install pgvector on it and run this again');
    client.release(true);
    await database.close();
  });
});
