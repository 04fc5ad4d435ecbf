import type pg from 'pg';

import type { EmbeddingForm } from './embedding-store.ts';
import { readEmbeddingForm } from './embedding-store.ts';

class EmbeddingUpgradeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'EmbeddingUpgradeError';
  }
}

interface EmbeddingUpgrade {
  readonly before: EmbeddingForm;
  /** Whether the index had to be built. */
  readonly indexBuilt: boolean;
}

const INDEX = 'ai_investigation_embeddings_embedding_idx';
/** Only this table's own writers could hold it; embedding is retried, so waiting longer gains nothing. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Brings the embeddings to pgvector, as the owner role on a connection of its own outside any transaction. The column is
 * rewritten under an exclusive lock on this one table, seconds for a hundred thousand rows; the index is built beside
 * readers and writers. Each step looks before it acts, so it may be killed and called again.
 */
export async function upgradeEmbeddings(client: pg.ClientBase): Promise<EmbeddingUpgrade> {
  const before = await readEmbeddingForm(client);
  await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
  const { rows } = await client.query<{ used: boolean }>('select audit_use_vector() as used');
  if (rows[0]?.used !== true) throw new EmbeddingUpgradeError(await whyNot(client));
  // Zero waits without end: a build that had to give up would leave an invalid index behind.
  await client.query('set lock_timeout = 0');
  return { before, indexBuilt: await buildIndex(client) };
}

async function whyNot(client: pg.ClientBase): Promise<string> {
  const { rowCount } = await client.query(`select from pg_available_extensions where name = 'vector'`);
  if (rowCount === 0) {
    return 'the database server has no extension vector: install pgvector on it and run this again';
  }
  return 'this role may not create the extension vector: let an administrator run `create extension vector` in this database, then run this again';
}

async function buildIndex(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ valid: boolean }>(
    'select indisvalid as valid from pg_index where indexrelid = to_regclass($1::text)',
    [INDEX],
  );
  if (rows[0]?.valid === true) return false;
  // A build that was killed leaves an index that costs every write and answers nothing.
  if (rows.length > 0) await client.query(`drop index concurrently if exists ${INDEX}`);
  await client.query(`
    create index concurrently ${INDEX} on ai_investigation_embeddings
    using hnsw (embedding vector_cosine_ops)`);
  return true;
}
