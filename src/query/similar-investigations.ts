import type { EmbeddingStore, SimilarInvestigation } from '../database/embeddings/embedding-store.ts';
import type { Embedder } from '../embedding/embedder.ts';

export interface SimilarQuestion {
  /** One of the two: an alert whose investigation is known, or any text. */
  readonly fingerprint?: string | undefined;
  readonly text?: string | undefined;
  /** Undefined for every environment. */
  readonly environment?: string | undefined;
  /** Most investigations in the answer. */
  readonly limit: number;
}

/** No investigation of this alert was ever embedded by this model, so nothing can be near it. */
export class UnknownFingerprintError extends Error {
  readonly fingerprint: string;

  constructor(fingerprint: string, model: string) {
    super(
      `no investigation of fingerprint ${fingerprint} is known to model ${model}; ask with a text instead`,
    );
    this.name = 'UnknownFingerprintError';
    this.fingerprint = fingerprint;
  }
}

/**
 * What was found out before about something alike, nearest first. Only vectors of the same model are
 * compared: those of two models have nothing in common. By a fingerprint, the investigation itself is not in the answer.
 */
export async function findSimilarInvestigations(
  store: EmbeddingStore,
  embedder: Embedder,
  { fingerprint, text, environment, limit }: SimilarQuestion,
): Promise<SimilarInvestigation[]> {
  const { model } = embedder;
  // Its vector is stored already, so the model is not asked.
  if (fingerprint !== undefined) {
    const known = await store.selectEmbedding(fingerprint, model);
    if (known === undefined) throw new UnknownFingerprintError(fingerprint, model);
    return store.selectNearest({ model, embedding: known.embedding, environment, limit, except: known.id });
  }
  const [embedding] = await embedder.embed([text ?? '']);
  if (embedding === undefined) throw new Error(`model ${model} returned no embedding for the text`);
  return store.selectNearest({ model, embedding, environment, limit });
}
