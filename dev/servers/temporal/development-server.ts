import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { explainFileError } from '../../up/data-directory.ts';
import { untilPredecessorGone } from '../../up/predecessor.ts';
import { type RunningServer, ServerNotReady, startServer, untilReady } from '../process/child-process.ts';
import { findFreePort, LOOPBACK } from '../process/ports.ts';
import { CALL_DEADLINE_MS, prepareNamespace, type WantedAttributes, withConnection } from './namespace.ts';

export interface TemporalOptions {
  /** The `temporal` program. */
  binary: string;
  /** Holds the server's state. Made when missing. */
  dataDir: string;
  /** 0: any free one. */
  port: number;
  /** 0: any free one. Not used when headless. */
  uiPort: number;
  /** Default: any free one. */
  metricsPort?: number;
  /** Where the UI has payloads decoded. Default: it shows them as they are. */
  codecEndpoint?: string | undefined;
  /** Without the UI. Default false. */
  headless?: boolean;
  searchAttributes: WantedAttributes;
  /** Default `default`. */
  namespace?: string;
  /** Settings of the server itself, by their name, for example a limit that a test wants to reach. Default none. */
  dynamicConfig?: Readonly<Record<string, string>>;
  report: (line: string) => void;
}

export interface EmbeddedTemporal extends AsyncDisposable {
  /** host:port of the gRPC frontend. */
  readonly address: string;
  /** Undefined when headless. */
  readonly uiUrl: string | undefined;
  readonly metricsUrl: string;
  readonly namespace: string;
  readonly server: RunningServer;
  stop(): Promise<void>;
}

interface Layout {
  database: string;
  pidFile: string;
  port: number;
  uiPort: number | undefined;
  metricsPort: number;
  namespace: string;
}

/** A first start on a busy host is slow. */
const READY_DEADLINE_MS = 60_000;
/**
 * SQLite appends to a log instead of copying pages aside before it changes them: about twice as many recordings in a
 * second. FULL syncs that log before a commit is acknowledged, so a power cut loses nothing; NORMAL, the usual
 * companion of WAL, would not.
 */
const PRAGMAS = { journal_mode: 'WAL', synchronous: 'FULL' } as const;

/** A workflow task hands its worker the activities that it starts: one write less for each. Newer servers do so anyway. */
const EAGER_ACTIVITIES = { 'system.enableActivityEagerExecution': 'true' } as const;

/** Temporal's dev server as a child of this process, with its state on disk. */
export async function startTemporal(options: TemporalOptions): Promise<EmbeddedTemporal> {
  const dataDir = await prepareFolder(options.dataDir);
  const layout = await layOut(options, dataDir);
  await awaitPredecessor(layout, options.report);
  const server = launch(options, layout, dataDir);
  const address = `${LOOPBACK}:${layout.port}`;
  const uiUrl = layout.uiPort === undefined ? undefined : `http://${LOOPBACK}:${layout.uiPort}`;
  try {
    await writeFile(layout.pidFile, `${server.pid}\n`);
    const what = `cannot start the Temporal server on ${layout.database}`;
    await untilReady(server, () => answers(address, uiUrl, layout.namespace), {
      deadlineMs: READY_DEADLINE_MS,
      what,
    });
    await prepareNamespace(address, layout.namespace, options.searchAttributes);
  } catch (error: unknown) {
    await server.stop();
    throw explain(error, layout, dataDir);
  }
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(layout.pidFile, { force: true });
  };
  const metricsUrl = `http://${LOOPBACK}:${layout.metricsPort}/metrics`;
  return {
    address,
    uiUrl,
    metricsUrl,
    namespace: layout.namespace,
    server,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function prepareFolder(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true });
    // By its one true path a server of an earlier run is recognised.
    return await realpath(dataDir);
  } catch (error: unknown) {
    throw explainFileError(error, 'make the folder of the Temporal server', dataDir);
  }
}

async function layOut(options: TemporalOptions, dataDir: string): Promise<Layout> {
  const chosen = async (port: number): Promise<number> => (port === 0 ? findFreePort() : port);
  return {
    database: join(dataDir, 'temporal.db'),
    pidFile: join(dataDir, 'temporal.pid'),
    port: await chosen(options.port),
    uiPort: options.headless === true ? undefined : await chosen(options.uiPort),
    metricsPort: await chosen(options.metricsPort ?? 0),
    namespace: options.namespace ?? 'default',
  };
}

async function awaitPredecessor(
  { pidFile, database }: Layout,
  report: (line: string) => void,
): Promise<void> {
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  if (pid > 0) await untilPredecessorGone({ name: 'Temporal', pid, mention: database }, report);
}

function launch(
  { binary, searchAttributes, codecEndpoint, dynamicConfig = {} }: TemporalOptions,
  layout: Layout,
  dataDir: string,
): RunningServer {
  const attributes = Object.entries(searchAttributes).map(
    ([name, type]) => `--search-attribute=${name}=${type}`,
  );
  const settings = Object.entries({ ...EAGER_ACTIVITIES, ...dynamicConfig }).map(
    ([name, value]) => `--dynamic-config-value=${name}=${value}`,
  );
  const pragmas = Object.entries(PRAGMAS).map(([name, value]) => `--sqlite-pragma=${name}=${value}`);
  return startServer({
    name: 'Temporal',
    command: binary,
    args: [
      ...['server', 'start-dev', '--ip', LOOPBACK, '--port', String(layout.port)],
      ...(layout.uiPort === undefined ? ['--headless'] : ['--ui-port', String(layout.uiPort)]),
      ...(codecEndpoint === undefined ? [] : ['--ui-codec-endpoint', codecEndpoint]),
      ...['--metrics-port', String(layout.metricsPort), '--db-filename', layout.database],
      ...pragmas,
      ...['--namespace', layout.namespace, '--log-level', 'warn', ...attributes, ...settings],
    ],
    // Not our environment: its TEMPORAL_* variables and the user's profile are meant for clients. And no telemetry.
    env: { PATH: '/usr/bin:/bin', HOME: dataDir, TEMPORAL_VERSION_CHECK_DISABLED: '1' },
    cwd: dataDir,
  });
}

async function answers(address: string, uiUrl: string | undefined, namespace: string): Promise<boolean> {
  await withConnection(address, ({ workflowService }) => workflowService.describeNamespace({ namespace }));
  if (uiUrl === undefined) return true;
  // Asked second: a UI that looks for the server too early waits a second before it looks again.
  const page = await fetch(`${uiUrl}/api/v1/namespaces/${namespace}`, {
    signal: AbortSignal.timeout(CALL_DEADLINE_MS),
  });
  await page.arrayBuffer();
  return page.ok;
}

function explain(error: unknown, { database }: Layout, dataDir: string): unknown {
  const doing = `start the Temporal server on ${database}`;
  if (error instanceof ServerNotReady && /disk is full|no space left/i.test(error.output)) {
    return explainFileError(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }), doing, dataDir);
  }
  return error instanceof Error && 'errno' in error ? explainFileError(error, doing, dataDir) : error;
}
