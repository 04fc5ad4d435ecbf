import { EndingError, reasonOf } from '../domain/errors.ts';
import { textAt } from '../kubernaut/resource.ts';
import type { Logger } from '../observability/logger.ts';
import { Backoff } from './pacing.ts';
import { startWatcher } from './start-watcher.ts';
import { getJson } from './stream/api-request.ts';
import { classifyFailure, HTTP, KubernetesApiError } from './stream/failure.ts';
import type { ObservedResources } from './watcher-options.ts';
import type { RunningWatcher, WatcherOptions } from './watcher-options.ts';

/** Every cluster has this namespace from its beginning to its end. */
export const IDENTITY_PATH = '/api/v1/namespaces/kube-system';
/** A cluster that was started a moment ago makes it within seconds; a server without it never does. */
const MOST_MISSING = 8;

/** Stores which cluster a name stands for. */
interface ClusterRegister {
  /** The identity recorded for this name: this one, unless another cluster had the name before. */
  register(cluster: string, identity: string): Promise<string>;
}

/** Another cluster than the one whose resources are recorded under this name. */
class ClusterIdentityError extends EndingError {
  readonly ending = 'configuration';

  constructor(cluster: string, server: string) {
    super(
      `the cluster at ${server} is not the one that was recorded as "${cluster}" so far: all resources of that one would count as deleted. ` +
        `Give this cluster a name of its own with REMEDIATION_AUDIT_CLUSTER, or, if it has replaced the other one for good, run: ` +
        `remediation-audit cluster replaced ${cluster}`,
    );
    this.name = 'ClusterIdentityError';
  }
}

export interface IdentifiedWatcherOptions extends WatcherOptions {
  readonly observed: ObservedResources;
  readonly register: ClusterRegister;
}

/**
 * A watcher that makes sure of its cluster first. Nothing is listed before the cluster has said which one it is, and the
 * record is not read, so that nothing counts as deleted, before the register has confirmed that.
 */
export function startIdentifiedWatcher(options: IdentifiedWatcherOptions): RunningWatcher {
  const stopping = new AbortController();
  const startedAt = performance.now();
  let watcher: RunningWatcher | undefined;
  const failed = Promise.withResolvers<never>();
  const run = async (): Promise<void> => {
    const identity = await readIdentity(options, stopping.signal);
    if (stopping.signal.aborted) return;
    const check = createCheck(options, identity);
    await check().catch((error: unknown) => {
      if (error instanceof ClusterIdentityError) throw error;
      // The watcher goes on without the database, and checks again before it reads from it.
      warn(options, error, 'cannot check in the database which cluster has this name');
    });
    // Stopped while the database was read: nobody would stop a watcher that began now.
    if (isAborted(stopping.signal)) return;
    watcher = startWatcher({ ...options, observed: onlyAfter(check, options.observed, failed.reject) });
    await watcher.ended;
  };
  const ended = Promise.race([run(), failed.promise]);
  // Whoever waits for `ended` learns of it; a stop before that must not end the process.
  ended.catch(() => undefined);
  return {
    isSynced: () => watcher?.isSynced() ?? false,
    completeness: () => watcher?.completeness() ?? nothingSeen(options.cluster),
    silentMs: () => watcher?.silentMs() ?? performance.now() - startedAt,
    ended,
    async stop() {
      stopping.abort();
      await watcher?.stop();
      await ended.catch(() => undefined);
    },
  };
}

function nothingSeen(cluster: string): ReturnType<RunningWatcher['completeness']> {
  return {
    ...{ cluster, kinds: [], gaps: [], gapCounts: {}, gapsLeftOut: 0 },
    leastRetentionSeconds: undefined,
  };
}

/** Reads until the cluster answers; undefined when it refuses for good. */
async function readIdentity(options: WatcherOptions, signal: AbortSignal): Promise<string | undefined> {
  const { connection, timing, random = Math.random } = options;
  const backoff = new Backoff({ firstMs: timing.backoffMs, longestMs: timing.longestBackoffMs, random });
  let missing = 0;
  while (!signal.aborted) {
    try {
      const operation = `get ${IDENTITY_PATH}`;
      const request = { connection, path: IDENTITY_PATH, operation, deadlineMs: timing.requestMs, signal };
      return textAt((await getJson(request)).body, 'metadata.uid');
    } catch (error: unknown) {
      if (isAborted(signal)) return undefined;
      const status = error instanceof KubernetesApiError ? error.status : undefined;
      if (status === HTTP.notFound) missing += 1;
      if (status === HTTP.forbidden || missing >= MOST_MISSING) {
        warn(
          options,
          error,
          'cannot read which cluster this is: another one under its name would go unnoticed',
        );
        return undefined;
      }
      const { cluster, metrics } = options;
      metrics.watchEnds.inc({ cluster, kind: 'Namespace', cause: classifyFailure(error).cause });
      warn(options, error, 'the cluster does not answer; trying again');
      if (status === HTTP.unauthorized) connection.reloadCredentials();
      await backoff.pause(undefined, signal);
    }
  }
  return undefined;
}

/** Once it has succeeded, the register is not read again. */
function createCheck(
  { cluster, connection, register }: IdentifiedWatcherOptions,
  identity: string | undefined,
): () => Promise<void> {
  let isConfirmed = identity === undefined;
  return async () => {
    if (isConfirmed || identity === undefined) return;
    const recorded = await register.register(cluster, identity);
    if (recorded !== identity) throw new ClusterIdentityError(cluster, connection.server);
    isConfirmed = true;
  };
}

function onlyAfter(
  check: () => Promise<void>,
  observed: ObservedResources,
  fail: (error: unknown) => void,
): ObservedResources {
  const confirmed = async (): Promise<void> => {
    await check().catch((error: unknown) => {
      if (error instanceof ClusterIdentityError) fail(error);
      throw error;
    });
  };
  return {
    async *openResources(cluster, kind) {
      await confirmed();
      yield* observed.openResources(cluster, kind);
    },
    async recordedEnds(cluster, uids) {
      await confirmed();
      return observed.recordedEnds(cluster, uids);
    },
    async recordedHashes(cluster, uids) {
      await confirmed();
      return observed.recordedHashes(cluster, uids);
    },
    async epoch(cluster) {
      await confirmed();
      return observed.epoch(cluster);
    },
  };
}

function warn(
  { cluster, logger }: { cluster: string; logger: Logger },
  error: unknown,
  message: string,
): void {
  logger.warn({ server: 'database', cluster, reason: reasonOf(error) }, message);
}

/** A function, because the compiler believes that a signal tested once does not change. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
