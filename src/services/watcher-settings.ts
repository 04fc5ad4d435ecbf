import type { Config } from '../config/config.ts';
import { KUBERNAUT_KINDS } from '../kubernaut/kinds.ts';
import type { StrictMode } from '../watcher/watcher-options.ts';

const ALL = 'all';
const KNOWN: readonly string[] = KUBERNAUT_KINDS.map(({ kind }) => kind);

/**
 * What the watcher holds in the cluster until Temporal has it; undefined when it only reads. `all` stands for
 * every kind of kubernaut/kinds.ts, so it grows with them.
 */
export function strictModeOf({ watcher: { strict } }: Pick<Config, 'watcher'>): StrictMode | undefined {
  if (strict.kinds.length === 0) return undefined;
  return strict.kinds.includes(ALL) ? { ...strict, kinds: KNOWN } : strict;
}

/**
 * A kind that does not exist is refused before the start: strict mode would hold nothing of it, in silence.
 */
export function strictKindProblems({ watcher: { strict } }: Pick<Config, 'watcher'>): readonly string[] {
  const unknown = strict.kinds.filter((kind) => kind !== ALL && !KNOWN.includes(kind));
  if (unknown.length === 0) return [];
  return [
    `REMEDIATION_AUDIT_STRICT_KINDS has ${unknown.join(', ')}; the kinds are ${KNOWN.join(', ')}, or \`${ALL}\``,
  ];
}

interface WatchedCluster {
  /** Part of every record and workflow id. */
  readonly cluster: string;
  /** Context within the kubeconfig; empty for its current one. */
  readonly context: string;
}

/** The clusters that one watcher follows: those that are listed as `name=context`, else the one that has a name of its own. */
export function watchedClusters({ watcher, kubernetes }: Config): readonly WatchedCluster[] {
  if (watcher.clusters.length > 0) return watcher.clusters;
  return [{ cluster: watcher.cluster, context: kubernetes.context }];
}
