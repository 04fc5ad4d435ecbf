import { ClusterAccessError } from '../../src/kubernetes/cluster-connection.ts';
import type { Kind } from '../sandbox/kinds.ts';
import { groupResource, groupVersion, KUBERNAUT_KINDS } from '../sandbox/kinds.ts';
import type { ClusterClient } from './cluster-client.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import { listObjects } from './cluster-objects.ts';
import type { Generation } from './generations.ts';
import { KIND_CODES, kindIn } from './generations.ts';
import { SIMULATED_LABEL } from './labels.ts';
import type { Clock, PlayedObject } from './situation.ts';

/** Where G3 and G2 live, where G1 does, and where G0 does. */
const SWEPT: readonly Generation[] = ['G3', 'G1', 'G0'];

interface Sweeping {
  objects: ClusterObjects;
  clock: Clock;
  /** Names of the remediations that are being played. */
  playing: ReadonlySet<string>;
}

/**
 * Deletes simulated remediations whose retention is over, those that an earlier run left unfinished for as long, and
 * children whose owner is gone: where no garbage collector follows the owner references, nobody else takes them along.
 * Answers the uids of the remediations.
 */
export async function sweep(sweeping: Sweeping): Promise<string[]> {
  const deleted: string[] = [];
  for (const generation of SWEPT) {
    const kinds = KIND_CODES.flatMap((code) => kindIn(generation, code) ?? []);
    deleted.push(...(await sweepKinds(kinds, sweeping)));
  }
  return deleted;
}

/** Of kinds in an order in which owners come before what they own. */
async function sweepKinds(kinds: readonly Kind[], sweeping: Sweeping): Promise<string[]> {
  const found = new Map<Kind, PlayedObject[]>();
  // What is owned is listed before its owners, so that no owner is younger than the list it would be missing in.
  for (const kind of kinds.toReversed()) {
    found.set(kind, (await sweeping.objects.list(kind)).filter(isSimulated));
  }
  const kept = new Set<string>();
  const remediations: string[] = [];
  for (const kind of kinds) {
    for (const object of found.get(kind) ?? []) {
      const isRemediation = kind === kinds[0];
      if (isRemediation ? !isDue(object, sweeping) : kept.has(ownerOf(object))) {
        kept.add(object.metadata.uid);
        continue;
      }
      await sweeping.objects.delete(kind, object);
      if (isRemediation) remediations.push(object.metadata.uid);
    }
  }
  return remediations;
}

/** As many at once as a namespace controller and a garbage collector delete. */
const DELETIONS_AT_ONCE = 20;

/**
 * What the deletion of a namespace does to remediations: every kind is emptied, all of it at once and in no order of
 * owners, ended or not. Answers the uids of the remediations.
 */
export async function deleteAll(objects: ClusterObjects): Promise<string[]> {
  const remediations: string[] = [];
  for (const generation of SWEPT) {
    const kinds = KIND_CODES.flatMap((code) => kindIn(generation, code) ?? []);
    for (const kind of kinds) {
      const found = (await objects.list(kind)).filter(isSimulated);
      if (kind === kinds[0]) remediations.push(...found.map(({ metadata }) => metadata.uid));
      await deleteEach(objects, kind, found);
    }
  }
  return remediations;
}

async function deleteEach(
  objects: ClusterObjects,
  kind: Kind,
  found: readonly PlayedObject[],
): Promise<void> {
  const left = [...found];
  const line = async (): Promise<void> => {
    for (let object = left.pop(); object !== undefined; object = left.pop())
      await objects.delete(kind, object);
  };
  await Promise.all(Array.from({ length: DELETIONS_AT_ONCE }, line));
}

const isSimulated = ({ metadata }: PlayedObject): boolean => metadata.labels?.[SIMULATED_LABEL] !== undefined;

const ownerOf = ({ metadata }: PlayedObject): string => metadata.ownerReferences?.[0]?.uid ?? '';

function isDue({ metadata, status }: PlayedObject, { clock, playing }: Sweeping): boolean {
  if (playing.has(metadata.name)) return false;
  const expiry = status?.['retentionExpiryTime'];
  const due =
    typeof expiry === 'string'
      ? Date.parse(expiry)
      : Date.parse(metadata.creationTimestamp) + clock.retentionMs;
  return clock.now() >= due;
}

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
