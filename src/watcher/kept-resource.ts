import type { Observation } from '../domain/observation.ts';
import type { GoneResource } from '../kubernaut/kinds.ts';
import type { ReadingContext, ResourceReading, Unread } from '../kubernaut/observed-remediation.ts';
import { isUnread } from '../kubernaut/observed-remediation.ts';
import type { WatchedKind } from './watched-kind.ts';

/**
 * What a deleted resource says that strict mode keeps: its last state and its end, as one. Told one after the other they
 * would take turns in saying what the other has changed, at every sight of it.
 */
export function readKeptResource(
  kind: WatchedKind,
  gone: GoneResource,
  context: ReadingContext,
): ResourceReading | Unread {
  const deletion = kind.readDeletion(gone, context);
  const state = gone.lastState === undefined ? deletion : kind.read(gone.lastState, context);
  if (isUnread(state) || isUnread(deletion)) return deletion;
  const told = new Set(deletion.observations.map(placeOf));
  const rest = state.observations.filter((observation) => !told.has(placeOf(observation)));
  return { ...state, observations: [...rest, ...deletion.observations] };
}

const placeOf = ({ table, key, phase }: Observation): string => `${table} ${key} ${phase}`;
