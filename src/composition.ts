import { setTimeout as delay } from 'node:timers/promises';

import type pg from 'pg';

import { createEmbeddingActivities } from './activities/embedding.ts';
import { createRecordingActivities } from './activities/recording.ts';
import { startApi } from './api/server.ts';
import type { Config } from './config.ts';
import { createBatcher } from './database/batcher.ts';
import { createEmbeddingStore } from './database/embedding-store.ts';
import { requireSchema, SchemaTooNewError } from './database/migrate.ts';
import { createPool } from './database/pool.ts';
import { createQuarantine } from './database/quarantine.ts';
import { createRecordReader } from './database/record-reader.ts';
import { createRecordStore } from './database/record-store.ts';
import { createRedactor } from './domain/redaction.ts';
import type { Embedder } from './embedding/embedder.ts';
import { createOfflineEmbedder } from './embedding/offline-embedder.ts';
import { createOpenAiEmbedder } from './embedding/openai-embedder.ts';
import { connectCluster } from './kubernetes/cluster-connection.ts';
import { startHealthServer } from './observability/health-server.ts';
import type { Logger } from './observability/logger.ts';
import { createMetrics } from './observability/metrics.ts';
import { SettingsError } from './settings.ts';
import { connectTemporal } from './temporal/connection.ts';
import { createRemediationSignals } from './temporal/remediation-signals.ts';
import { startWatcher } from './watcher/start-watcher.ts';
import { installRuntime } from './worker/runtime.ts';
import { startWorker } from './worker/start-worker.ts';

/** One of the three processes, started and composed from configuration values. */
export interface RunningService {
  /** Where it can be asked how it is, or what it knows. */
  readonly url: string;
  /** Settles when the service has ended by itself: rejects when something fatal ended it. */
  readonly ended: Promise<void>;
  /** Ends what is in flight, then everything it opened. */
  stop(): Promise<void>;
}

export interface ServiceContext {
  readonly config: Config;
  readonly logger: Logger;
  /** Ends the waiting for servers that are not up yet. */
  readonly signal: AbortSignal;
}

const SCHEMA_RETRY_MS = 2_000;

/** From the cluster to Temporal. */
export async function startWatchService({ config, logger }: ServiceContext): Promise<RunningService> {
  const closing = createClosing();
  try {
    const metrics = createMetrics();
    const connection = connectCluster(config.kubernetes);
    closing.push(() => connection.close());
    const temporal = await connectTemporal(config.temporal);
    closing.push(() => temporal.close());
    const signals = createRemediationSignals(temporal.client, config.workflow);
    const redactor = createRedactor(config.redaction);
    const watcher = startWatcher({ ...config.watcher, connection, signals, redactor, logger, metrics });
    closing.push(() => watcher.stop());
    const health = await startHealthServer({
      host: config.metricsHost,
      port: config.watcher.metricsPort,
      registry: metrics.registry,
      notReady: () => (watcher.isSynced() ? undefined : 'the first list of the cluster is not complete'),
    });
    closing.push(() => health.stop());
    return { url: `http://${config.metricsHost}:${health.port}`, ended: watcher.ended, stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}

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

/** Answers over HTTP. */
export async function startServeService({ config, logger, signal }: ServiceContext): Promise<RunningService> {
  const closing = createClosing();
  try {
    const pool = await openDatabase('serve', { config, logger, signal });
    closing.push(() => pool.end());
    const api = await startApi({
      ...config.api,
      reader: createRecordReader(pool),
      metrics: createMetrics(),
      logger,
    });
    closing.push(() => api.stop());
    return { url: api.url, ended: neverByItself(), stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}

/** Without an endpoint the offline default: deterministic, labelled as such in its model's name. */
export function createEmbedder({ url, model, apiKey, timeoutMs }: Config['embedding']): Embedder {
  if (url === '') return createOfflineEmbedder();
  return createOpenAiEmbedder({ baseUrl: url, model, timeoutMs, ...(apiKey === '' ? {} : { apiKey }) });
}

/** Waits for the signal; rejects when a service broke, returns when one has ended by itself. */
export async function untilStopped(services: readonly RunningService[], stop: AbortSignal): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => {
      resolve();
    });
  });
  await Promise.race([stopped, ...services.map(({ ended }) => ended)]);
}

/** A pool on a database whose schema fits. Waits for a database that is not up or not migrated yet: both come by themselves. */
async function openDatabase(service: string, { config, logger, signal }: ServiceContext): Promise<pg.Pool> {
  if (config.database.url === '') {
    throw new SettingsError([
      `DATABASE_URL is not set; \`${service}\` needs PostgreSQL as role audit_writer`,
    ]);
  }
  const pool = createPool({
    connectionString: config.database.url,
    applicationName: `remediation-audit ${service}`,
    max: config.database.poolSize,
    statementTimeoutMs: config.database.statementTimeoutMs,
    logger,
  });
  try {
    await untilSchemaFits(pool, logger, signal);
    return pool;
  } catch (error: unknown) {
    await pool.end();
    throw error;
  }
}

async function untilSchemaFits(pool: pg.Pool, logger: Logger, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await requireSchema(pool);
      return;
    } catch (error: unknown) {
      if (error instanceof SchemaTooNewError) throw error;
      logger.warn(
        { reason: error instanceof Error ? error.message : String(error) },
        'waiting for the database',
      );
    }
    await delay(SCHEMA_RETRY_MS, undefined, { signal });
  }
}

function neverByItself(): Promise<void> {
  return new Promise(() => undefined);
}

interface Closing {
  push(close: () => Promise<unknown>): void;
  /** In reverse order of opening. One that fails does not keep the others open; the failures are thrown together. */
  run: () => Promise<void>;
}

export function createClosing(): Closing {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    push: (close) => {
      steps.push(close);
    },
    run: async () => {
      const failures: unknown[] = [];
      for (let close = steps.pop(); close !== undefined; close = steps.pop()) {
        await close().catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw new AggregateError(failures, 'not everything could be closed');
    },
  };
}
