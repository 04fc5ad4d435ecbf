import type { Generation } from '../../dev/simulator/generations.ts';
import type { WatchedState } from '../../dev/simulator/states.ts';
import { statesOf } from '../../dev/simulator/states.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import type { Observation } from '../../src/domain/observation.ts';
import type { KubernautKind } from '../../src/kubernaut/kind.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import { textAt } from '../../src/kubernaut/resource.ts';
import { readable } from './readings.ts';

/** Later than everything in a story. */
const SEEN_AT = '2026-09-05T00:00:00.000000Z';

/**
 * All that the states of one simulated remediation say, as a watcher that misses none of them would send it. The cluster
 * is named after the generation, whose remediations have the uids of others'.
 */
export function observationsOf(
  branch: Branch,
  generation: Generation,
  seed: number,
): { readonly uid: string; readonly observations: readonly Observation[] } {
  const states = statesOf(branch, generation, seed);
  const uid = uidIn(states);
  return { uid, observations: observationsOfEach(states, generation).flat() };
}

/** What each of the states says, in their order. */
export function observationsOfEach(
  states: readonly WatchedState[],
  cluster: string,
): readonly (readonly Observation[])[] {
  const uid = uidIn(states);
  const context = { cluster, epoch: 0n, observedAt: SEEN_AT, remediationUid: () => uid };
  return states.map((state) => observationsOfState(state, context));
}

function uidIn(states: readonly WatchedState[]): string {
  const request = states.find(({ object }) => object['kind'] === 'RemediationRequest');
  const uid = textAt(request?.object, 'metadata.uid');
  if (uid === undefined) throw new Error('no remediation in these states');
  return uid;
}

function observationsOfState(
  { type, object }: WatchedState,
  context: Parameters<KubernautKind['read']>[1],
): readonly Observation[] {
  const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === object['kind']);
  if (kind === undefined) throw new Error(`${textAt(object, 'kind') ?? 'nothing'} is not read`);
  const { observations: seen, remediation } = readable(kind.read(object, context));
  if (type !== 'DELETED') return seen;
  const text = (path: string): string => textAt(object, `metadata.${path}`) ?? '';
  const gone = {
    namespace: text('namespace'),
    name: text('name'),
    uid: text('uid'),
    sourceVersion: text('resourceVersion'),
    createdAt: seen[0]?.createdAt ?? SEEN_AT,
    deletedAt: SEEN_AT,
    lastState: object,
    remediation,
  };
  return [...seen, ...readable(kind.readDeletion(gone, context)).observations];
}
