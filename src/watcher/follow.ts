import { setTimeout as delay } from 'node:timers/promises';

import type { JsonObject } from '../domain/json.ts';
import { textAt } from '../kubernaut/resource.ts';
import type { ClusterConnection } from '../kubernetes/cluster-connection.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import { HTTP_GONE, KubernetesApiError } from './api-error.ts';
import { listPages } from './list.ts';
import { watchEvents, WatchSilentError } from './watch.ts';
import type { WatchedKind } from './watched-kind.ts';
import { collectionPath } from './watched-kind.ts';

const MAX_BACKOFF_MS = 30_000;

export interface FollowOptions {
  readonly kind: WatchedKind;
  /** Empty for all namespaces. */
  readonly namespace: string;
  readonly connection: ClusterConnection;
  readonly listPageSize: number;
  readonly watchTimeoutSeconds: number;
  readonly inactivitySeconds: number;
  /** First pause after a failure; doubles up to 30 s. */
  readonly backoffMs: number;
  /** Called for every state of every object, one at a time; resolves when the state is durable elsewhere. */
  readonly observe: (resource: JsonObject) => Promise<void>;
  /** Called when an object is gone, after its last state was observed. */
  readonly deleted: (resource: JsonObject) => void;
  /** Called after every complete list. */
  readonly listed: () => void;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Follows one kind for as long as the signal allows: list, watch from the list's version, list again when the version is
 * gone. Servers close, reset and starve watches as a matter of course; only the signal ends this loop.
 */
export async function follow(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const path = collectionPath(options.kind, options.namespace);
  let version = '';
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (version === '') version = await listAll(options, path, signal);
      version = await watchOnce(options, path, version, signal);
      failures = 0;
    } catch (error: unknown) {
      if (isStopped(signal)) return;
      if (error instanceof KubernetesApiError && error.status === HTTP_GONE) version = '';
      failures += 1;
      report(options, error);
      await pause(options.backoffMs, failures, signal);
    }
  }
}

async function listAll(options: FollowOptions, path: string, signal: AbortSignal): Promise<string> {
  let version = '';
  for await (const page of listPages(options.connection, path, options.listPageSize, signal)) {
    version = page.resourceVersion;
    for (const item of page.items) await options.observe({ kind: options.kind.kind, ...item });
  }
  options.metrics.lastGoodList.set({ kind: options.kind.kind }, Date.now() / 1_000);
  options.listed();
  return version;
}

/** Returns the version to go on from. */
async function watchOnce(
  options: FollowOptions,
  path: string,
  from: string,
  signal: AbortSignal,
): Promise<string> {
  let version = from;
  const events = watchEvents({
    connection: options.connection,
    path,
    resourceVersion: from,
    timeoutSeconds: options.watchTimeoutSeconds,
    inactivityMs: options.inactivitySeconds * 1_000,
    signal,
  });
  for await (const event of events) {
    if (event.type === 'BOOKMARK') {
      version = event.resourceVersion;
      continue;
    }
    // A deleted object carries its last state, which may be the only sight of it.
    await options.observe(event.object);
    if (event.type === 'DELETED') options.deleted(event.object);
    version = textAt(event.object, 'metadata.resourceVersion') ?? version;
  }
  options.metrics.watchEnds.inc({ kind: options.kind.kind, cause: 'closed' });
  return version;
}

function report({ kind, logger, metrics }: FollowOptions, error: unknown): void {
  metrics.watchEnds.inc({ kind: kind.kind, cause: causeOf(error) });
  const reason = error instanceof Error ? error.message : String(error);
  logger.warn({ kind: kind.kind, reason }, 'the watch was interrupted and starts again');
}

function causeOf(error: unknown): string {
  if (error instanceof KubernetesApiError) return String(error.status);
  return error instanceof WatchSilentError ? 'silent' : 'connection';
}

/** A function, because the compiler believes that a signal tested once does not change. */
function isStopped(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function pause(backoffMs: number, failures: number, signal: AbortSignal): Promise<void> {
  const limit = Math.min(backoffMs * 2 ** (failures - 1), MAX_BACKOFF_MS);
  const jittered = limit * (0.5 + Math.random() / 2);
  // An abort ends the pause early; the loop then looks at the signal.
  await delay(jittered, undefined, { signal }).catch(() => undefined);
}
