import type { Config } from '../config/config.ts';

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
