import { readFile, writeFile } from 'node:fs/promises';

import pg from 'pg';

import type { EmbeddedDatabase } from '../../dev/servers/postgres/database.ts';
import { prepareDatabase } from '../../dev/servers/postgres/database.ts';
import { startPostgres } from '../../dev/servers/postgres/postgres.ts';
import { startTemporal } from '../../dev/servers/temporal/development-server.ts';
import { registerNamespace } from '../../dev/servers/temporal/namespace.ts';
import { tokenHash } from '../../src/api/auth/gate.ts';
import { readConfig } from '../../src/config/config.ts';
import type { Finding } from '../../src/doctor/check.ts';
import { examine } from '../../src/doctor/examine.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { wantedSchedules } from '../../src/services/maintenance.ts';
import type { TemporalClient } from '../../src/temporal/connection.ts';
import { connectTemporal, connectTemporalOnce } from '../../src/temporal/connection.ts';
import { MAINTENANCE_QUEUE, RECORDING_QUEUE } from '../../src/temporal/identifiers.ts';
import { isPolled } from '../../src/temporal/recording-pollers.ts';
import { ensureSchedule } from '../../src/temporal/schedules.ts';
import { prepareSearchAttributes, readSearchAttributes } from '../../src/temporal/search-attributes.ts';
import { cacheDir, resolveServer } from './servers.ts';
import type { ClusterAdmin } from './service-account.ts';
import { clusterAdmin } from './service-account.ts';
import type { TestFolder } from './test-folder.ts';
import { createTestFolder } from './test-folder.ts';
import { tlsFixture } from './tls-temporal.ts';
import { until } from './until.ts';
import { ApiserverWorld } from './watcher-apiserver.ts';

export type Environment = Readonly<Record<string, string>>;

/** The server refuses a poll without a deadline. */
const POLL_MS = 60_000;
const QUEUES = [RECORDING_QUEUE, MAINTENANCE_QUEUE];
const silent = createLogger('silent', 'test');

/** What a namespace of Temporal lacks of what a deployment has. */
interface Lacking {
  readonly attributes?: boolean;
  readonly queue?: string;
}

const RULES = (verbs: readonly string[]) => [
  { apiGroups: ['kubernaut.ai'], resources: ['remediationrequests'], verbs },
];
const IDENTITY_RULE = {
  apiGroups: [''],
  resources: ['namespaces'],
  resourceNames: ['kube-system'],
  verbs: ['get'],
};

/** A whole deployment on this machine in which nothing is wrong, except what a test makes so. */
export class DoctorWorld implements AsyncDisposable {
  readonly folder: TestFolder;
  readonly cluster: ApiserverWorld;
  readonly database: EmbeddedDatabase;
  readonly superuserUrl: string;
  readonly temporalAddress: string;
  readonly client: TemporalClient['client'];
  readonly #closing: (() => Promise<unknown>)[];

  private constructor(
    parts: Pick<
      DoctorWorld,
      'folder' | 'cluster' | 'database' | 'superuserUrl' | 'temporalAddress' | 'client'
    >,
    closing: (() => Promise<unknown>)[],
  ) {
    this.folder = parts.folder;
    this.cluster = parts.cluster;
    this.database = parts.database;
    this.superuserUrl = parts.superuserUrl;
    this.temporalAddress = parts.temporalAddress;
    this.client = parts.client;
    this.#closing = closing;
  }

  static async create(): Promise<DoctorWorld> {
    const folder = await createTestFolder();
    const closing: (() => Promise<unknown>)[] = [() => folder.remove()];
    const report = (): void => undefined;
    const postgres = await startPostgres({ dataDir: folder.file('postgres'), port: 0, cacheDir, report });
    closing.push(() => postgres.stop());
    const database = await prepareDatabase(postgres, 1, silent);
    const temporal = await startTemporal({
      binary: await resolveServer('temporal'),
      dataDir: folder.file('temporal'),
      port: 0,
      uiPort: 0,
      headless: true,
      searchAttributes: {},
      report,
    });
    closing.push(() => temporal.stop());
    const cluster = await ApiserverWorld.create();
    closing.push(() => cluster[Symbol.asyncDispose]());
    const connected = await connectTemporal({
      connectionOptions: { address: temporal.address },
      namespace: temporal.namespace,
    });
    closing.push(() => connected.close());
    const world = new DoctorWorld(
      {
        ...{ folder, cluster, database, client: connected.client },
        superuserUrl: postgres.superuserUrl('remediation_audit'),
        temporalAddress: temporal.address,
      },
      closing,
    );
    await world.#writeFiles();
    await world.#createAccounts(clusterAdmin(cluster.server.kubeconfigPath));
    await world.addNamespace('default', {});
    return world;
  }

  /** The environment of a deployment whose parts are all here. */
  get environment(): Environment {
    return {
      DATABASE_URL: this.database.writerUrl,
      DATABASE_READER_URL: this.database.readerUrl,
      DATABASE_OWNER_URL: this.database.ownerUrl,
      REMEDIATION_AUDIT_MONTHS_AHEAD: '1',
      TEMPORAL_ADDRESS: this.temporalAddress,
      KUBECONFIG: this.cluster.kubeconfigPath,
      REMEDIATION_AUDIT_CLUSTER: 'test',
      REMEDIATION_AUDIT_ARCHIVE_URL: `file://${this.folder.file('archive')}`,
      REMEDIATION_AUDIT_ARCHIVE_KEY_FILE: this.folder.file('signing.pem'),
      REMEDIATION_AUDIT_API_AUTH_MODE: 'token',
      REMEDIATION_AUDIT_API_TOKENS_FILE: this.folder.file('tokens.json'),
      REMEDIATION_AUDIT_API_TLS_CERT_PATH: tlsFixture('server.crt'),
      REMEDIATION_AUDIT_API_TLS_KEY_PATH: tlsFixture('server.key'),
    };
  }

