import type pg from 'pg';

import { EMBEDDING_DIMENSIONS } from '../../domain/records/ai-investigation-embeddings.ts';
import { inTransaction } from '../pool.ts';
import { instantFromSql } from '../sql.ts';

/** How embeddings are held: by pgvector where its extension is, as an array that means the same where it is not. */
export type EmbeddingForm = 'vector' | 'real[]';

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

/** The text of an investigation that has to be placed. */
export interface InvestigationText {
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

export interface SimilarQuery {
  /** Model whose places are compared: distances hold within one model only. */
  readonly model: string;
  readonly place: readonly number[];
  /** Undefined for every environment. */
  readonly environment?: string | undefined;
  readonly limit: number;
  /** An investigation that is not its own neighbour. */
  readonly except?: string | undefined;
}

export interface EmbeddingStore {
  /** The investigation's text, unless there is none or this model has placed exactly this text already. */
  selectUnplaced(id: string, createdAt: string, model: string): Promise<InvestigationText | undefined>;
  /** Keeps where a model placed a text; the newest text and model win. */
  upsert(investigation: InvestigationText, model: string, place: readonly number[]): Promise<void>;
  /** The newest place of a fingerprint's investigations in this model. */
  selectPlace(fingerprint: string, model: string): Promise<{ id: string; place: number[] } | undefined>;
  selectNearest(query: SimilarQuery): Promise<SimilarInvestigation[]>;
}

const SELECT_UNPLACED = `
  select analysis.investigation_report as text
  from ai_analysis_audit as analysis
  where analysis.id = $1::uuid
    and analysis.created_at = $2::timestamptz
    and analysis.investigation_report <> ''
    and not exists (
      select
      from ai_investigation_embeddings as placed
      where placed.id = analysis.id
        and placed.model = $3::text
        and placed.investigation_text = analysis.investigation_report
        and placed.embedding is not null
    )`;

/** Everything but text and place is copied from the analysis, which is where it is kept true. */
const upsertStatement = (form: EmbeddingForm): string => `
  insert into ai_investigation_embeddings as placed
    (id, alert_fingerprint, investigation_text, embedding, root_cause, confidence_score, environment, created_at,
     model, dimension, cluster, remediation_id, remediation_uid)
  select analysis.id, analysis.alert_fingerprint, $3::text, $4::${form}, analysis.extra ->> 'root_cause',
    analysis.confidence_score, analysis.environment, analysis.created_at, $5::text, $6::integer, analysis.cluster,
    analysis.remediation_id, analysis.remediation_uid
  from ai_analysis_audit as analysis
  where analysis.id = $1::uuid
    and analysis.created_at = $2::timestamptz
  on conflict (id) do update set
    alert_fingerprint = excluded.alert_fingerprint,
    investigation_text = excluded.investigation_text,
    embedding = excluded.embedding,
    root_cause = excluded.root_cause,
    confidence_score = excluded.confidence_score,
    environment = excluded.environment,
    model = excluded.model,
    dimension = excluded.dimension,
    remediation_id = excluded.remediation_id,
    remediation_uid = excluded.remediation_uid,
    updated_at = clock_timestamp()`;

const SELECT_PLACE = `
  select id, embedding::real[] as place
  from ai_investigation_embeddings
  where alert_fingerprint = $1::text
    and model = $2::text
    and embedding is not null
  order by created_at desc, id
  limit 1`;

/** Cosine distance: pgvector's operator can use its index; without the extension every row is looked at. */
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
    async selectUnplaced(id, createdAt, model) {
      const { rows } = await pool.query<{ text: string }>(SELECT_UNPLACED, [id, createdAt, model]);
      return rows[0] === undefined ? undefined : { id, createdAt, text: rows[0].text };
    },
    async upsert({ id, createdAt, text }, model, place) {
      const form = await readEmbeddingForm(pool);
      const filled = embeddingText(form, fillUp(place));
      await pool.query(upsertStatement(form), [id, createdAt, text, filled, model, place.length]);
    },
    async selectPlace(fingerprint, model) {
      const { rows } = await pool.query<{ id: string; place: number[] }>(SELECT_PLACE, [fingerprint, model]);
      return rows[0];
    },
    async selectNearest({ model, place, environment, limit, except }) {
      const form = await readEmbeddingForm(pool);
      const values = [embeddingText(form, fillUp(place)), model, environment ?? null, except ?? null, limit];
      const { rows } = await inTransaction(pool, async (client) => {
        // The index yields candidates before the filter sees them: without going on it would answer with fewer than
        // asked for, or with none, as soon as another model or environment is nearer.
        if (form === 'vector') await client.query('set local hnsw.iterative_scan = strict_order');
        return client.query<NearestRow>(nearestStatement(form), values);
      });
      return rows.map(asSimilar);
    },
  };
}

/** Zeros change no cosine, so a model with fewer dimensions fits the one column. */
function fillUp(place: readonly number[]): number[] {
  if (place.length > EMBEDDING_DIMENSIONS) {
    throw new RangeError(
      `a place of ${place.length} numbers does not fit the ${EMBEDDING_DIMENSIONS} that are kept`,
    );
  }
  return [...place, ...Array.from({ length: EMBEDDING_DIMENSIONS - place.length }, () => 0)];
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
