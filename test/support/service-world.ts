import { readFile, writeFile } from 'node:fs/promises';

import type { Client } from '@temporalio/client';
import pg from 'pg';

import type { EmbeddedDatabase } from '../../dev/servers/postgres/database.ts';
import { prepareDatabase } from '../../dev/servers/postgres/database.ts';
import type { EmbeddedPostgres } from '../../dev/servers/postgres/postgres.ts';
import { startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { findFreePort } from '../../dev/servers/process/ports.ts';
import type { EmbeddedTemporal } from '../../dev/servers/temporal/development-server.ts';
import { startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { createPool } from '../../src/database/pool.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { connectTemporal } from '../../src/temporal/connection.ts';
import { cacheDir, resolveServer } from './servers.ts';
import type { TestFolder } from './test-folder.ts';
import { createTestFolder } from './test-folder.ts';
import { until } from './until.ts';
import type { RunningProgram } from './up.ts';
import { startProgram } from './up.ts';
import { ApiserverWorld } from './watcher-apiserver.ts';

/** What the record says of one remediation. */
export interface RecordedRemediation {
  readonly phase: string | null;
  readonly verdict: string | null;
  readonly isDeleted: boolean;
  readonly finalStateUnknown: boolean | null;
}

interface KubeconfigFile {
  readonly clusters: readonly { readonly name: string; readonly cluster: object }[];
  readonly users: readonly { readonly name: string }[];
}

const STARTED = /"url":"([^"]+)","msg":"started"/;

/** Minutes of a real installation are seconds here. */
const WATCH_ENVIRONMENT = {
  REMEDIATION_AUDIT_CLUSTER: 'test',
  REMEDIATION_AUDIT_WATCH_TIMEOUT_SECONDS: '20',
  REMEDIATION_AUDIT_WATCH_INACTIVITY_SECONDS: '5',
  REMEDIATION_AUDIT_KUBE_REQUEST_SECONDS: '5',
  REMEDIATION_AUDIT_WATCH_BACKOFF_MS: '100',
  REMEDIATION_AUDIT_WATCH_LONGEST_BACKOFF_SECONDS: '1',
  REMEDIATION_AUDIT_RECONCILE_SECONDS: '2',
  REMEDIATION_AUDIT_RECONCILE_GRACE_SECONDS: '1',
  REMEDIATION_AUDIT_RECORDING_GRACE_SECONDS: '4',
  REMEDIATION_AUDIT_LOOK_SECONDS: '2',
  REMEDIATION_AUDIT_LATE_GRACE_SECONDS: '1',
};

/** The real servers on this machine, and `watch` and `work` as processes of their own, as a user starts them. */
export class ServiceWorld implements AsyncDisposable {
  readonly cluster: ApiserverWorld;
  readonly #folder: TestFolder;
  readonly #ports: { readonly postgres: number; readonly temporal: number };
  #postgres!: EmbeddedPostgres;
  #database!: EmbeddedDatabase;
  #temporal!: EmbeddedTemporal;
  #connected!: { client: Client; close: () => Promise<void> };
  readonly #programs = new Set<RunningProgram>();

  private constructor(
    folder: TestFolder,
    cluster: ApiserverWorld,
    ports: { readonly postgres: number; readonly temporal: number },
  ) {
    this.#folder = folder;
    this.cluster = cluster;
    this.#ports = ports;
  }

  static async create(): Promise<ServiceWorld> {
    const ports = { postgres: await findFreePort(), temporal: await findFreePort() };
    const [folder, cluster] = await Promise.all([createTestFolder(), ApiserverWorld.create()]);
    const world = new ServiceWorld(folder, cluster, ports);
    await Promise.all([world.startPostgres(), world.startTemporal()]);
    world.#database = await prepareDatabase(world.#postgres, 1, createLogger('silent', 'test'));
    return world;
  }

  get client(): Client {
    return this.#connected.client;
  }

  async startPostgres(): Promise<void> {
    const { postgres: port } = this.#ports;
    const dataDir = this.#folder.file('postgres');
    this.#postgres = await startPostgres({ dataDir, port, cacheDir, report: () => undefined });
  }

  async stopPostgres(): Promise<void> {
    await this.#postgres.stop();
  }

