import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Client, type QueryResultRow } from 'pg';

import { explainFileError } from '../../up/data-directory.ts';
import { untilPredecessorGone } from '../../up/predecessor.ts';
import type { EmbeddedPostgres } from '../postgres/postgres.ts';
import { startServer, untilReady } from '../process/child-process.ts';
import { findFreePort, LOOPBACK } from '../process/ports.ts';
import type { EmbeddedTemporal, TemporalOptions } from './development-server.ts';
import { answersForWorkflows, prepareNamespace, registerNamespace } from './namespace.ts';

/**
 * Temporal as it is deployed: the server, set up by its own schema tool, with PostgreSQL for its state and for what it
 * lists. All four services run in one process; a deployment runs several of each.
 */
interface TemporalOnPostgresOptions extends Pick<
  TemporalOptions,
  'dataDir' | 'port' | 'searchAttributes' | 'namespace' | 'report'
> {
  /** The programs `server` and `sql` of Temporal. */
  readonly binaries: { readonly server: string; readonly sqlTool: string };
  /** Gets the databases `temporal` and `temporal_visibility`. */
  readonly postgres: EmbeddedPostgres;
  /** Fixed by the first start, for ever. Default 4. */
  readonly historyShards?: number;
}

const ROLE = 'temporal';
/** Each database with its schema, which the tool carries. */
const SCHEMAS = {
  temporal: 'postgresql/v12/temporal',
  temporal_visibility: 'postgresql/v12/visibility',
} as const;
type Database = keyof typeof SCHEMAS;

const DEFAULT_SHARDS = 4;
const PASSWORD_BYTES = 18;
const SCHEMA_DEADLINE_MS = 120_000;
const READY_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 5_000;
const OWNER_ONLY = 0o600;
const MAX_CONNECTIONS = 20;
const run = promisify(execFile);

export async function startTemporalOnPostgres(options: TemporalOnPostgresOptions): Promise<EmbeddedTemporal> {
  const dataDir = await prepareFolder(options.dataDir);
  const configFile = join(dataDir, 'temporal-server.json');
  const pidFile = join(dataDir, 'temporal-server.pid');
  const earlier = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  if (earlier > 0)
    await untilPredecessorGone({ name: 'Temporal', pid: earlier, mention: configFile }, options.report);

  const password = randomBytes(PASSWORD_BYTES).toString('base64url');
  await prepareDatabases(options.postgres, password);
  for (const database of Object.keys(SCHEMAS) as Database[]) await bringUpToDate(options, database, password);

  await forgetEarlierServers(options.postgres);

  const port = options.port === 0 ? await findFreePort() : options.port;
  const metricsPort = await findFreePort();
  const config = await configurationOf(options, { port, metricsPort, password });
  await writeFile(configFile, JSON.stringify(config, undefined, 2), { mode: OWNER_ONLY });
  const server = startServer({
    name: 'Temporal',
    command: options.binaries.server,
    args: ['--config-file', configFile, '--allow-no-auth', 'start'],
    env: { PATH: '/usr/bin:/bin', HOME: dataDir },
    cwd: dataDir,
    // Some of its own workers wait for a frontend that has gone; what counts is in PostgreSQL by then.
    stopDeadlineMs: STOP_DEADLINE_MS,
  });
  const address = `${LOOPBACK}:${port}`;
  const namespace = options.namespace ?? 'default';
  try {
    await writeFile(pidFile, `${server.pid}\n`);
    const patience = {
      deadlineMs: READY_DEADLINE_MS,
      what: `cannot start the Temporal server on PostgreSQL at port ${options.postgres.port}`,
    };
    await untilReady(server, () => registerNamespace(address, namespace), patience);
    await untilReady(server, () => answersForWorkflows(address, namespace), patience);
    await prepareNamespace(address, namespace, options.searchAttributes);
  } catch (error: unknown) {
    await server.stop();
    throw error;
  }
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(pidFile, { force: true });
  };
  const metricsUrl = `http://${LOOPBACK}:${metricsPort}/metrics`;
  return { address, uiUrl: undefined, metricsUrl, namespace, server, stop, [Symbol.asyncDispose]: stop };
}

