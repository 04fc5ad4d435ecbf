import type { EmbeddingStore } from '../database/embeddings/embedding-store.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { EmbeddingRefusedError } from '../embedding/embedder.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { EmbeddingActivities, InvestigationReference } from './types.ts';

interface EmbeddingDependencies {
  readonly store: EmbeddingStore;
  readonly embedder: Embedder;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export function createEmbeddingActivities(dependencies: EmbeddingDependencies): EmbeddingActivities {
  return {
    async embedInvestigation(investigation) {
      const result = await embedInvestigation(dependencies, investigation);
      dependencies.metrics.investigationsPlaced.inc({ result });
      return result;
    },
  };
}

async function embedInvestigation(
  { store, embedder, logger }: EmbeddingDependencies,
  { id, createdAt }: InvestigationReference,
): Promise<'placed' | 'unchanged' | 'refused'> {
  const investigation = await store.selectUnembedded(id, createdAt, embedder.model);
  if (investigation === undefined) return 'unchanged';
  try {
    const [embedding] = await embedder.embed([investigation.text]);
    if (embedding === undefined)
      throw new Error(`model ${embedder.model} returned no embedding for investigation ${id}`);
    await store.upsert(investigation, embedder.model, embedding);
    return 'placed';
  } catch (error: unknown) {
    if (!(error instanceof EmbeddingRefusedError)) throw error;
    // Trying again would keep the run open for ever; the text is stored, only its neighbours cannot be found.
    logger.warn({ id, reason: error.message }, 'the model refuses the text of an investigation');
    return 'refused';
  }
}
