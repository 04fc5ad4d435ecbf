import { ClusterAccessError } from '../../src/kubernetes/cluster-connection.ts';
import { groupResource, groupVersion, KUBERNAUT_KINDS } from '../sandbox/kinds.ts';
import type { ClusterClient } from './cluster-client.ts';
import { listObjects } from './cluster-objects.ts';
import { isSimulated } from './sweep.ts';

/**
 * Refuses a cluster in which somebody else's remediations are, in whatever namespace: among them a play would be taken
 * for real, by people and by the controllers that act on such resources.
 */
export async function refuseForeignCluster(client: ClusterClient): Promise<void> {
  for (const kind of KUBERNAUT_KINDS) {
    const objects = await listObjects(client, kind, `/apis/${groupVersion(kind)}/${kind.plural}`);
    const foreign = objects.find((object) => !isSimulated(object));
    if (foreign === undefined) continue;
    const { namespace, name } = foreign.metadata;
    throw new ClusterAccessError(
      `the cluster holds ${groupResource(kind)} ${namespace}/${name}, which no simulator made; simulate only in a cluster of its own`,
    );
  }
}
