import type { Generation } from '../../dev/simulator/generations.ts';
import type { WatchedState } from '../../dev/simulator/states.ts';
import { statesOf } from '../../dev/simulator/states.ts';
import type { Branch } from '../../dev/simulator/stories.ts';
import type { Observation } from '../../src/domain/observation.ts';
import { KUBERNAUT_KINDS } from '../../src/kubernaut/kinds.ts';
import type {
  ReadingContext,
  ResourceReading,
  SiblingName,
} from '../../src/kubernaut/observed-remediation.ts';
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
  const seen = new Map<string, ResourceReading>();
  const nameOf = ({ kind, name }: SiblingName): string => `${kind} ${name}`;
  const context: ReadingContext = {
    ...{ cluster, epoch: 0n, observedAt: SEEN_AT, remediationUid: () => uid },
    siblingCreatedAt: (sibling) => seen.get(nameOf(sibling))?.observations[0]?.createdAt,
    choiceOf: (analysis) => seen.get(nameOf(analysis))?.choice,
  };
  return states.map((state) => {
    const { kind, metadata } = state.object as { kind: string; metadata: { name: string } };
    const { reading, observations } = readState(state, context);
    if (READ_AS_SIBLINGS.includes(kind)) seen.set(`${kind} ${metadata.name}`, reading);
    return observations;
  });
}

function uidIn(states: readonly WatchedState[]): string {
  const request = states.find(({ object }) => object['kind'] === 'RemediationRequest');
  const uid = textAt(request?.object, 'metadata.uid');
  if (uid === undefined) throw new Error('no remediation in these states');
  return uid;
}

/** What others say of these is placed by when they were created. */
const READ_AS_SIBLINGS = ['AIAnalysis', 'WorkflowExecution'];

function readState(
  { type, object }: WatchedState,
  context: ReadingContext,
): { readonly reading: ResourceReading; readonly observations: readonly Observation[] } {
  const kind = KUBERNAUT_KINDS.find((candidate) => candidate.kind === object['kind']);
  if (kind === undefined) throw new Error(`${textAt(object, 'kind') ?? 'nothing'} is not read`);
  const reading = readable(kind.read(object, context));
  const { observations: seen, remediation } = reading;
  if (type !== 'DELETED') return { reading, observations: seen };
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
  return { reading, observations: [...seen, ...readable(kind.readDeletion(gone, context)).observations] };
}
