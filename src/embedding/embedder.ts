/*
 * Embedding: the text of an investigation becomes a vector. In: texts. Out: one vector for each, from an OpenAI-compatible
 * endpoint (openai-embedder.ts) or, without one, from a hash of its words (offline-embedder.ts). An endpoint that refuses a
 * text and one that is away are different errors: only the second is tried again.
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

/** The endpoint could not be asked, or asks to come back later: the same request may succeed. */
export class EmbeddingUnavailableError extends Error {
  /** HTTP status, if the endpoint answered at all. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'EmbeddingUnavailableError';
    this.status = status;
  }
}

/** The endpoint will never take this request, or its answer cannot be used: asking again changes nothing. */
export class EmbeddingRefusedError extends Error {
  /** HTTP status of the refusal; undefined when the answer was wrong. */
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'EmbeddingRefusedError';
    this.status = status;
  }
}
