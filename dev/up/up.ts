import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Config } from '../../src/config/config.ts';
import {
  createLogger,
  createServiceLogger,
  type Logger,
  type LogLevel,
} from '../../src/observability/logger.ts';
import type { RunningService } from '../../src/services/running-service.ts';
import { createClosing, untilStopped } from '../../src/services/running-service.ts';
import { startServeService } from '../../src/services/serve-service.ts';
import { startWatchService } from '../../src/services/watch-service.ts';
import { startWorkService } from '../../src/services/work-service.ts';
import { isCoded } from '../../src/temporal/payload-codec.ts';
import type { ShowStatus } from '../servers/find/progress.ts';
import { createProgressOutput } from '../servers/find/progress.ts';
import { type BinaryResolver, createBinaryResolver, type ServerName } from '../servers/find/resolver.ts';
import { prepareDatabase } from '../servers/postgres/database.ts';
import { type EmbeddedPostgres, startPostgres } from '../servers/postgres/postgres.ts';
import { requireFreePorts } from '../servers/process/ports.ts';
import { type EmbeddedTemporal, startTemporal } from '../servers/temporal/development-server.ts';
import { startTemporalOnPostgres } from '../servers/temporal/server-on-postgres.ts';
import { openApiToken } from './api-token.ts';
import { requireUsableCluster, startCluster } from './cluster.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import type { Endpoints } from './endpoints.ts';
import { publishEndpoints } from './endpoints.ts';
import { type ServerWatch, watchServers } from './server-watch.ts';
import type { UpOptions } from './up-options.ts';

/** Servers of a run that was killed a moment ago may still be on their way out. */
const PREDECESSOR_GRACE_MS = 10_000;

type Closing = ReturnType<typeof createClosing>;

interface Stage {
  readonly config: Config;
  readonly options: UpOptions;
  readonly closing: Closing;
  readonly watch: ServerWatch;
  /** The signal to the program, or a server that ended by itself. */
  readonly stop: AbortSignal;
  readonly report: (line: string) => void;
  readonly showStatus: ShowStatus | undefined;
}

/**
 * Everything on this machine, until the signal, or until a server ends by itself. What was started is ended in reverse
 * order, also after a failure.
 */
export async function up(config: Config, options: UpOptions, stop: AbortSignal): Promise<void> {
  const closing = createClosing();
  const { report, showStatus } = createProgressOutput(process.stderr);
  const watch = watchServers();
  const ended = AbortSignal.any([stop, watch.failed]);
  const stage: Stage = { config, options, closing, watch, stop: ended, report, showStatus };
  try {
    const services = await startAll(stage);
    await untilStopped(services, ended);
    report('stopping');
    watch.failed.throwIfAborted();
  } catch (error: unknown) {
    // Whatever failed then, failed for that.
    watch.failed.throwIfAborted();
    throw error;
  } finally {
    watch.end();
    await closing.run();
  }
}

async function startAll(stage: Stage): Promise<readonly RunningService[]> {
  const { config, options, closing } = stage;
  const startedAt = Date.now();
  await requireUsableCluster(stage, stage.report);
  const data = await openDataDirectory(options.dataDir);
  closing.push(() => data.close());
  await requirePorts(options, data.abandoned);
  const logger = createLogger(levelOf(config), 'up');

  const servers = await startServers(stage, data, logger);
  const services = await startServices(stage, servers);
  const endpoints = {
    api: services.api.url,
    token: services.token,
    temporal: servers.temporal.address,
    temporalUi: servers.temporal.uiUrl ?? '',
    postgres: servers.database.ownerUrl,
    kubernetes: servers.cluster.server,
    kubeconfig: servers.cluster.kubeconfig,
    watcher: services.watcher.url,
    worker: services.worker.url,
  };
  const published = await publishEndpoints(data.path, endpoints);
  closing.push(() => published.remove());
  const seconds = (Date.now() - startedAt) / 1_000;
  const cluster = `${servers.cluster.name}: ${servers.cluster.description}`;
  process.stdout.write(readyBlock({ seconds, endpoints, cluster, dataDir: data.path }));
  const { worker, api, watcher } = services;
  return [worker, api, watcher];
}

