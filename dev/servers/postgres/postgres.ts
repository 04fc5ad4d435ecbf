import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { Client } from 'pg';

import { explainFileError } from '../../up/data-directory.ts';
import { untilPredecessorGone } from '../../up/predecessor.ts';
import {
  type ProcessIdentity,
  type RunningServer,
  ServerNotReady,
  startServer,
  untilReady,
} from '../process/child-process.ts';
import { findFreePort, LOOPBACK } from '../process/ports.ts';
import { copyBinaries, installedBinaries, type PostgresBinaries } from './binaries.ts';
import {
  type ClusterFiles,
  ensureCluster,
  postgresSurroundings,
  prepareFolder,
  SUPERUSER,
} from './cluster.ts';
import { explainOutput, explainStatement } from './failure.ts';
import { canEnter, chooseRunAs } from './run-as.ts';

export interface PostgresOptions {
  /** Holds the cluster and the superuser's password. Made when missing. */
  dataDir: string;
  /** 0: any free one. */
  port: number;
  /** Where the binaries are copied to when the user PostgreSQL runs as cannot execute them where they are. */
  cacheDir: string;
  /** Where to copy to as root when `cacheDir` is closed to that user. Default: folders below /var. */
  sharedCacheDirs?: readonly string[];
  report: (line: string) => void;
  /** Default: those of the npm package. */
  binaries?: PostgresBinaries;
  /** Settings of the server on top of ours, for example `{ fsync: 'off' }` for data nobody keeps. */
  settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres extends AsyncDisposable {
  readonly port: number;
  readonly server: RunningServer;
  /** Connection string of the superuser. Default database: `postgres`. */
  superuserUrl(database?: string): string;
  /** One sentence for a failed statement whose cause is the disk or the system, else the error itself. */
  explain(error: unknown, doing: string): Promise<unknown>;
  /** Ends all connections, writes everything down, and ends. */
  stop(): Promise<void>;
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: LOOPBACK,
  // The system's folder for sockets may be missing or closed to us; TCP is enough.
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  intervalstyle: 'postgres',
  datestyle: 'ISO, YMD',
  fsync: 'on',
  max_connections: '100',
  shared_preload_libraries: '',
};
/** Recovery after a kill comes before the first answer. */
const READY_DEADLINE_MS = 60_000;
/** The last checkpoint may have much to write. */
const STOP_DEADLINE_MS = 30_000;
const PROBE_TIMEOUT_MS = 2_000;
/** The main process of an earlier server was killed, and its children have not all noticed yet. */
const LINGERING = /pre-existing shared memory block/;
const LINGERING_DEADLINE_MS = 10_000;
const RETRY_MS = 100;

/** PostgreSQL as a child of this process, reachable on the loopback address by password alone. */
export async function startPostgres(options: PostgresOptions): Promise<EmbeddedPostgres> {
  const { report, settings = {} } = options;
  const dataDir = await prepareFolder(options.dataDir);
  const files = clusterFiles(dataDir);
  const runAs = chooseRunAs(files.cluster);
  const binaryOptions = {
    runAs,
    cacheDir: options.cacheDir,
    sharedCacheDirs: options.sharedCacheDirs,
    report,
  };
  const binaries = await copyBinaries(options.binaries ?? installedBinaries(), binaryOptions);
  const identity = runAs === undefined ? undefined : { ...runAs, keepFileAccess: !canEnter(runAs, dataDir) };
  const sync = settings['fsync'] !== 'off';
  const password = await ensureCluster({ files, binaries, identity, sync, report }).catch(
    (error: unknown) => {
      throw isFileError(error) ? explainFileError(error, 'create the database', dataDir) : error;
    },
  );
  await clearPidFile(files, report);
  const port = options.port === 0 ? await findFreePort() : options.port;
  const superuserUrl = (database = 'postgres'): string =>
    `postgresql://${SUPERUSER}:${password}@${LOOPBACK}:${port}/${encodeURIComponent(database)}`;
  const start = (): RunningServer => launch(binaries.postgres, files, port, { identity, settings });
  const server = await startUntilAnswering(start, superuserUrl(), { files, port });
  const stop = async (): Promise<void> => {
    await server.stop();
  };
  const explain = (error: unknown, doing: string): Promise<unknown> =>
    explainStatement(error, server, { doing, dataDir, port });
  return { port, server, superuserUrl, explain, stop, [Symbol.asyncDispose]: stop };
}

function clusterFiles(dataDir: string): ClusterFiles {
  return { dataDir, cluster: join(dataDir, 'cluster'), passwordFile: join(dataDir, 'superuser-password') };
}

interface LaunchOptions {
  identity: ProcessIdentity | undefined;
  settings: Readonly<Record<string, string>>;
}

function launch(command: string, files: ClusterFiles, port: number, options: LaunchOptions): RunningServer {
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(port) });
  return startServer({
    name: 'PostgreSQL',
    command,
    args: ['-D', files.cluster, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    stopDeadlineMs: STOP_DEADLINE_MS,
    ...postgresSurroundings(options.identity),
  });
}

interface RunningFiles {
  files: ClusterFiles;
  port: number;
}

async function startUntilAnswering(
  start: () => RunningServer,
  url: string,
  location: RunningFiles,
): Promise<RunningServer> {
  const doing = `start the database in ${location.files.cluster}`;
  const deadline = Date.now() + LINGERING_DEADLINE_MS;
  for (;;) {
    const server = start();
    try {
      await untilReady(server, () => answers(url), {
        deadlineMs: READY_DEADLINE_MS,
        what: `cannot ${doing}`,
      });
      return server;
    } catch (error: unknown) {
      await server.stop();
      if (!(error instanceof ServerNotReady)) throw error;
      if (!LINGERING.test(error.output) || Date.now() > deadline) {
        throw (
          explainOutput(error.output, { doing, dataDir: location.files.dataDir, port: location.port }) ??
          error
        );
      }
    }
    await delay(RETRY_MS);
  }
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS,
  });
  // A connection that breaks between two queries emits its error here; the probe itself has failed by then.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } finally {
    await client.end();
  }
}

/**
 * A killed run leaves `postmaster.pid` behind. PostgreSQL asks only whether that process id is in use, and refuses to
 * start when another program has it by now; we look at what it is.
 */
async function clearPidFile({ cluster }: ClusterFiles, report: (line: string) => void): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const pid = Number.parseInt(text, 10);
  if (pid > 0) await untilPredecessorGone({ name: 'PostgreSQL', pid, mention: cluster }, report);
  await rm(file, { force: true });
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && 'code' in error;
}
