import type { Config } from '../config/config.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { createOfflineEmbedder } from '../embedding/offline-embedder.ts';
import { createOpenAiEmbedder } from '../embedding/openai-embedder.ts';

/**
 * The embedder that the configuration names. Without an endpoint the offline default: deterministic, labelled
 * as such in its model's name, so that its vectors are never compared with those of a model.
 */
export function createEmbedder({ url, model, apiKey, timeoutMs }: Config['embedding']): Embedder {
  if (url === '') return createOfflineEmbedder();
  return createOpenAiEmbedder({ baseUrl: url, model, timeoutMs, ...(apiKey === '' ? {} : { apiKey }) });
}
