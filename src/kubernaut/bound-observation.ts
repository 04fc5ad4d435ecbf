import { utf8Length } from '../domain/bounds.ts';
import type { HashText } from '../domain/cut.ts';
import { ColumnsCut } from '../domain/cut.ts';
import { MAX_IDENTIFIER_LENGTH, MAX_WATCHED_OBSERVATION_BYTES } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import { columnsByName } from '../domain/records/definition.ts';
import { definitionOf } from '../domain/records/index.ts';

/** What the room of its columns is reduced to when the observation is still too large: their JSON is escaped once more in it. */
const LESS_ROOM = 0.8;

/** Characters that may be recorded of a state besides twice its resource: names and hashes, however small that is. */
const FREE_CHARACTERS = 4 * 1024;

/** Of UTF-8, for one unit of UTF-16. */
const MOST_BYTES_OF_CHARACTER = 3;

/**
 * An observation that is no larger than may travel. Its largest texts and lists are cut until it fits; each says how much is
 * missing and the hash of the whole. Deterministic: the same state gives the same observation. What identifies is never cut.
 */
export function boundObservation<O extends Observation>(observation: O, hash: HashText): O {
  const bounded = new TravellingCut(observation, hash).fit();
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
  const most = 2 * resourceCharacters + FREE_CHARACTERS;
  if (areSmall(observations, most)) return observations;
  const cuts = observations.map((one) => new TravellingCut(one, hash));
  let bounded = cuts.map((one) => one.fit());
  for (
    let room = MAX_WATCHED_OBSERVATION_BYTES * LESS_ROOM;
    room >= MAX_IDENTIFIER_LENGTH && charactersOf(bounded) > most;
    room *= LESS_ROOM
  )
    bounded = cuts.map((one) => one.fit(room));
  return bounded;
}

/** What a large observation is cut by, in several rounds. */
class TravellingCut<O extends Observation> {
  readonly #observation: O;
  readonly #hash: HashText;
  #columns: ColumnsCut | undefined;

  constructor(observation: O, hash: HashText) {
    this.#observation = observation;
    this.#hash = hash;
  }

  /** Cut to that room, and to less until it may travel. Undefined when its identifiers have none. */
  fit(room = MAX_WATCHED_OBSERVATION_BYTES): O | undefined {
    let bounded = room < MAX_WATCHED_OBSERVATION_BYTES ? this.#cut(room) : this.#observation;
    // Each round cuts the observation as it came, not what the last round left: the result depends on the room alone.
    for (let bytes = room; isTooLarge(bounded); bytes *= LESS_ROOM) {
      if (bytes < MAX_IDENTIFIER_LENGTH) return undefined;
      bounded = this.#cut(bytes);
    }
    return bounded;
  }

  #cut(bytes: number): O {
    const { table, columns } = this.#observation;
    // Nearly all observations are small, and need none.
    this.#columns ??= new ColumnsCut(definitionOf(table), columns, this.#hash);
    return { ...this.#observation, columns: this.#columns.fit(Math.floor(bytes)).columns };
  }
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

/** Identifiers alone are larger than an observation may be: no resource that an API server accepts has such names. */
class UnboundedObservationError extends Error {
  constructor({ table, resource }: Observation) {
    super(
      `cannot cut the observation of ${resource?.kind ?? 'a resource'} ${resource?.uid ?? ''} for ${table} to ${MAX_WATCHED_OBSERVATION_BYTES} bytes: its identifiers alone are larger; look at its names`,
    );
    this.name = 'UnboundedObservationError';
  }
}

/** Whether their length alone shows that nothing is to be cut: nearly all are far below both bounds. */
function areSmall(observations: readonly Observation[], mostCharacters: number): boolean {
  const lengths = observations.map((one) => JSON.stringify(one).length);
  const characters = lengths.reduce((sum, length) => sum + length, 0);
  const mostLength = MAX_WATCHED_OBSERVATION_BYTES / MOST_BYTES_OF_CHARACTER;
  return characters <= mostCharacters && lengths.every((length) => length <= mostLength);
}

function isTooLarge(observation: Observation): boolean {
  return utf8Length(JSON.stringify(observation)) > MAX_WATCHED_OBSERVATION_BYTES;
}
