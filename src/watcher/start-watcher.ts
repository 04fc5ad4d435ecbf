import { setTimeout as delay } from 'node:timers/promises';

import { EndingError } from '../domain/errors.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';
import { ClusterWatcher } from './cluster-watcher.ts';
import type { RunningWatcher, WatcherOptions } from './watcher-options.ts';

/** From one cluster to Temporal. */
export function startWatcher(options: WatcherOptions): RunningWatcher {
  const watcher = new ClusterWatcher({ kinds: KUBERNAUT_KINDS, random: Math.random, ...options });
  const stopping = new AbortController();
  const ended = watcher.run(stopping.signal);
  return {
    isSynced: () => watcher.isSynced,
    silentMs: () => watcher.silentMs(),
    completeness: () => watcher.completeness(),
    ended,
    async stop() {
      stopping.abort();
      // `ended` rejects with what ended it; here it only has to be over.
      await ended.catch(() => undefined);
    },
  };
}

const LEAST_CHECK_MS = 1_000;

/** No cluster answered for so long that only a new start may help. */
class ClusterSilentError extends EndingError {
  readonly ending = 'clusterSilent';

  constructor(seconds: number) {
    super(
      `no cluster answered a list or a watch for ${seconds} s; check that the API server is there and that the service account may list and watch`,
    );
    this.name = 'ClusterSilentError';
  }
}

/** Rejects when all clusters have been silent for so long; returns when the signal ends it. */
export async function failOnSilence(
  watchers: readonly RunningWatcher[],
  silenceSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const silenceMs = silenceSeconds * 1_000;
  while (!signal.aborted) {
    if (watchers.every((watcher) => watcher.silentMs() > silenceMs))
      throw new ClusterSilentError(silenceSeconds);
    await delay(Math.min(LEAST_CHECK_MS, silenceMs / 2), undefined, { signal }).catch(() => undefined);
  }
}
