import { createEmbeddingActivities } from '../activities/embedding.ts';
import { createRecordingActivities } from '../activities/recording.ts';
import { createVerdictActivities } from '../activities/verdict.ts';
import { createBatcher } from '../database/batcher.ts';
import { createEmbeddingStore } from '../database/embedding-store.ts';
import { createQuarantine } from '../database/quarantine.ts';
import { createRecordStore } from '../database/record-store.ts';
import { createVerdictReader } from '../database/verdict-reader.ts';
import { startHealthServer } from '../observability/health-server.ts';
import { createMetrics } from '../observability/metrics.ts';
import { installRuntime } from '../worker/runtime.ts';
import { startWorker } from '../worker/start-worker.ts';
import { createClosing } from './closing.ts';
import { createEmbedder } from './create-embedder.ts';
import { openDatabase } from './open-database.ts';
import type { RunningService, ServiceContext } from './running-service.ts';

/** Runs workflows and activities. */
export async function startWorkService({ config, logger, signal }: ServiceContext): Promise<RunningService> {
  const closing = createClosing();
  try {
    const metrics = createMetrics();
    const runtime = installRuntime(logger);
    closing.push(() => runtime.shutdown());
    const pool = await openDatabase('work', { config, logger, signal });
    closing.push(() => pool.end());
    const batcher = createBatcher({ store: createRecordStore(pool) });
    const worker = await startWorker({
      temporal: config.temporal,
      activities: {
        ...createRecordingActivities({
          record: (observation) => batcher.record(observation),
          quarantine: createQuarantine(pool),
          metrics,
        }),
        ...createVerdictActivities(createVerdictReader(pool)),
        ...createEmbeddingActivities({
          store: createEmbeddingStore(pool),
          embedder: createEmbedder(config.embedding),
          logger,
          metrics,
        }),
      },
      shutdownGraceSeconds: config.shutdownGraceSeconds,
      logger,
    });
    closing.push(() => worker.stop());
    const health = await startHealthServer({
      host: config.metricsHost,
      port: config.worker.metricsPort,
      registry: metrics.registry,
      notReady: () => (worker.isPolling() ? undefined : 'the worker does not poll Temporal'),
    });
    closing.push(() => health.stop());
    return { url: `http://${config.metricsHost}:${health.port}`, ended: worker.ended, stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}
