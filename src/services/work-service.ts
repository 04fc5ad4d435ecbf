import type pg from 'pg';

import { createEmbeddingActivities } from '../activities/embedding.ts';
import { createReceiver } from '../activities/receive-observation.ts';
import { createRecordingActivities, createVerdictActivities } from '../activities/recording.ts';
import type { AuditActivities } from '../activities/types.ts';
import { logMissingSettings } from '../config/missing-settings.ts';
import { createEmbeddingStore } from '../database/embeddings/embedding-store.ts';
import { createPool } from '../database/pool.ts';
import { createVerdictReader } from '../database/reading/remediation-reader.ts';
import { createBatcher } from '../database/recording/batcher.ts';
import { createQuarantine } from '../database/recording/quarantine.ts';
import { createRecordStore } from '../database/recording/record-store.ts';
import { isConnectionFailure } from '../database/sqlstate.ts';
import { MAX_SIGNAL_OBSERVATIONS } from '../domain/limits.ts';
import { startHealthServer } from '../observability/health-server.ts';
import type { Metrics } from '../observability/metrics.ts';
import { createMetrics } from '../observability/metrics.ts';
import { createRedactor } from '../redaction/redactor.ts';
import { MAINTENANCE_QUEUE, RECORDING_QUEUE } from '../temporal/identifiers.ts';
import type { PayloadRefusal } from '../temporal/payload-codec.ts';
import { installRuntime } from '../worker/runtime.ts';
import { RECORDING_SLOTS, startWorker } from '../worker/start-worker.ts';
import { createEmbedder } from './create-embedder.ts';
import { temporalOf } from './depended-servers.ts';
import { type Listening, listening } from './listening.ts';
import { createMaintenance } from './maintenance.ts';
import { openDatabase } from './open-database.ts';
import type { Closing, RunningService, ServiceContext } from './running-service.ts';
import { createClosing } from './running-service.ts';

/**
 * Runs workflows and activities. Waits for a database whose schema fits before the worker polls. It is ready
 * while it polls, and ends by itself when one of its queues failed.
 *
 * Each queue can be served by processes of its own, so that maintenance takes nothing from recording, and so that the
 * process which takes what strangers send holds neither the owner of the tables nor the archive and its key.
 */
export async function startWorkService(context: ServiceContext): Promise<RunningService> {
  const { config, logger, outages } = context;
  logMissingSettings('work', config, logger);
  const closing = createClosing();
  try {
    const metrics = createMetrics();
    const runtime = installRuntime(logger, (error) => (isConnectionFailure(error) ? 'database' : undefined));
    closing.push(() => runtime.shutdown());
    const { queues, version, metricsPort } = config.worker;
    const pool = await openDatabase(
      'work',
      context,
      queues === 'maintenance' ? config.database.ownerUrl : undefined,
    );
    closing.push(() => pool.end());
    const recording = queues === 'maintenance' ? [] : [openRecording(context, { pool, metrics, closing })];
    const maintenance =
      queues === 'recording' ? undefined : await createMaintenance(context, pool, metrics.maintenance);
    const payloads = {
      ...config.temporal.payloads,
      onRefused: (reason: PayloadRefusal) => {
        metrics.payloadsRefused.inc({ reason });
      },
    };
    const worker = await startWorker({
      temporal: { ...config.temporal, payloads },
      queues: [
        ...recording,
        ...(maintenance === undefined
          ? []
          : [{ taskQueue: MAINTENANCE_QUEUE, activities: maintenance.activities }]),
      ],
      shutdownGraceSeconds: config.shutdownGraceSeconds,
      version,
    });
    closing.push(() => worker.stop());
    outages.watch(
      'temporal',
      temporalOf('work', () => worker.ping()),
    );
    if (maintenance !== undefined) {
      closing.push(() => maintenance.stop());
      maintenance.start();
    }
    const health = await listening(portOf(config), () =>
      startHealthServer({
        host: config.metricsHost,
        port: metricsPort,
        registry: metrics.registry,
        logger,
        notReady: () => (worker.isPolling() ? undefined : 'the worker does not poll Temporal'),
      }),
    );
    closing.push(() => health.stop());
    return { url: `http://${config.metricsHost}:${health.port}`, ended: worker.ended, stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}

interface RecordingParts {
  readonly pool: pg.Pool;
  readonly metrics: Metrics;
  readonly closing: Closing;
}

/** The queue of recording. It opens the connections of the writer alone. */
function openRecording(context: ServiceContext, { pool, metrics, closing }: RecordingParts) {
  const writers = openWriters(context);
  closing.push(() => writers.end());
  return {
    taskQueue: RECORDING_QUEUE,
    activities: auditActivities(context, { pool, writers }, metrics),
  };
}

/** Records are written over connections of their own, which send without waiting for answers: COPY could not use them. */
function openWriters({ config, logger }: ServiceContext): pg.Pool {
  return createPool({
    connectionString: config.database.url,
    applicationName: 'remediation-audit work, records',
    max: config.database.poolSize,
    pipeline: true,
    statementTimeoutMs: config.database.statementTimeoutMs,
    logger,
  });
}

/**
 * The activities of the recording queue. All of them share one batcher, so that lists which arrive at the
 * same time become one transaction.
 */
function auditActivities(
  { config, logger }: ServiceContext,
  { pool, writers }: { readonly pool: pg.Pool; readonly writers: pg.Pool },
  metrics: Metrics,
): AuditActivities {
  const batcher = createBatcher({
    store: createRecordStore(writers, config.api),
    // Every slot may bring a full list.
    maxWaiting: RECORDING_SLOTS * MAX_SIGNAL_OBSERVATIONS,
  });
  const verdicts = createVerdictReader(pool);
  const redactor = createRedactor(config.redaction);
  return {
    ...createRecordingActivities({
      record: (observations) => batcher.recordAll(observations),
      receive: createReceiver({ redactor, metrics }),
      quarantine: createQuarantine(pool),
      verdicts,
      metrics,
    }),
    ...createVerdictActivities(verdicts),
    ...createEmbeddingActivities({
      store: createEmbeddingStore(pool),
      embedder: createEmbedder(config.embedding, redactor),
      logger,
      metrics,
    }),
  };
}

/** For the message of a port that cannot be had: which variables to change. */
function portOf(config: ServiceContext['config']): Listening {
  return {
    use: 'probes and metrics of `work`',
    host: config.metricsHost,
    port: config.worker.metricsPort,
    hostVariable: 'REMEDIATION_AUDIT_METRICS_HOST',
    portVariable: 'REMEDIATION_AUDIT_WORKER_METRICS_PORT',
  };
}