/** PostgreSQL, Temporal and the cluster. The binary of Temporal, which may have to be built, is sought meanwhile. */
async function startServers(stage: Stage, data: DataDirectory, logger: Logger): Promise<EmbeddedServers> {
  const { config, options, closing, watch, stop, report } = stage;
  const over = new AbortController();
  const resolver = createResolver(stage, AbortSignal.any([stop, over.signal]));
  const startChosenTemporal = findTemporal(stage, data, resolver);
  // Awaited below; until then a failure must not end the process as an unhandled rejection. And when something else here
  // ends first, a build is given up and clears its folder away.
  const settled = startChosenTemporal.then(
    () => undefined,
    () => undefined,
  );
  closing.push(() => {
    over.abort();
    return settled;
  });

  const postgres = await startPostgres({
    dataDir: data.postgres,
    port: options.postgresPort,
    cacheDir: config.embedded.cacheDir,
    report,
  });
  closing.push(() => postgres.stop());
  watch.add(postgres.server, (error) => postgres.explain(error, 'go on with the database'));
  const database = await prepareDatabase(postgres, config.database.monthsAhead, logger);
  // A build that the signal ended says so with an exit code of its own.
  if (stop.aborted) await startChosenTemporal;
  stop.throwIfAborted();

  const temporal = await (await startChosenTemporal)(postgres);
  closing.push(() => temporal.stop());
  watch.add(temporal.server);
  stop.throwIfAborted();

  const cluster = await startCluster({ config, options, dataDir: data.sandbox, resolver, report });
  closing.push(() => cluster.stop());
  stop.throwIfAborted();
  return { database, temporal, cluster };
}

type StartTemporal = (postgres: EmbeddedPostgres) => Promise<EmbeddedTemporal>;

/** Resolves when the programs are there, which may have to be built. */
async function findTemporal(
  { config, options, report }: Stage,
  data: DataDirectory,
  resolver: BinaryResolver,
): Promise<StartTemporal> {
  const common = { dataDir: data.temporal, port: options.temporalPort, searchAttributes: {}, report };
  if (options.temporal === 'server') {
    const binaries = {
      server: await resolver.resolve('temporal-server'),
      sqlTool: await resolver.resolve('temporal-sql-tool'),
    };
    return (postgres) => startTemporalOnPostgres({ ...common, binaries, postgres });
  }
  const binary = await resolver.resolve('temporal');
  // A port that is chosen later cannot be shown now, and with the address of a codec that is none the UI shows an error.
  const hasCodec = options.apiPort !== 0 && isCoded(config.temporal.payloads);
  const codecEndpoint = hasCodec ? `http://127.0.0.1:${options.apiPort}/codec` : undefined;
  return () => startTemporal({ ...common, binary, uiPort: options.temporalUiPort, codecEndpoint });
}

/** What is not a warning is of no use on the terminal of somebody who tries the product. */
function levelOf({ logLevel }: Config): LogLevel {
  return logLevel === 'info' ? 'warn' : logLevel;
}

async function startServices(stage: Stage, servers: EmbeddedServers) {
  const embedded = embeddedConfig(stage, servers);
  const { token, config } = await withApiToken(embedded, stage.options);
  const start = async (
    name: string,
    service: typeof startWorkService,
    url = config.database.url,
  ): Promise<RunningService> => {
    const ofService = { ...config, database: { ...config.database, url } };
    const { logger, outages } = createServiceLogger(levelOf(config), name);
    const running = await service({ config: ofService, logger, outages, signal: stage.stop });
    stage.closing.push(() => running.stop());
    stage.closing.push(() => outages.close());
    stage.stop.throwIfAborted();
    return running;
  };
  return {
    token,
    worker: await start('work', startWorkService),
    api: await start('serve', (context) => startServeService(context, { isOpenToCodecPages: token !== '' })),
    watcher: await start('watch', startWatchService, servers.database.watcherUrl),
  };
}

/** Unless the environment says otherwise who may call: then there is no token of ours. */
async function withApiToken(
  config: Config,
  { dataDir }: UpOptions,
): Promise<{ readonly token: string; readonly config: Config }> {
  if (config.api.authMode !== 'none') return { token: '', config };
  const { token, tokensFile } = await openApiToken(resolve(dataDir));
  return { token, config: { ...config, api: { ...config.api, authMode: 'token', tokensFile } } };
}

async function requirePorts(options: UpOptions, abandoned: boolean): Promise<void> {
  await requireFreePorts(
    [
      { port: options.apiPort, flag: '--api-port', use: 'the API' },
      { port: options.temporalPort, flag: '--temporal-port', use: 'Temporal' },
      { port: options.temporalUiPort, flag: '--temporal-ui-port', use: 'the Temporal UI' },
      { port: options.postgresPort, flag: '--postgres-port', use: 'PostgreSQL' },
    ],
    abandoned ? PREDECESSOR_GRACE_MS : 0,
  );
}