async function prepareFolder(dataDir: string): Promise<string> {
  try {
    await mkdir(dataDir, { recursive: true });
    return await realpath(dataDir);
  } catch (error: unknown) {
    throw explainFileError(error, 'make the folder of the Temporal server', dataDir);
  }
}

/** A role and two databases of its own. The password is new at every start. */
async function prepareDatabases(postgres: EmbeddedPostgres, password: string): Promise<void> {
  const admin = new Client({ connectionString: postgres.superuserUrl() });
  await admin.connect();
  try {
    const role = await admin.query('select from pg_roles where rolname = $1::text', [ROLE]);
    if (role.rowCount === 0) await admin.query(`create role ${ROLE} login`);
    await admin.query(`alter role ${ROLE} password '${password}'`);
    for (const database of Object.keys(SCHEMAS)) {
      const { rowCount } = await admin.query('select from pg_database where datname = $1::text', [database]);
      if (rowCount === 0) await admin.query(`create database ${database} owner ${ROLE}`);
    }
  } finally {
    await admin.end();
  }
}

/** The tool knows which versions are missing; version 0.0 is the table it notes that in. */
async function bringUpToDate(
  { binaries, postgres }: TemporalOnPostgresOptions,
  database: Database,
  password: string,
): Promise<void> {
  const [found] = await queryOnce<{ present: boolean }>(
    postgres.superuserUrl(database),
    "select to_regclass('schema_version') is not null as present",
  );
  const connection = ['--plugin', 'postgres12', '--ep', LOOPBACK, '-p', String(postgres.port), '-u', ROLE];
  const tool = async (...command: string[]): Promise<void> => {
    try {
      await run(binaries.sqlTool, [...connection, '--db', database, ...command], {
        // Not among the arguments, which everybody on the machine can read.
        env: { PATH: '/usr/bin:/bin', SQL_PASSWORD: password },
        timeout: SCHEMA_DEADLINE_MS,
      });
    } catch (error: unknown) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      const said = `${stdout}${stderr}`.trim();
      const doing = `cannot bring the schema of Temporal's database ${database} up to date`;
      throw new Error(`${doing}; ${binaries.sqlTool} said:\n${said}`, { cause: error });
    }
  };
  if (found?.present !== true) await tool('setup-schema', '-v', '0.0');
  await tool('update-schema', '--schema-name', SCHEMAS[database]);
}

/** One that was killed is listed until its heartbeat is old, and calls would go to the ports where it was. */
async function forgetEarlierServers(postgres: EmbeddedPostgres): Promise<void> {
  await queryOnce(postgres.superuserUrl('temporal' satisfies Database), 'delete from cluster_membership');
}

async function queryOnce<R extends QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<R>(text)).rows;
  } finally {
    await client.end();
  }
}

interface Chosen {
  readonly port: number;
  readonly metricsPort: number;
  readonly password: string;
}

async function configurationOf(
  { postgres, historyShards = DEFAULT_SHARDS }: TemporalOnPostgresOptions,
  { port, metricsPort, password }: Chosen,
): Promise<object> {
  const store = (databaseName: Database): object => ({
    sql: {
      pluginName: 'postgres12',
      databaseName,
      connectAddr: `${LOOPBACK}:${postgres.port}`,
      connectProtocol: 'tcp',
      user: ROLE,
      password,
      maxConns: MAX_CONNECTIONS,
      maxIdleConns: MAX_CONNECTIONS,
      maxConnLifetime: '1h',
    },
  });
  const service = async (grpcPort?: number): Promise<object> => ({
    rpc: {
      grpcPort: grpcPort ?? (await findFreePort()),
      membershipPort: await findFreePort(),
      bindOnLocalHost: true,
    },
  });
  return {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: historyShards,
      datastores: { default: store('temporal'), visibility: store('temporal_visibility') },
    },
    global: {
      membership: { maxJoinDuration: '30s', broadcastAddress: LOOPBACK },
      metrics: { prometheus: { timerType: 'histogram', listenAddress: `${LOOPBACK}:${metricsPort}` } },
    },
    services: {
      frontend: await service(port),
      matching: await service(),
      history: await service(),
      worker: await service(),
    },
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `${LOOPBACK}:${port}`,
        },
      },
    },
    publicClient: { hostPort: `${LOOPBACK}:${port}` },
  };
}
