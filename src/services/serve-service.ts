/*
 * Services: each file `*-service.ts` puts one process together, `serve`, `work` or `watch`, and nothing else does.
 *
 * What comes in: the configuration, a logger, the signal that ends the process. What goes out: a RunningService, which
 * says where it listens, when it has failed, and how to close it. All that is opened is added to a list as it is opened,
 * and closed in the opposite order, also when the start fails halfway: a process that ends leaves no session behind.
 *
 * No rule of the product stands here. A service may start while the database, Temporal or the cluster is down, and says
 * in its log what it waits for; only wrong configuration and a schema that will never fit end it.
 */
import type pg from 'pg';

import type { Gate } from '../api/auth/gate.ts';
import { createOpenGate } from '../api/auth/gate.ts';
import { createKubernetesGate } from '../api/auth/kubernetes-gate.ts';
import { createTokenGate } from '../api/auth/token-gate.ts';
import { startApi } from '../api/http/server.ts';
import { createDurability, type Durability } from '../api/intake/durability.ts';
import type { ApiServices } from '../api/routes/api-routes.ts';
import { createAccessCounts, createAccessTrace } from '../api/routes/api-routes.ts';
import { openCodec } from '../api/routes/codec-routes.ts';
import type { Config } from '../config/config.ts';
import { logMissingSettings } from '../config/missing-settings.ts';
import { createPool, type PoolOptions, REPORT_WORK_MEM } from '../database/pool.ts';
import { createBatcher } from '../database/recording/batcher.ts';
import { createRecordStore } from '../database/recording/record-store.ts';
import { SECOND_MS } from '../domain/time.ts';
import { connectCluster } from '../kubernetes/cluster-connection.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import { createServiceRoutes } from '../page/page-routes.ts';
import { createRedactor } from '../redaction/redactor.ts';
import { connectTemporalLazily, pingTemporal, type TemporalClient } from '../temporal/connection.ts';
import { createDeferredRecords, type DeferredRecords } from '../temporal/deferred-records.ts';
import { createRestores } from '../temporal/restores.ts';
import { createEmbedder } from './create-embedder.ts';
import { judgingServer, temporalOf } from './depended-servers.ts';
import { type Listening, listening } from './listening.ts';
import { openArchiveAccess } from './open-archive.ts';
import { openDatabaseMeanwhile } from './open-database.ts';
import type { Closing, RunningService, ServiceContext } from './running-service.ts';
import { createClosing, neverByItself } from './running-service.ts';

/** The sources' client gives up after 5 s, and Temporal must be tried within them. */
const WRITE_TIMEOUT_MS = 2_000;
/** Reports begin here; one that takes longer goes on over connections of its own, so that it keeps no other waiting. */
const QUICK_REPORTS = { max: 4, statementTimeoutMs: 3_000 };
/** Few: each may sort a month. */
const SLOW_REPORTS = { max: 2, statementTimeoutMs: 30_000 };

/** What no environment says. */
interface ServeOptions {
  /**
   * Whether pages of REMEDIATION_AUDIT_API_CODEC_ORIGINS need no token for /codec. Only where that is a Temporal UI on the same
   * machine which has no token to pass. Default false.
   */
  readonly isOpenToCodecPages?: boolean;
}

/**
 * Takes records and answers questions over HTTP. Starts also while the database is away: posts go to Temporal
 * meanwhile, and what needs the database answers so. It never ends by itself, except for a schema that is
 * newer than the program.
 */
