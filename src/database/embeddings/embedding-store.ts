import type pg from 'pg';

import { instantFromSql } from '../../domain/instant.ts';
import { EMBEDDING_DIMENSIONS } from '../../domain/records/ai-investigation-embeddings.ts';
import { inTransaction } from '../pool.ts';

/*
 * Embeddings: the vector of each investigation's text, by which similar investigations are found.
 *
 * In: the text of a recorded analysis, and the vector a model returned for it. Out: the investigations nearest to a
 * vector. With the extension pgvector the column is a `vector` with an index, without it an array that is compared row by
 * row; `upgradeEmbeddings` below changes the one into the other.
 *
 * Must stay true: one row for each investigation, of the newest text and model; vectors of two models are never compared;
 * everything but text and vector is a copy of the analysis.
 */

/** How embeddings are stored: by pgvector where its extension is, as an array that means the same where it is not. */
type EmbeddingForm = 'vector' | 'real[]';

/** Chosen when the table was made, and again by an upgrade: a running process asks before it writes its statements. */
export async function readEmbeddingForm(client: pg.Pool | pg.ClientBase): Promise<EmbeddingForm> {
  const { rows } = await client.query<{ type: string }>(`
    select atttypid::regtype::text as type
    from pg_attribute
    where attrelid = 'ai_investigation_embeddings'::regclass
      and attname = 'embedding'`);
  return rows[0]?.type === 'vector' ? 'vector' : 'real[]';
}

/** Numbers as the text that the form reads. */
export function embeddingText(form: EmbeddingForm, numbers: readonly number[]): string {
  return form === 'vector' ? `[${numbers.join(',')}]` : `{${numbers.join(',')}}`;
}

/** The text of an investigation without an embedding. */
interface InvestigationText {
  readonly id: string;
  readonly createdAt: string;
  readonly text: string;
}

export interface SimilarInvestigation {
  readonly id: string;
  readonly createdAt: string;
  readonly alertFingerprint: string | null;
  readonly environment: string | null;
  readonly remediationUid: string | null;
  readonly investigationText: string;
  readonly rootCause: string | null;
  readonly confidenceScore: string | null;
  /** 1 for the same direction, 0 for nothing in common. */
  readonly similarity: number;
}

interface SimilarQuery {
  /** Model whose embeddings are compared: distances hold within one model only. */
  readonly model: string;
  readonly embedding: readonly number[];
  /** Undefined for every environment. */
  readonly environment?: string | undefined;
  readonly limit: number;
  /** An investigation that is not its own neighbour. */
  readonly except?: string | undefined;
}

export interface EmbeddingStore {
  /** The investigation's text, unless there is none or this model has embedded exactly this text already. */
  selectUnembedded(id: string, createdAt: string, model: string): Promise<InvestigationText | undefined>;
  /** Stores the embedding of a text by a model; the newest text and model win. */
  upsert(investigation: InvestigationText, model: string, embedding: readonly number[]): Promise<void>;
  /** The newest embedding of a fingerprint's investigations in this model. */
  selectEmbedding(
    fingerprint: string,
    model: string,
  ): Promise<{ id: string; embedding: number[] } | undefined>;
  selectNearest(query: SimilarQuery): Promise<SimilarInvestigation[]>;
}

const SELECT_UNEMBEDDED = `
  select analysis.investigation_report as text
  from ai_analysis_audit as analysis
  where analysis.id = $1::uuid
    and analysis.created_at = $2::timestamptz
    and analysis.investigation_report <> ''
    and not exists (
      select
      from ai_investigation_embeddings as stored
      where stored.id = analysis.id
        and stored.model = $3::text
        and stored.investigation_text = analysis.investigation_report
        and stored.embedding is not null
    )`;

const EMBED = `
  select audit_embed_investigation($1::uuid, $2::timestamptz, $3::text, $4::text, $5::text, $6::integer)`;

