import type { IncomingMessage } from 'node:http';

import type pg from 'pg';

import { createBrowserGuard, LOOPBACK } from '../api/http/browser-guard.ts';
import { Problem } from '../api/http/problems.ts';
import { logMissingSettings } from '../config/missing-settings.ts';
import { createPool } from '../database/pool.ts';
import type { Completeness } from '../database/reading/completeness.ts';
import { createObservedResourceReader } from '../database/reading/observed-resource-reader.ts';
import { type ClusterRegister, createClusterRegister } from '../database/reading/watched-cluster.ts';
import { reasonOf } from '../domain/errors.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import { connectCluster } from '../kubernetes/cluster-connection.ts';
import { startHealthServer } from '../observability/health-server.ts';
import type { Metrics } from '../observability/metrics.ts';
import { createMetrics } from '../observability/metrics.ts';
import { createRedactor } from '../redaction/redactor.ts';
import { connectTemporal, pingTemporal } from '../temporal/connection.ts';
import type { LostRuns } from '../temporal/lost-runs.ts';
import { createLostRuns } from '../temporal/lost-runs.ts';
import { createRecordingPollers } from '../temporal/recording-pollers.ts';
import type { RemediationSignals } from '../temporal/remediation-signals.ts';
import { createRemediationSignals } from '../temporal/remediation-signals.ts';
import { prepareSearchAttributes } from '../temporal/search-attributes.ts';
import type { IdentifiedWatcherOptions } from '../watcher/identified-watcher.ts';
import { startIdentifiedWatcher } from '../watcher/identified-watcher.ts';
import { failOnSilence, startWatcher } from '../watcher/start-watcher.ts';
import type { RunningWatcher } from '../watcher/watcher-options.ts';
import { databaseOf, temporalOf, watchedServer } from './depended-servers.ts';
import { type Listening, listening } from './listening.ts';
import type { Closing, RunningService, ServiceContext } from './running-service.ts';
import { createClosing } from './running-service.ts';
import { completenessAlone, startReports, withoutNames } from './watcher-reports.ts';
import { strictModeOf, watchedClusters } from './watcher-settings.ts';

/** Reads pages and an epoch now and then. */
const DATABASE_CONNECTIONS = 2;

/**
 * From the clusters to Temporal. Needs Temporal at its start; the database may be away or not configured. It
 * is ready once every cluster was listed, and ends by itself when no cluster has answered for too long or a
 * watcher failed.
 */
export async function startWatchService(context: ServiceContext): Promise<RunningService> {
  const { config, logger, outages } = context;
  logMissingSettings('watch', config, logger);
  const closing = createClosing();
  try {
    const metrics = createMetrics();
    // Before anything is waited for: what is wrong with a kubeconfig is known at once.
    const clusters = connectClusters(context, closing);
    const temporal = await connectTemporal(config.temporal);
    closing.push(() => temporal.close());
    outages.watch(
      'temporal',
      temporalOf('watch', () => pingTemporal(temporal.connection)),
    );
    const { namespace } = config.temporal;
    const searchAttributes = await prepareSearchAttributes(temporal.connection, namespace, logger);
    const signals = createRemediationSignals(temporal.client, {
      ...config.workflow,
      searchAttributes,
      logger,
    });
    const lostRuns = createLostRuns(temporal.client);
    const hasWorker = createRecordingPollers(temporal.client);
    const database = openDatabase(context, closing);
    const parts = { clusters, signals, lostRuns, hasWorker, metrics, database, closing };
    const watchers = startWatchers(context, parts);
    const completeness = answerFor(context, { watchers, metrics, database, closing });
    // Ends the check for silence below.
    const stopping = new AbortController();
    closing.push(() => {
      stopping.abort();
      return Promise.resolve();
    });
    const health = await listening(portOf(config), () =>
      startHealthServer({
        host: config.metricsHost,
        port: config.watcher.metricsPort,
        registry: metrics.registry,
        logger,
        notReady: () =>
          watchers.every((watcher) => watcher.isSynced())
            ? undefined
            : 'the first list of the cluster is not complete',
        answers: {
          '/completeness': async (request) =>
            mayReadNames(config.metricsHost, request) ? completeness() : withoutNames(await completeness()),
        },
      }),
    );
    closing.push(() => health.stop());
    const silence = failOnSilence(watchers, config.watcher.clusterSilenceSeconds, stopping.signal);
    const ended = Promise.all([silence, ...watchers.map((watcher) => watcher.ended)]).then(() => undefined);
    return { url: `http://${config.metricsHost}:${health.port}`, ended, stop: closing.run };
  } catch (error: unknown) {
    await closing.run();
    throw error;
  }
}

