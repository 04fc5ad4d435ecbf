import type { Config } from '../config.ts';
import { SettingsError } from '../settings.ts';

export interface WatchedCluster {
  /** Part of every record and workflow id. */
  readonly cluster: string;
  /** Context within the kubeconfig; empty for its current one. */
  readonly context: string;
}

/** The clusters that one watcher follows: those that are listed as `name=context`, else the one that has a name of its own. */
export function watchedClusters({ watcher, kubernetes }: Config): readonly WatchedCluster[] {
  if (watcher.clusters.length === 0) return [{ cluster: watcher.cluster, context: kubernetes.context }];
  const clusters = watcher.clusters.map((entry) => {
    const [, cluster = '', context = ''] = /^([^=]+)=(.+)$/.exec(entry) ?? [];
    if (cluster !== '') return { cluster, context };
    throw new SettingsError([`REMEDIATION_AUDIT_CLUSTERS has ${entry}; write it as name=context`]);
  });
  const names = new Set(clusters.map(({ cluster }) => cluster));
  if (names.size === clusters.length) return clusters;
  throw new SettingsError(['REMEDIATION_AUDIT_CLUSTERS names a cluster twice; each needs a name of its own']);
}
