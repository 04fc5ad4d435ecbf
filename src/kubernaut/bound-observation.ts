import { utf8Length } from '../domain/bounds.ts';
import type { HashText } from '../domain/cut.ts';
import { fitColumns } from '../domain/cut.ts';
import { MAX_IDENTIFIER_LENGTH, MAX_WATCHED_OBSERVATION_BYTES } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import { columnsByName } from '../domain/records/definition.ts';
import { definitionOf } from '../domain/records/index.ts';

/** What the room of its columns is reduced to when the observation is still too large: their JSON is escaped once more in it. */
const LESS_ROOM = 0.8;

/** Characters that may be recorded of a state besides twice its resource: names and hashes, however small that is. */
const FREE_CHARACTERS = 4 * 1024;

/**
 * An observation that is no larger than may travel. Its largest texts and lists are cut until it fits; each says how much is
 * missing and the hash of the whole. Deterministic: the same state gives the same observation. What identifies is never cut.
 */
export function boundObservation<O extends Observation>(observation: O, hash: HashText): O {
  // Every round hashes the same texts again, and a large resource takes several rounds.
  const bounded = cutToTravel(observation, remembering(hash));
  if (bounded === undefined) throw new UnboundedObservationError(observation);
  return bounded;
}

/**
 * The observations of one state, each no larger than may travel, and in all at most twice as long as the resource: several
 * columns may say what one field does, and a placeholder is longer than a short secret. Undefined stands for one whose
 * identifiers alone are too large.
 */
export function boundState<O extends Observation>(
  observations: readonly O[],
  resourceCharacters: number,
  hash: HashText,
): readonly (O | undefined)[] {
  const remembered = remembering(hash);
  const most = 2 * resourceCharacters + FREE_CHARACTERS;
  let bounded = observations.map((one) => cutToTravel(one, remembered));
  for (
    let room = MAX_WATCHED_OBSERVATION_BYTES * LESS_ROOM;
    room >= MAX_IDENTIFIER_LENGTH && charactersOf(bounded) > most;
    room *= LESS_ROOM
  )
    bounded = observations.map((one) => cutToTravel(one, remembered, room));
  return bounded;
}

/** Cut to that room, and to less until it may travel. Undefined when its identifiers have none. */
function cutToTravel<O extends Observation>(
  observation: O,
  hash: HashText,
  room = MAX_WATCHED_OBSERVATION_BYTES,
): O | undefined {
  const definition = definitionOf(observation.table);
  const cut = (bytes: number): O => ({
    ...observation,
    columns: fitColumns(definition, observation.columns, Math.floor(bytes), hash).columns,
  });
  let bounded = room < MAX_WATCHED_OBSERVATION_BYTES ? cut(room) : observation;
  // Each round cuts the observation as it came, not what the last round left: the result depends on the room alone.
  for (let bytes = room; isTooLarge(bounded); bytes *= LESS_ROOM) {
    if (bytes < MAX_IDENTIFIER_LENGTH) return undefined;
    bounded = cut(bytes);
  }
  return bounded;
}

/** Of all columns, as they stand in the ledger. */
function charactersOf(observations: readonly (Observation | undefined)[]): number {
  let sum = 0;
  for (const observation of observations) {
    if (observation === undefined) continue;
    const known = columnsByName(definitionOf(observation.table));
    for (const [name, value] of Object.entries(observation.columns))
      sum += known.get(name)?.type === 'jsonb' ? String(value).length : JSON.stringify(value).length;
  }
  return sum;
}

/** A hash function that computes each text once. It lives as long as one observation. */
function remembering(hash: HashText): HashText {
  const known = new Map<string, string>();
  return (text) => {
    const hashed = known.get(text) ?? hash(text);
    known.set(text, hashed);
    return hashed;
  };
}

/** Identifiers alone are larger than an observation may be: no resource that an API server accepts has such names. */
class UnboundedObservationError extends Error {
  constructor({ table, resource }: Observation) {
    super(
      `cannot cut the observation of ${resource?.kind ?? 'a resource'} ${resource?.uid ?? ''} for ${table} to ${MAX_WATCHED_OBSERVATION_BYTES} bytes: its identifiers alone are larger; look at its names`,
    );
    this.name = 'UnboundedObservationError';
  }
}

function isTooLarge(observation: Observation): boolean {
  return utf8Length(JSON.stringify(observation)) > MAX_WATCHED_OBSERVATION_BYTES;
}
