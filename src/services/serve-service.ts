import { createAccessTrace, createApiRoutes } from '../api/api-routes.ts';
import { createOpenGate } from '../api/auth/gate.ts';
import { createDurability } from '../api/durability.ts';
import { startApi } from '../api/server.ts';
import { createBatcher } from '../database/batcher.ts';
import { createPool, REPORT_WORK_MEM } from '../database/pool.ts';
import { createRecordStore } from '../database/record-store.ts';
import { createRedactor } from '../domain/redaction.ts';
import { createMetrics } from '../observability/metrics.ts';
import { createClosing } from './closing.ts';
import { createEmbedder } from './create-embedder.ts';
import { openDatabase } from './open-database.ts';
import type { RunningService, ServiceContext } from './running-service.ts';
import { neverByItself } from './running-service.ts';

/** The sources' client gives up after 5 s, and Temporal must have its turn within them. */
const WRITE_TIMEOUT_MS = 2_000;
/** Few: each may sort a month. */
const REPORT_CONNECTIONS = 2;
const REPORT_TIMEOUT_MS = 30_000;
const MS_PER_SECOND = 1_000;

/** Takes records and answers questions over HTTP. */
export async function startServeService({ config, logger, signal }: ServiceContext): Promise<RunningService> {
  const closing = createClosing();
  try {
    const metrics = createMetrics();
    const pool = await openDatabase('serve', { config, logger, signal });
    closing.push(() => pool.end());
    // Connections of their own, so that no question keeps a record waiting.
    const writers = createPool({
      connectionString: config.database.url,
      applicationName: 'remediation-audit serve, records',
      statementTimeoutMs: WRITE_TIMEOUT_MS,
      connectTimeoutMs: WRITE_TIMEOUT_MS,
      logger,
    });
    closing.push(() => writers.end());
    const reports = createPool({
      connectionString: config.database.url,
      applicationName: 'remediation-audit serve, reports',
      max: REPORT_CONNECTIONS,
      statementTimeoutMs: REPORT_TIMEOUT_MS,
      workMem: REPORT_WORK_MEM,
      logger,
    });
    closing.push(() => reports.end());
    const batcher = createBatcher({ store: createRecordStore(writers), maxWaitMs: WRITE_TIMEOUT_MS });
    const durability = createDurability({ batcher, metrics, logger });
    closing.push(() => durability.drain());
    const api = await startApi({
      ...config.api,
      routes: createApiRoutes({
        pool,
        reports,
        embedder: createEmbedder(config.embedding),
        durability,
        redactor: createRedactor(config.redaction),
        cluster: config.watcher.cluster,
        deferredStatusCode: config.api.deferredStatusCode,
        metrics,
      }),
      gate: createOpenGate(),
      trace: createAccessTrace(pool),
      shutdownGraceMs: config.shutdownGraceSeconds * MS_PER_SECOND,
      metrics,
      logger,
    });
    closing.push(() => api.stop());
    return { url: api.url, ended: neverByItself(), stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}