function createResolver({ config, report, showStatus }: Stage, signal: AbortSignal) {
  const { cacheDir, searchPath, allowUnpinned, serverPaths } = config.embedded;
  const explicitPaths = Object.fromEntries(
    Object.entries(serverPaths).filter(([, path]) => path !== ''),
  ) as Partial<Record<ServerName, string>>;
  return createBinaryResolver({
    ...{ cacheDir, searchPath, allowUnpinned, explicitPaths, report, showStatus, signal },
  });
}

interface EmbeddedServers {
  readonly database: Awaited<ReturnType<typeof prepareDatabase>>;
  readonly temporal: EmbeddedTemporal;
  readonly cluster: Awaited<ReturnType<typeof startCluster>>;
}

/** An archive beside the data, unless another one is named. */
function embeddedRetention({ retention }: Config, { dataDir }: UpOptions): Config['retention'] {
  const { archive } = retention;
  if (archive.url !== '') return retention;
  const [url, keyFile] = [
    pathToFileURL(resolve(dataDir, 'archive')).href,
    resolve(dataDir, 'archive-key.pem'),
  ];
  return { ...retention, archive: { ...archive, url, keyFile } };
}

/** The configuration of the three services, pointed at what was started here. */
function embeddedConfig(
  { config, options }: Stage,
  { database, temporal, cluster }: EmbeddedServers,
): Config {
  return {
    ...config,
    database: {
      ...config.database,
      url: database.writerUrl,
      readerUrl: database.readerUrl,
      ownerUrl: database.ownerUrl,
    },
    temporal: {
      ...config.temporal,
      connectionOptions: { address: temporal.address },
      namespace: temporal.namespace,
    },
    kubernetes: { ...config.kubernetes, kubeconfig: cluster.kubeconfig, context: cluster.context },
    api: { ...config.api, host: '127.0.0.1', port: options.apiPort, codecOrigins: originsOf(temporal.uiUrl) },
    // Probes and metrics of the other two take free ports, which the ready block and endpoints.json name.
    metricsHost: '127.0.0.1',
    worker: { ...config.worker, metricsPort: 0 },
    retention: embeddedRetention(config, options),
    watcher: { ...config.watcher, cluster: cluster.name, clusters: [], metricsPort: 0 },
  };
}

/** Under both names of this machine that a browser may have been given. */
function originsOf(uiUrl: string | undefined): readonly string[] {
  return uiUrl === undefined ? [] : [uiUrl, uiUrl.replace('127.0.0.1', 'localhost')];
}

interface ReadyFacts {
  readonly seconds: number;
  readonly endpoints: Endpoints;
  /** Which cluster is watched, in words. */
  readonly cluster: string;
  readonly dataDir: string;
}

/** What a newcomer reads once everything runs: what is where, and what to try. */
export function readyBlock({ seconds, endpoints, cluster, dataDir }: ReadyFacts): string {
  const { api, token, temporal, temporalUi, kubeconfig, watcher, worker } = endpoints;
  // Out of the file and not as it is: what is typed stays in the history of the shell, and in lists of processes.
  const bearer = token === '' ? '' : ` -H "authorization: Bearer $(cat '${dataDir}/api-token')"`;
  const tryOut = token === '' ? `${api}/docs` : `${api}/docs#token=${token}`;
  // No link signs in: with one, anybody could have somebody else read as another than they are.
  const signIn = token === '' ? '' : `; it asks once for the token in ${dataDir}/api-token`;
  const kubectl = kubeconfig === '' ? 'kubectl' : `kubectl --kubeconfig ${kubeconfig}`;
  return `
remediation-audit is ready (${seconds.toFixed(1)} s)

  Page           ${api}/${signIn}
  REST service   ${api}, to try in a browser ${tryOut}
  Temporal       ${temporal}, UI ${temporalUi}
  PostgreSQL     connection string in ${dataDir}/endpoints.json
  Cluster        ${cluster}
  Metrics        ${api}/metrics; watcher ${watcher}/metrics; worker ${worker}/metrics
  Data           ${dataDir} (kept; the next start goes on with it)

Try
  the rows       curl${bearer} '${api}/api/v1/audit/workflow-execution?limit=3'
  the workflows  open ${temporalUi}
  the cluster    ${kubectl} get remediationrequests --all-namespaces
  the gaps       curl${bearer} '${api}/api/v1/completeness'
  the database   psql "$(node -p "require('${dataDir}/endpoints.json').postgres")" \\
                   -c 'select remediation_id, workflow_name, phase, outcome from workflow_execution_audit limit 5'

Ctrl-C ends everything.

`;
}