  async examine(env: Environment = {}, clockAheadMs = 0): Promise<readonly Finding[]> {
    return examine(readConfig({ ...this.environment, ...env }), {
      logger: silent,
      signal: new AbortController().signal,
      nowMs: () => Date.now() + clockAheadMs,
    });
  }

  /** As a superuser, in our database. */
  async sql(statement: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.superuserUrl });
    await client.connect();
    try {
      await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** A kubeconfig for the cluster with another token, or another address. */
  async writeKubeconfig(name: string, given: { token?: string; server?: string }): Promise<string> {
    const config = JSON.parse(await readFile(this.cluster.kubeconfigPath, 'utf8')) as {
      clusters: { cluster: { server: string } }[];
      users: { user: { token: string } }[];
    };
    for (const { cluster } of config.clusters) cluster.server = given.server ?? cluster.server;
    for (const { user } of config.users) user.token = given.token ?? user.token;
    const path = this.folder.file(name);
    await writeFile(path, JSON.stringify(config));
    return path;
  }

  tokenOf(account: string): Promise<string> {
    return clusterAdmin(this.cluster.server.kubeconfigPath).tokenOf(account);
  }

  /** With everything in it that `watch` and `work` make, and somebody who polls each queue, but for what it is to lack. */
  async addNamespace(namespace: string, { attributes = false, queue: unserved }: Lacking): Promise<void> {
    await registerNamespace(this.temporalAddress, namespace);
    const access = { connectionOptions: { address: this.temporalAddress }, namespace };
    // Not sent again: a poll that is would outlive its connection.
    const { client, connection, close } = connectTemporalOnce(access);
    // First of all that is opened for it: polls end with the connection.
    this.#closing.push(close);
    // The parts of the server learn of a namespace one after the other.
    const eventually = (call: () => Promise<boolean>, what: string) =>
      until(() => call().catch(() => false), `${namespace} ${what}`);
    for (const wanted of wantedSchedules(readConfig(this.environment))) {
      await eventually(async () => (await ensureSchedule(client, wanted)) !== 'updated', 'has schedules');
      const describe = () => client.schedule.getHandle(wanted.id).describe();
      await eventually(async () => (await describe()).scheduleId === wanted.id, 'describes its schedules');
    }
    if (!attributes) {
      await prepareSearchAttributes(connection, namespace, silent);
      const isComplete = async () => (await readSearchAttributes(connection, namespace)).missing.length === 0;
      await eventually(isComplete, 'has search attributes');
    }
    for (const queue of QUEUES.filter((one) => one !== unserved)) {
      const taskQueue = { name: queue };
      // A poller as the server sees one; whether it would do anything is not asked.
      const poll = () =>
        connection.workflowService.pollWorkflowTaskQueue({ namespace, taskQueue, identity: 'test' });
      connection.withDeadline(Date.now() + POLL_MS, poll).catch(() => undefined);
      await eventually(() => isPolled(client, queue), `is polled for ${queue}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.toReversed()) await close();
  }

  async #writeFiles(): Promise<void> {
    const sha256 = tokenHash('a-token-for-tests-that-nobody-can-guess').toString('hex');
    const tokens = [{ name: 'test', role: 'reader', sha256 }];
    await writeFile(this.folder.file('tokens.json'), JSON.stringify(tokens));
    const expired = tokens.map((token) => ({ ...token, expires: '2020-01-01T00:00:00Z' }));
    await writeFile(this.folder.file('expired.json'), JSON.stringify(expired));
    await writeFile(this.folder.file('broken'), '{');
  }

  /** `listing` may list remediations and not watch them; `nameless` may not ask which cluster it is. */
  async #createAccounts(admin: ClusterAdmin): Promise<void> {
    await createAccount(admin, 'listing', [...RULES(['get', 'list']), IDENTITY_RULE]);
    await createAccount(admin, 'nameless', RULES(['get', 'list', 'watch']));
    const granted = await this.writeKubeconfig('granted', { token: await admin.tokenOf('nameless') });
    // A role works a moment after it was made.
    await until(async () => {
      const findings = await this.examine({ KUBECONFIG: granted });
      return findings.some(
        ({ check, state }) => check.startsWith('kind RemediationRequest') && state === 'ok',
      );
    }, 'the API server knows the new roles');
  }
}

async function createAccount(admin: ClusterAdmin, name: string, rules: readonly object[]): Promise<void> {
  const apiGroup = 'rbac.authorization.k8s.io';
  const apiVersion = `${apiGroup}/v1`;
  const metadata = { name };
  await admin.create('/api/v1/namespaces/default/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata,
  });
  await admin.create(`/apis/${apiVersion}/clusterroles`, {
    apiVersion,
    kind: 'ClusterRole',
    metadata,
    rules,
  });
  await admin.create(`/apis/${apiVersion}/clusterrolebindings`, {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata,
    roleRef: { apiGroup, kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'default' }],
  });
}
