import { monitorEventLoopDelay } from 'node:perf_hooks';

import { HOUR_MS, MINUTE_MS } from '../src/domain/time.ts';
import { KUBERNAUT_KINDS } from '../src/kubernaut/kinds.ts';
import type { ClusterConnection } from '../src/kubernetes/cluster-connection.ts';
import { connectCluster } from '../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../src/observability/logger.ts';
import { createMetrics } from '../src/observability/metrics.ts';
import { createRedactor } from '../src/redaction/redactor.ts';
import { startWatcher } from '../src/watcher/start-watcher.ts';
import { KindObserver } from '../src/watcher/state/kind-observer.ts';
import { readCompleteList } from '../src/watcher/stream/list.ts';
import type { WatchedKind } from '../src/watcher/watched-kind.ts';
import { collectionsOf } from '../src/watcher/watched-kind.ts';
import { FAST } from '../test/support/watcher-timing.ts';
import { peakResidentBytes } from './process-memory.ts';

/** What the parent asks this process to do; it has one of its own so that its memory and its stalls are the watcher's. */
export type WatchTask =
  | 'list'
  | 'send'
  /** Sends everything and goes on watching. */
  | 'follow'
  /** Until this version was sent. */
  | { readonly until: string };

export interface WatchMeasures {
  readonly seconds: number;
  /** Of this process, in seconds. */
  readonly processorSeconds: number;
  readonly longestBlockMs: number;
  readonly peakBytes: number;
}

const NS_PER_MS = 1_000_000;
const US_PER_SECOND = 1_000_000;
const PAGE_SIZE = 500;
/** What is done again and again must not be done a thousand times as often as in life. */
const AS_IN_A_CLUSTER = {
  ...{ inactivityMs: HOUR_MS, requestMs: HOUR_MS, reconcileMs: HOUR_MS },
  ...{ probeMs: MINUTE_MS, coalesceMs: MINUTE_MS, lostRunsMs: MINUTE_MS, reconcileGraceMs: MINUTE_MS },
};
const DELAY_RESOLUTION_MS = 1;

const [kubeconfig = '', resources = '0'] = process.argv.slice(2);
const connection = connectCluster({ kubeconfig, context: '' });
const executions = KUBERNAUT_KINDS.filter(({ kind }) => kind === 'WorkflowExecution');

process.on('message', (task: WatchTask) => {
  void measure(() => perform(task)).then((measures) => process.send?.(measures));
});

/** What is followed: the newest version that was sent, and who waits for one. */
const followed = { version: 0n, arrived: (): void => undefined };

async function perform(task: WatchTask): Promise<void> {
  if (task === 'list') await list();
  else if (task === 'send') await (await follow()).stop();
  else if (task === 'follow') await follow();
  else
    while (followed.version < BigInt(task.until))
      await new Promise<void>((resolve) => (followed.arrived = resolve));
}

async function measure(work: () => Promise<void>): Promise<WatchMeasures> {
  const delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });
  delays.enable();
  const [startedAt, startedWith] = [performance.now(), process.cpuUsage()];
  await work();
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(startedWith);
  delays.disable();
  return {
    seconds,
    processorSeconds: (user + system) / US_PER_SECOND,
    longestBlockMs: delays.max / NS_PER_MS,
    // Not what getrusage says: that counts what the parent had when it forked.
    peakBytes: await peakResidentBytes(process.pid),
  };
}

/** Lists and projects, and keeps nothing back for Temporal. */
async function list(): Promise<void> {
  const [kind] = executions;
  if (kind === undefined) throw new Error('there is no kind to list');
  const observer = new KindObserver({
    kind,
    cluster: 'bench',
    known: {
      epoch: 0n,
      uidOfRemediation: () => undefined,
      createdAtOf: () => undefined,
      choiceOf: () => undefined,
    },
    dispatcher: { offer: () => undefined },
    report: { unread: failUnread, read: () => undefined, gone: () => undefined, leftHeld: () => undefined },
    now: Date.now,
  });
  const [collection] = collectionsOf(kind, []);
  if (collection === undefined) throw new Error('the kind is served nowhere');
  const { listed } = await readCompleteList(
    { ...listOptions(observer, connection), collection },
    new AbortController().signal,
  );
  if (listed.size !== Number(resources)) throw new Error(`listed ${listed.size} of ${resources} resources`);
}

/** The whole way, to a Temporal that answers at once; until each resource was sent. */
async function follow(): Promise<ReturnType<typeof startWatcher>> {
  const sent = new Set<string>();
  let runs = 0;
  const kinds: readonly WatchedKind[] = executions;
  const all = Promise.withResolvers<undefined>();
  const watcher = startWatcher({
    ...{ cluster: 'bench', namespaces: [], connection, kinds, listPageSize: PAGE_SIZE, signalConcurrency: 8 },
    signals: {
      send: ({ observations }) => {
        for (const { resource, sourceVersion } of observations) {
          sent.add(resource?.uid ?? '');
          if (BigInt(sourceVersion) > followed.version) followed.version = BigInt(sourceVersion);
        }
        followed.arrived();
        if (sent.size === Number(resources)) all.resolve(undefined);
        // Each remediation has a run of its own.
        return Promise.resolve(`${String((runs += 1)).padStart(8, '0')}-1a2b-4c3d-8e4f-000000000000`);
      },
    },
    redactor: createRedactor(),
    timing: { ...FAST, ...AS_IN_A_CLUSTER },
    logger: createLogger('error', 'bench'),
    metrics: createMetrics().watcher,
  });
  await all.promise;
  return watcher;
}

function listOptions(observer: KindObserver, to: ClusterConnection) {
  return {
    connection: to,
    observer,
    pageSize: PAGE_SIZE,
    deadlineMs: MINUTE_MS,
    notOlderThan: 0n,
    dispatcher: { waitForRoom: () => Promise.resolve() },
    events: { answered: () => undefined },
  };
}

function failUnread(kind: string, reason: string): never {
  throw new Error(`a ${kind} of the bench cannot be read: ${reason}`);
}
