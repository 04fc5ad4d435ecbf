import { setTimeout as delay } from 'node:timers/promises';

import { readConfig } from '../../src/config/config.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';

/** What a watcher has sent, and what it holds when nothing is left to be collected. */
export interface Relisted {
  readonly signals: number;
  readonly remediations: number;
  /** Resources of which something was sent. */
  readonly resources: number;
  readonly heapBytes: number;
  readonly isSynced: boolean;
}

/** Longer than Temporal takes on a machine of its own, so that what is read waits here. */
const SIGNAL_MS = 5;

/**
 * A watcher of all kinds, with the settings of life, in a process of its own; it needs `--expose-gc`. Argument: a
 * kubeconfig. Answers each message with what it has sent and holds.
 */
const [kubeconfig = ''] = process.argv.slice(2);
const collectGarbage = globalThis.gc;
if (collectGarbage === undefined) throw new Error('cannot measure the heap: start node with --expose-gc');

let signals = 0;
const remediations = new Set<string>();
const resources = new Set<string>();
const { timing, listPageSize, signalConcurrency } = readConfig({
  DATABASE_URL: 'postgres://nobody@127.0.0.1/nothing',
}).watcher;

const watcher = startWatcher({
  ...{ cluster: 'test', namespaces: [], timing, listPageSize, signalConcurrency },
  connection: connectCluster({ kubeconfig, context: '' }),
  signals: {
    send: async ({ remediation, observations }) => {
      await delay(SIGNAL_MS);
      signals += 1;
      remediations.add(remediation.uid);
      for (const { resource } of observations) if (resource !== undefined) resources.add(resource.uid);
      return 'run';
    },
  },
  redactor: createRedactor(),
  logger: createLogger('silent', 'test'),
  metrics: createMetrics().watcher,
});

process.on('message', () => {
  collectGarbage();
  const relisted: Relisted = {
    signals,
    remediations: remediations.size,
    resources: resources.size,
    heapBytes: process.memoryUsage().heapUsed,
    isSynced: watcher.isSynced(),
  };
  process.send?.(relisted);
});