/** One cluster under its configured name. */
interface ConnectedCluster {
  readonly cluster: string;
  readonly connection: ClusterConnection;
}

function connectClusters({ config, outages }: ServiceContext, closing: Closing): readonly ConnectedCluster[] {
  return watchedClusters(config).map(({ cluster, context }) => {
    const connection = connectCluster({ ...config.kubernetes, context });
    closing.push(() => connection.close());
    outages.watch(`cluster ${cluster}`, watchedServer(cluster, connection));
    return { cluster, connection };
  });
}

/** What a watcher asks the database: what is recorded, and which cluster a name means. */
interface WatcherDatabase extends Pick<IdentifiedWatcherOptions, 'observed'> {
  readonly pool: pg.Pool;
  readonly register: ClusterRegister;
}

interface WatcherParts {
  readonly clusters: readonly ConnectedCluster[];
  readonly signals: RemediationSignals;
  readonly lostRuns: LostRuns;
  /** Whether a worker polls the recording queue; undefined when Temporal does not say. */
  readonly hasWorker: () => Promise<boolean | undefined>;
  readonly metrics: Metrics;
  /** Undefined where DATABASE_URL is not set. */
  readonly database: WatcherDatabase | undefined;
  readonly closing: Closing;
}

/**
 * One watcher per cluster. With a database it also checks that its cluster is the one that has had this name
 * (ADR 27).
 */
function startWatchers(
  context: ServiceContext,
  { clusters, signals, lostRuns, hasWorker, metrics, database, closing }: WatcherParts,
): readonly RunningWatcher[] {
  const { config, logger } = context;
  const redactor = createRedactor(config.redaction);
  const strict = strictModeOf(config);
  if (strict !== undefined)
    logger.info(strict, 'strict mode: resources of these kinds are held until Temporal has their end');
  return clusters.map(({ cluster, connection }) => {
    const options = {
      ...config.watcher,
      ...{ cluster, connection, signals, lostRuns, hasWorker, redactor, logger, strict },
      metrics: metrics.watcher,
    };
    const watcher =
      database === undefined ? startWatcher(options) : startIdentifiedWatcher({ ...options, ...database });
    closing.push(() => watcher.stop());
    return watcher;
  });
}

/** Not waited for: a watcher without the database only sends more than it has to. */
function openDatabase(
  { config, logger, outages }: ServiceContext,
  closing: Closing,
): WatcherDatabase | undefined {
  if (config.database.url === '') return undefined;
  const pool = createPool({
    connectionString: config.database.url,
    applicationName: 'remediation-audit watch',
    max: DATABASE_CONNECTIONS,
    statementTimeoutMs: config.database.statementTimeoutMs,
    logger,
  });
  closing.push(() => pool.end());
  outages.watch('database', databaseOf('watch', pool));
  return { pool, observed: createObservedResourceReader(pool), register: createClusterRegister(pool) };
}

/** What /completeness answers: what the database says, and without it what is known here. */
function answerFor(
  { config, logger }: ServiceContext,
  {
    watchers,
    metrics,
    database,
    closing,
  }: Pick<WatcherParts, 'metrics' | 'database' | 'closing'> & {
    readonly watchers: readonly RunningWatcher[];
  },
): () => Promise<Completeness> {
  if (database === undefined) {
    const detail = 'DATABASE_URL is not set: what is recorded is unknown';
    return () => Promise.resolve(completenessAlone(watchers, detail));
  }
  const reports = startReports({
    ...database,
    ...{ watchers, logger, metrics: metrics.watcher, everyMs: config.watcher.timing.reconcileMs },
  });
  closing.push(() => reports.stop());
  return () =>
    reports.completeness().catch((error: unknown) => {
      const reason = reasonOf(error);
      return completenessAlone(watchers, `the database does not answer: ${reason}`);
    });
}

/**
 * This port asks nobody who they are. Names are for whoever is on this machine: it listens on loopback, and no page of a
 * browser asks. The address of the caller would not do: beside a proxy of a service mesh everybody comes from loopback.
 */
function mayReadNames(host: string, { headers, socket }: IncomingMessage): boolean {
  if (!LOOPBACK.has(host)) return false;
  try {
    createBrowserGuard({ host, allowedHosts: [] })({
      headers,
      localAddress: socket.localAddress,
      origins: [],
    });
    return true;
  } catch (error: unknown) {
    if (error instanceof Problem) return false;
    throw error;
  }
}

function portOf(config: ServiceContext['config']): Listening {
  return {
    use: 'probes and metrics of `watch`',
    host: config.metricsHost,
    port: config.watcher.metricsPort,
    hostVariable: 'REMEDIATION_AUDIT_METRICS_HOST',
    portVariable: 'REMEDIATION_AUDIT_WATCHER_METRICS_PORT',
  };
}