  async startTemporal(): Promise<void> {
    this.#temporal = await startTemporal({
      binary: await resolveServer('temporal'),
      dataDir: this.#folder.file('temporal'),
      port: this.#ports.temporal,
      uiPort: 0,
      headless: true,
      searchAttributes: {},
      report: () => undefined,
    });
    const { address, namespace } = this.#temporal;
    this.#connected = await connectTemporal({ connectionOptions: { address }, namespace });
  }

  async stopTemporal(): Promise<void> {
    await this.#connected.close();
    await this.#temporal.stop();
  }

  /** `watch` with the rights of `deploy/rbac.yaml` alone. */
  startWatch(env: Readonly<Record<string, string>> = {}): RunningProgram {
    return this.#start('watch', { KUBECONFIG: this.cluster.kubeconfigPath, ...WATCH_ENVIRONMENT, ...env });
  }

  /** A kubeconfig with the cluster under the context `there`, and one that nobody answers for under `away`. */
  async writeTwoContexts(): Promise<string> {
    const there = JSON.parse(await readFile(this.cluster.kubeconfigPath, 'utf8')) as KubeconfigFile;
    const [cluster] = there.clusters;
    const server = `https://127.0.0.1:${await findFreePort()}`;
    const clusters = [
      { ...cluster, name: 'there' },
      { name: 'away', cluster: { ...cluster?.cluster, server } },
    ];
    const user = there.users[0]?.name ?? '';
    const contexts = clusters.map(({ name }) => ({ name, context: { cluster: name, user } }));
    const path = this.#folder.file('two-contexts');
    await writeFile(path, JSON.stringify({ ...there, clusters, contexts, 'current-context': 'away' }));
    return path;
  }

  startWork(): RunningProgram {
    return this.#start('work', { REMEDIATION_AUDIT_WORKER_QUEUES: 'recording' });
  }

  startServe(): RunningProgram {
    return this.#start('serve', { REMEDIATION_AUDIT_API_PORT: '0' });
  }

  /** A command that reads the database. */
  startCommand(args: readonly string[]): RunningProgram {
    return startProgram(args, { env: { DATABASE_URL: this.#database.writerUrl } });
  }

  async untilStarted(program: RunningProgram): Promise<void> {
    await until(
      () => STARTED.test(program.output()),
      () => `the process has started; it said ${program.output().slice(-2_000)}`,
      60_000,
    );
  }

  /** Where a program that has started can be asked how it is. */
  urlOf(program: RunningProgram): string {
    return STARTED.exec(program.output())?.[1] ?? '';
  }

  async kill(program: RunningProgram, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    this.#programs.delete(program);
    program.child.kill(signal);
    await program.exited;
  }

  /** By uid, all that is recorded of a cluster. */
  async recorded(cluster = 'test'): Promise<ReadonlyMap<string, RecordedRemediation>> {
    interface Row extends RecordedRemediation {
      readonly uid: string;
    }
    const client = new pg.Client({ connectionString: this.#database.ownerUrl });
    await client.connect();
    try {
      const { rows } = await client.query<Row>(
        `select remediation_uid as uid, overall_phase as phase, verdict, deleted_at is not null as "isDeleted",
           final_state_unknown as "finalStateUnknown"
         from remediation_audit
         where cluster = $1::text`,
        [cluster],
      );
      return new Map(rows.map(({ uid, ...recorded }) => [uid, recorded]));
    } finally {
      await client.end();
    }
  }

  ownerPool(): pg.Pool {
    return createPool({
      connectionString: this.#database.ownerUrl,
      applicationName: 'remediation-audit test',
      statementTimeoutMs: 30_000,
      logger: createLogger('silent', 'test'),
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#programs].map((program) => this.kill(program, 'SIGKILL')));
    await Promise.all([this.stopTemporal(), this.stopPostgres(), this.cluster[Symbol.asyncDispose]()]);
    await this.#folder.remove();
  }

  #start(command: string, env: Readonly<Record<string, string>>): RunningProgram {
    const program = startProgram([command], {
      env: {
        DATABASE_URL: command === 'watch' ? this.#database.watcherUrl : this.#database.writerUrl,
        DATABASE_READER_URL: this.#database.readerUrl,
        TEMPORAL_ADDRESS: this.#temporal.address,
        REMEDIATION_AUDIT_WORKER_METRICS_PORT: '0',
        REMEDIATION_AUDIT_WATCHER_METRICS_PORT: '0',
        ...env,
      },
    });
    this.#programs.add(program);
    return program;
  }
}
