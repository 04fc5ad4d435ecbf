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
