import { writeFile } from 'node:fs/promises';

import type { Sandbox } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import type { Change } from '../../dev/sandbox/store.ts';
import type { ClusterTarget } from '../../dev/simulator/cluster-client.ts';
import type { SimulationReport, SimulatorOptions } from '../../dev/simulator/simulator.ts';
import { runSimulator } from '../../dev/simulator/simulator.ts';
import { readConfig } from '../../src/config/config.ts';
import { createObservedResourceReader } from '../../src/database/reading/observed-resource-reader.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import type { Logger } from '../../src/observability/logger.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { createRemediationSignals } from '../../src/temporal/remediation-signals.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';
import type { RunningWatcher } from '../../src/watcher/watcher-options.ts';
import type { WatcherTiming } from '../../src/watcher/watcher-options.ts';
import { readable } from './readings.ts';
import type { RecordingStage } from './recording-stage.ts';
import { openRecordingStage } from './recording-stage.ts';
import type { TestFolder } from './test-folder.ts';
import { createTestFolder } from './test-folder.ts';
import { until } from './until.ts';

const CLUSTER = 'storms';
const LIFE = readConfig({ DATABASE_URL: 'postgres://nobody@127.0.0.1/nothing' }).watcher;
const SEEN_AT = '2026-11-21T10:00:00.000000Z';

/** The way from a cluster into the database with nothing left out: sandbox, watcher, Temporal, worker, PostgreSQL. */
export class RecordedCluster implements AsyncDisposable {
  readonly name = CLUSTER;
  readonly stage: RecordingStage;
  readonly sandbox: Sandbox;
  readonly metrics = createMetrics();
  /** Every write that the cluster took, and when. */
  readonly writes: (Change & { readonly atMs: number })[] = [];
  readonly #folder: TestFolder;
  #watcher: RunningWatcher | undefined;

  private constructor(stage: RecordingStage, sandbox: Sandbox, folder: TestFolder) {
    this.stage = stage;
    this.sandbox = sandbox;
    this.#folder = folder;
    sandbox.store.subscribe((change) => this.writes.push({ ...change, atMs: Date.now() }));
  }

  static async create(): Promise<RecordedCluster> {
    return new RecordedCluster(await openRecordingStage(), await startSandbox(), await createTestFolder());
  }

  /** With the settings of life, but for what the test says. */
  async watch(
    timing: Partial<WatcherTiming> = {},
    logger: Logger = createLogger('silent', 'test'),
  ): Promise<void> {
    const kubeconfig = this.#folder.file('kubeconfig');
    await writeFile(kubeconfig, this.sandbox.kubeconfig);
    const { client, taskQueue } = this.stage.temporal;
    const { listPageSize, signalConcurrency } = LIFE;
    const watcher = startWatcher({
      ...{ cluster: CLUSTER, namespaces: [], listPageSize, signalConcurrency, logger },
      connection: connectCluster({ kubeconfig, context: '' }),
      signals: createRemediationSignals(client, { lateGraceSeconds: 60, gatherSeconds: 2, taskQueue }),
      observed: createObservedResourceReader(this.stage.database.owner),
      redactor: createRedactor(),
      timing: { ...LIFE.timing, ...timing },
      metrics: this.metrics.watcher,
    });
    this.#watcher = watcher;
    await until(() => watcher.isSynced(), 'the watcher has read its first lists');
  }

  /** Uids of all resources of kubernaut that there ever were. */
  get resources(): ReadonlySet<string> {
    const own = this.writes.filter(({ object }) => KUBERNAUT_KINDS.some(({ kind }) => kind === object.kind));
    return new Set(own.map(({ object }) => object.metadata.uid));
  }

  get target(): ClusterTarget {
    const { url, token } = this.sandbox;
    return { url, token };
  }

  play(options: Omit<SimulatorOptions, 'cluster'>): Promise<SimulationReport> {
    return runSimulator({ cluster: this.target, generation: 'G3', ...options });
  }

  /** Versions of resources that say something which their resource had not said by the version before. */
  versionsWithNews(): Set<string> {
    const said = new Map<string, string>();
    const context = { cluster: CLUSTER, epoch: 0n, observedAt: SEEN_AT, remediationUid: () => undefined };
    const news = this.writes.filter(({ object, type }) => {
      const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === object.kind);
      if (kind === undefined || type === 'DELETED') return false;
      const { observations } = readable(kind.read(structuredClone(object) as unknown as JsonObject, context));
      const changed = observations.filter(({ table, key, phase, columns }) => {
        const name = `${object.metadata.uid} ${table} ${key} ${phase}`;
        const says = JSON.stringify(columns);
        const isNews = said.get(name) !== says;
        said.set(name, says);
        return isNews;
      });
      return changed.length > 0;
    });
    return new Set(news.map(({ version }) => String(version)));
  }

  /** Versions of resources that the ledger has; a version is that of one write in the whole cluster. */
  async recordedVersions(): Promise<Set<string>> {
    const { rows } = await this.stage.database.owner.query<{ version: string }>(
      'select distinct source_version::text as version from audit_ledger',
    );
    return new Set(rows.map(({ version }) => version));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watcher?.stop();
    await this.sandbox.stop();
    await this.stage.close();
    await this.#folder.remove();
  }
}
