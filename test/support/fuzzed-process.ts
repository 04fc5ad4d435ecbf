import { monitorEventLoopDelay } from 'node:perf_hooks';

import { startApi } from '../../src/api/http/server.ts';
import { createPool } from '../../src/database/pool.ts';
import { connectCluster } from '../../src/kubernetes/cluster-connection.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRedactor } from '../../src/redaction/redactor.ts';
import { startWatcher } from '../../src/watcher/start-watcher.ts';
import type { RunningWatcher } from '../../src/watcher/watcher-options.ts';
import { testApiOptions } from './api.ts';
import { slownessOfMachine } from './machine-speed.ts';
import { FAST } from './watcher-timing.ts';

/**
 * The service and a watcher in a process of their own, so that nothing blocks its event loop but what they do themselves.
 * Arguments: URL of the database, a kubeconfig. It answers each request with what it asks for, and sends without being asked
 * what the watcher hands to Temporal.
 */
export type FuzzedRequest = 'begin' | 'end' | 'restart';
export type FuzzedMessage =
  | { readonly url: string; readonly slowness: number }
  | { readonly done: FuzzedRequest; readonly blockedMs: number }
  | { readonly taken: readonly TakenState[] };

/** Of one resource, what one signal carries. */
export interface TakenState {
  readonly uid: string;
  readonly isDeletion: boolean;
  /** Characters of all columns. */
  readonly size: number;
}

const RESOLUTION_MS = 2;
const NANOSECONDS_PER_MS = 1e6;
const MICROSECONDS_PER_MS = 1e3;
const send = (message: FuzzedMessage): boolean | undefined => process.send?.(message);
const [databaseUrl = '', kubeconfig = ''] = process.argv.slice(2);
const logger = createLogger('silent', 'fuzz');
const pool = createPool({
  connectionString: databaseUrl,
  applicationName: 'fuzz',
  pipeline: true,
  statementTimeoutMs: 30_000,
  logger,
});
const watch = (): RunningWatcher =>
  startWatcher({
    ...{ cluster: 'test', namespaces: [], listPageSize: 100, signalConcurrency: 8, logger },
    connection: connectCluster({ kubeconfig, context: '' }),
    signals: {
      send({ observations }) {
        send({
          taken: observations.map(({ resource, columns }) => ({
            uid: resource?.uid ?? '',
            isDeletion: resource?.deletedAt !== undefined,
            size: Object.values(columns).reduce<number>((sum, value) => sum + String(value).length, 0),
          })),
        });
        return Promise.resolve('run');
      },
    },
    redactor: createRedactor(),
    timing: { ...FAST, requestMs: 60_000, inactivityMs: 60_000, longestBackoffMs: 20 },
    metrics: createMetrics().watcher,
  });

let watcher = watch();
const api = await startApi(testApiOptions({ writer: pool }, { logger }));
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delay.enable();

process.on('message', (request: FuzzedRequest) => {
  void answer(request).then((blockedMs) => send({ done: request, blockedMs }));
});
/** When the input began. */
let usedBefore = process.cpuUsage();

async function answer(request: FuzzedRequest): Promise<number> {
  if (request === 'begin') {
    delay.reset();
    usedBefore = process.cpuUsage();
  }
  if (request === 'restart') {
    await watcher.stop();
    watcher = watch();
  }
  const { user, system } = process.cpuUsage(usedBefore);
  // Our code blocks no longer than it computes; the rest of a delay is others' who had the processor.
  return Math.min(delay.max / NANOSECONDS_PER_MS, (user + system) / MICROSECONDS_PER_MS);
}
process.once('disconnect', () => process.exit());
send({
  url: api.url,
  slowness: slownessOfMachine(),
});
