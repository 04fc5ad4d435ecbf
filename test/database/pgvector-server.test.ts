import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { type EmbeddedPostgres, startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { cacheDir, pgvectorBinaries } from '../support/servers.ts';

let dataDir: string;
let postgres: EmbeddedPostgres;
let client: Client;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'pgvector-test-'));
  postgres = await startPostgres({
    dataDir,
    port: 0,
    cacheDir,
    report: (line) => process.stderr.write(`${line}\n`),
    binaries: await pgvectorBinaries(),
    settings: { fsync: 'off' },
  });
  client = new Client({ connectionString: postgres.superuserUrl() });
  await client.connect();
  await client.query('create extension vector');
});

afterAll(async () => {
  await client.end();
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
});

test('the extension is the pinned version, in PostgreSQL 18', async () => {
  const { rows } = await client.query<{ version: string; server: number }>(`
    select extension.extversion as version,
           current_setting('server_version_num')::int / 10000 as server
    from pg_extension as extension
    where extension.extname = 'vector'`);
  expect(rows).toEqual([{ version: '0.8.5', server: 18 }]);
});

test('an HNSW index finds the nearest neighbour', async () => {
  await client.query('create table point (name text, embedding vector(3))');
  await client.query('create index on point using hnsw (embedding vector_cosine_ops)');
  await client.query(`
    insert into point
    select 'far ' || n, array[1, n, n]::vector from generate_series(1, 500) as n
    union all
    select 'near', '[1, 0.01, 0]'`);
  await client.query('set enable_seqscan = off');
  const query = "select name from point order by embedding <=> '[1, 0, 0]' limit 1";
  const plan = await client.query<{ 'QUERY PLAN': string }>(`explain ${query}`);
  expect(plan.rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('embedding_idx');
  expect((await client.query<{ name: string }>(query)).rows).toEqual([{ name: 'near' }]);
});
