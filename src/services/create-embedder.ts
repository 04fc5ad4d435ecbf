import type { Config } from '../config/config.ts';
import type { Embedder } from '../embedding/embedder.ts';
import { createOfflineEmbedder } from '../embedding/offline-embedder.ts';
import { createOpenAiEmbedder } from '../embedding/openai-embedder.ts';
import type { Redactor } from '../redaction/redactor.ts';

/**
 * The embedder that the configuration names. Without an endpoint the offline default: deterministic, labelled
 * as such in its model's name, so that its vectors are never compared with those of a model. What is sent to an endpoint
 * loses its secrets by the redactor.
 */
export function createEmbedder(config: Config['embedding'], redactor: Redactor): Embedder {
  const { url, model, apiKey, timeoutMs } = config;
  if (url === '') return createOfflineEmbedder();
  const key = apiKey === '' ? {} : { apiKey };
  return createOpenAiEmbedder({ baseUrl: url, model, redactor, timeoutMs, ...key });
}
