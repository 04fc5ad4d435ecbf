import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { collectionOf, KUBERNAUT_KINDS } from '../../dev/sandbox/kinds.ts';
import { hasFinalizers, terminatingObject } from '../../dev/sandbox/object-rules.ts';
import type { StoredObject } from '../../dev/sandbox/object.ts';
import { keyOf } from '../../dev/sandbox/object.ts';
import type { Sandbox, SandboxOptions } from '../../dev/sandbox/sandbox.ts';
import { startSandbox } from '../../dev/sandbox/sandbox.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { Metrics } from '../../src/observability/metrics.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';
import type { RunningWatcher, WatcherOptions } from '../../src/watcher/watcher-options.ts';
import type { WatcherTiming } from '../../src/watcher/watcher-options.ts';
import { FaultyServer } from './watcher-faults.ts';
import { PLAIN_REMEDIATION } from './watcher-kinds.ts';
import { WatcherRecord } from './watcher-record.ts';
import { FAST } from './watcher-timing.ts';

const REMEDIATIONS = KUBERNAUT_KINDS.filter(
  ({ kind, group }) => kind === 'RemediationRequest' && group === 'kubernaut.ai',
);
const NAMESPACE = 'default';

export interface WorldOptions extends Partial<Omit<WatcherOptions, 'timing'>> {
  readonly timing?: Partial<WatcherTiming>;
  readonly sandbox?: SandboxOptions;
}

/** An in-process API server with remediations, a watcher of it, and what the watcher reported. */
export class WatcherWorld implements AsyncDisposable {
  readonly record = new WatcherRecord();
  readonly metrics: Metrics = createMetrics();
  readonly faults = new FaultyServer(() => {
    this.sandbox.store.compact();
  });
  readonly #options: WorldOptions;
  #folder = '';
  #sandbox: Sandbox | undefined;
  readonly #running = new Map<number, { watcher: RunningWatcher; close: () => Promise<void> }>();
  #lives = 0;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
  }

  static async create(options: WorldOptions = {}): Promise<WatcherWorld> {
    const world = new WatcherWorld(options);
    await world.open();
    return world;
  }

  get sandbox(): Sandbox {
    if (this.#sandbox === undefined) throw new Error('the world has no server yet');
    return this.#sandbox;
  }

  /** The newest watcher that runs. */
  get watcher(): RunningWatcher {
    const newest = [...this.#running.values()].at(-1);
    if (newest === undefined) throw new Error('no watcher runs');
    return newest.watcher;
  }

  startWatcher(given: Partial<WatcherOptions> = {}): number {
    const life = (this.#lives += 1);
    const connection = connectCluster({ kubeconfig: join(this.#folder, 'kubeconfig'), context: '' });
    const watcher = startWatcher({
      cluster: 'test',
      namespaces: [],
      connection,
      signals: this.record.signalsOf(life),
      observed: this.record.observed,
      redactor: createRedactor(),
      kinds: [PLAIN_REMEDIATION],
      listPageSize: 3,
      signalConcurrency: 4,
      logger: createLogger('silent', 'test'),
      metrics: this.metrics.watcher,
      ...this.#options,
      timing: { ...FAST, ...this.#options.timing },
      ...given,
    });
    watcher.ended.catch(() => undefined);
    this.#running.set(life, { watcher, close: () => connection.close() });
    return life;
  }

  async stopWatchers(): Promise<void> {
    const running = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(
      running.map(async ({ watcher, close }) => {
        await watcher.stop();
        await close();
      }),
    );
  }

  create(name: string, uid: string): void {
    const object = {
      apiVersion: 'kubernaut.ai/v1alpha1',
      kind: 'RemediationRequest',
      metadata: {
        name,
        namespace: NAMESPACE,
        uid,
        resourceVersion: '',
        creationTimestamp: '2026-11-21T10:00:00Z',
      },
      spec: { signalName: 'KubePodCrashLooping' },
    };
    this.#commit('ADDED', object);
  }

  /** Undefined members of the status go. */
  setStatus(name: string, status: Record<string, unknown>): void {
    this.#commit('MODIFIED', { ...this.#get(name), status });
  }

  /** What finalizers hold stays, marked as deleted. */
  delete(name: string): void {
    const object = this.#get(name);
    if (!hasFinalizers(object)) this.#commit('DELETED', object);
    else this.#commit('MODIFIED', terminatingObject(object, new Date().toISOString()));
  }

  find(name: string): StoredObject | undefined {
    return this.sandbox.store.get(COLLECTION, keyOf(NAMESPACE, name));
  }

  async missedOnRelist(): Promise<number> {
    const { values } = await this.metrics.watcher.missedOnRelist.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.faults.stop();
    await this.stopWatchers();
    this.faults.cutAll();
    await this.#sandbox?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async open(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'remediation-audit-watcher-'));
    this.#sandbox = await startSandbox({
      kinds: REMEDIATIONS,
      watch: { bookmarkIntervalMs: 40, bookmarkBeforeEndMs: 10 },
      intercept: this.faults.intercept,
      ...this.#options.sandbox,
    });
    await writeFile(join(this.#folder, 'kubeconfig'), this.#sandbox.kubeconfig);
  }

  #get(name: string): StoredObject {
    const object = this.find(name);
    if (object === undefined) throw new Error(`there is no remediation ${name}`);
    return object;
  }

  #commit(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: StoredObject): void {
    const key = keyOf(NAMESPACE, object.metadata.name);
    this.sandbox.store.commit({ type, collection: COLLECTION, key, object });
  }
}

const COLLECTION = collectionOf({ group: 'kubernaut.ai', plural: 'remediationrequests' });