const SELECT_EMBEDDING = `
  select id, embedding::real[] as embedding
  from ai_investigation_embeddings
  where alert_fingerprint = $1::text
    and model = $2::text
    and embedding is not null
  order by created_at desc, id
  limit 1`;

/** Cosine distance: pgvector's operator can use its index; without the extension every row is compared. */
const DISTANCE: Readonly<Record<EmbeddingForm, string>> = {
  vector: 'embedding <=> $1::vector',
  'real[]': `(
      select 1 - sum(pair.a * pair.b) / nullif(sqrt(sum(pair.a * pair.a)) * sqrt(sum(pair.b * pair.b)), 0)
      from unnest(embedding, $1::real[]) as pair (a, b)
    )`,
};

const nearestStatement = (form: EmbeddingForm): string => `
  select id, created_at, alert_fingerprint, environment, remediation_uid, investigation_text, root_cause,
    confidence_score, 1 - (${DISTANCE[form]}) as similarity
  from ai_investigation_embeddings
  where model = $2::text
    and embedding is not null
    and ($3::text is null or environment = $3::text)
    and ($4::uuid is null or id <> $4::uuid)
  order by ${DISTANCE[form]}, id
  limit $5::integer`;

interface NearestRow {
  id: string;
  created_at: string;
  alert_fingerprint: string | null;
  environment: string | null;
  remediation_uid: string | null;
  investigation_text: string;
  root_cause: string | null;
  confidence_score: string | null;
  similarity: number | null;
}

export function createEmbeddingStore(pool: pg.Pool): EmbeddingStore {
  return {
    async selectUnembedded(id, createdAt, model) {
      const { rows } = await pool.query<{ text: string }>(SELECT_UNEMBEDDED, [id, createdAt, model]);
      return rows[0] === undefined ? undefined : { id, createdAt, text: rows[0].text };
    },
    async upsert({ id, createdAt, text }, model, embedding) {
      const form = await readEmbeddingForm(pool);
      const filled = embeddingText(form, fillUp(embedding));
      await pool.query(EMBED, [id, createdAt, text, filled, model, embedding.length]);
    },
    async selectEmbedding(fingerprint, model) {
      const { rows } = await pool.query<{ id: string; embedding: number[] }>(SELECT_EMBEDDING, [
        fingerprint,
        model,
      ]);
      return rows[0];
    },
    async selectNearest({ model, embedding, environment, limit, except }) {
      const form = await readEmbeddingForm(pool);
      const values = [
        embeddingText(form, fillUp(embedding)),
        model,
        environment ?? null,
        except ?? null,
        limit,
      ];
      const { rows } = await inTransaction(pool, async (client) => {
        // The index yields candidates before the filter sees them: without going on it would answer with fewer than
        // requested, or with none, as soon as another model or environment is nearer.
        if (form === 'vector') await client.query('set local hnsw.iterative_scan = strict_order');
        return client.query<NearestRow>(nearestStatement(form), values);
      });
      return rows.map(asSimilar);
    },
  };
}

/** Zeros change no cosine, so a model with fewer dimensions fits the one column. */
function fillUp(embedding: readonly number[]): number[] {
  if (embedding.length > EMBEDDING_DIMENSIONS) {
    throw new RangeError(
      `an embedding of ${embedding.length} numbers does not fit the ${EMBEDDING_DIMENSIONS} of the table`,
    );
  }
  return [...embedding, ...Array.from({ length: EMBEDDING_DIMENSIONS - embedding.length }, () => 0)];
}

function asSimilar(row: NearestRow): SimilarInvestigation {
  return {
    id: row.id,
    createdAt: instantFromSql(row.created_at),
    alertFingerprint: row.alert_fingerprint,
    environment: row.environment,
    remediationUid: row.remediation_uid,
    investigationText: row.investigation_text,
    rootCause: row.root_cause,
    confidenceScore: row.confidence_score,
    similarity: row.similarity ?? 0,
  };
}

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
