/*
 * Embedding: the text of an investigation becomes a vector. In: texts. Out: one vector for each, from an OpenAI-compatible
 * endpoint (openai-embedder.ts) or, without one, from a hash of its words (offline-embedder.ts). An endpoint that refuses a
 * text and one that is away are different errors (embedding-error.ts): only the second is tried again.
 *
 * Must stay true: vectors of different models are never compared, so the model is stored with each; secrets are replaced
 * before a text leaves the process.
 */

/** Turns texts into vectors in which nearness means alike. */
export interface Embedder {
  /** Stored beside every vector: distances hold within one model only. */
  readonly model: string;
  /** Length of every vector. */
  readonly dimensions: number;
  /** One vector per text, in the order of the texts. */
  readonly embed: (texts: readonly string[]) => Promise<number[][]>;
}

/** What source 003 declares its column with. */
export const DEFAULT_DIMENSIONS = 1536;
