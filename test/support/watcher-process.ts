import { readdirSync } from 'node:fs';

import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';
import { PLAIN_REMEDIATION } from './watcher-kinds.ts';
import { FAST } from './watcher-timing.ts';

/** What a watcher holds at a moment at which nothing is left to be collected. */
export interface Held {
  readonly heapBytes: number;
  /** Files and connections. */
  readonly descriptors: number;
}

/**
 * A watcher in a process of its own, so that its memory and its descriptors are nobody else's; it needs `--expose-gc`.
 * Argument: a kubeconfig. Answers each message with what it holds.
 */
const [kubeconfig = ''] = process.argv.slice(2);
const collectGarbage = globalThis.gc;
if (collectGarbage === undefined) throw new Error('cannot measure the heap: start node with --expose-gc');

startWatcher({
  ...{ cluster: 'test', namespaces: [], kinds: [PLAIN_REMEDIATION], listPageSize: 500, signalConcurrency: 8 },
  connection: connectCluster({ kubeconfig, context: '' }),
  signals: { send: () => Promise.resolve('run') },
  redactor: createRedactor(),
  timing: { ...FAST, requestMs: 60_000, inactivityMs: 60_000, longestBackoffMs: 5 },
  logger: createLogger('silent', 'test'),
  metrics: createMetrics().watcher,
});

process.on('message', () => {
  collectGarbage();
  const held: Held = {
    heapBytes: process.memoryUsage().heapUsed,
    descriptors: readdirSync('/dev/fd').length,
  };
  process.send?.(held);
});