export async function startServeService(
  context: ServiceContext,
  { isOpenToCodecPages = false }: ServeOptions = {},
): Promise<RunningService> {
  const { config, logger } = context;
  logMissingSettings('serve', config, logger);
  const closing = createClosing();
  try {
    const metrics = createMetrics();
    const { pool, fits, close } = await openDatabaseMeanwhile('serve', context, config.database.readerUrl);
    closing.push(close);
    const writer = openWriter(context, closing);
    const temporal = openTemporal(context, closing);
    const deferral = createDeferredRecords(temporal.client);
    const durability = openDurability(context, { metrics, deferral, closing });
    const archive = openArchiveAccess(config.retention, { metrics: metrics.archive });
    if ('reader' in archive) closing.push(() => archive.reader.close());
    const gate = await createGate(context, metrics);
    closing.push(() => gate.close());
    const redactor = createRedactor(config.redaction);
    const counts = createAccessCounts(writer, logger);
    closing.push(() => counts.close());
    const api = await listening(portOf(config), () =>
      startApi({
        ...config.api,
        routes: createServiceRoutes({
          asksWhoCalls: config.api.authMode !== 'none',
          pool,
          writer,
          reports: openReports(context, closing, QUICK_REPORTS),
          slowReports: openReports(context, closing, SLOW_REPORTS),
          archive,
          retention: retentionOf(config, 'missing' in archive ? archive : createRestores(temporal.client)),
          embedder: createEmbedder(config.embedding, redactor),
          durability,
          deferral,
          redactor,
          codec: openCodec(config.temporal.payloads, config.api.codecOrigins),
          quotas: config.api.quotas,
          cluster: config.watcher.cluster,
          deferredStatusCode: config.api.deferredStatusCode,
          logger,
          metrics,
        }),
        gate,
        isOpenToCodecPages,
        audit: { trace: createAccessTrace(writer, redactor), counts },
        limits: { maxConnections: config.api.maxConnections },
        shutdownGraceMs: config.shutdownGraceSeconds * SECOND_MS,
        metrics,
        logger,
      }),
    );
    closing.push(() => api.stop());
    // A schema that fits is no end; one that never will fit rejects here.
    return { url: api.url, ended: fits.then(neverByItself), stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}

function retentionOf(
  { retention: { rules, restoredDays } }: Config,
  restores: ApiServices['retention']['restores'],
): ApiServices['retention'] {
  return { rules, restores, restoredDays };
}

/**
 * For what callers decide, such as holds and approvals, and for the traces of reads. Everything else that a route asks, it
 * asks as audit_reader: a statement that somebody slips into a question finds no right to write.
 */
function openWriter({ config, logger }: ServiceContext, closing: Closing): pg.Pool {
  const { url, poolSize, statementTimeoutMs } = config.database;
  const writer = createPool({
    connectionString: url,
    applicationName: 'remediation-audit serve, decisions',
    max: poolSize,
    statementTimeoutMs,
    logger,
  });
  closing.push(() => writer.end());
  return writer;
}

/**
 * Lazily: `serve` must start without Temporal, and needs it only for what the database cannot take and for
 * restores.
 */
function openTemporal({ config, outages }: ServiceContext, closing: Closing): TemporalClient {
  const temporal = connectTemporalLazily(config.temporal);
  closing.push(() => temporal.close());
  outages.watch(
    'temporal',
    temporalOf('serve', () => pingTemporal(temporal.connection)),
  );
  return temporal;
}

/** What `openDurability` shares with the rest of the process. */
interface DurabilityParts {
  readonly metrics: Metrics;
  readonly deferral: DeferredRecords;
  readonly closing: Closing;
}

/** Records are written over connections of their own, so that no question keeps one waiting. */
function openDurability(
  { config, logger }: ServiceContext,
  { metrics, deferral, closing }: DurabilityParts,
): Durability {
  const writers = createPool({
    connectionString: config.database.url,
    applicationName: 'remediation-audit serve, records',
    pipeline: true,
    statementTimeoutMs: WRITE_TIMEOUT_MS,
    connectTimeoutMs: WRITE_TIMEOUT_MS,
    logger,
  });
  closing.push(() => writers.end());
  const batcher = createBatcher({
    store: createRecordStore(writers, config.api),
    maxWaitMs: WRITE_TIMEOUT_MS,
  });
  const durability = createDurability({ batcher, deferral, metrics, logger });
  // Pushed after the pool and so run before it: what was accepted is stored while there are connections.
  closing.push(() => durability.drain());
  return durability;
}

/** Reports run on connections of their own and keep no other question waiting. */
function openReports(
  { config, logger }: ServiceContext,
  closing: Closing,
  limits: Pick<PoolOptions, 'max' | 'statementTimeoutMs'>,
): pg.Pool {
  const reports = createPool({
    connectionString: config.database.readerUrl,
    applicationName: 'remediation-audit serve, reports',
    ...limits,
    workMem: REPORT_WORK_MEM,
    logger,
  });
  closing.push(() => reports.end());
  return reports;
}

function portOf({ api: { host, port } }: ServiceContext['config']): Listening {
  return {
    ...{ use: 'the API', host, port },
    hostVariable: 'REMEDIATION_AUDIT_API_HOST',
    portVariable: 'REMEDIATION_AUDIT_API_PORT',
  };
}

/** Who may call the API, by the configured mode. */
async function createGate(
  { config: { api, kubernetes }, logger, outages }: ServiceContext,
  metrics: Metrics,
): Promise<Gate> {
  switch (api.authMode) {
    case 'none':
      return createOpenGate();
    case 'token':
      return createTokenGate(api.tokensFile, logger, {
        onUsable: (usable) => {
          metrics.api.tokensFileUnusable.set(usable ? 0 : 1);
        },
      });
    case 'kubernetes': {
      const reviewer = connectCluster(kubernetes);
      outages.watch('cluster', judgingServer(reviewer));
      return createKubernetesGate({ reviewer, audiences: api.audiences, logger });
    }
  }
}
