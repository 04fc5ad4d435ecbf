import { utf8Length } from '../domain/bounds.ts';
import type { JsonValue } from '../domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../domain/json.ts';
import { MAX_IDENTIFIER_LENGTH, MAX_WATCHED_OBSERVATION_BYTES } from '../domain/limits.ts';
import type { Observation } from '../domain/observation.ts';
import type { Column, Columns } from '../domain/records/definition.ts';
import { columnsByName } from '../domain/records/definition.ts';
import { definitionOf } from '../domain/records/index.ts';

/** SHA-256, in hex, of a text. Passed in: what reads resources stays free of Node. */
export type HashText = (text: string) => string;

/** Lists and objects may be this many times as long as a text: their members were cut before. */
const TEXTS_PER_CONTAINER = 4;

/** Characters that may be recorded of a state besides twice its resource: names and hashes, however small that is. */
const FREE_CHARACTERS = 4 * 1024;

/**
 * An observation that is no larger than may travel. Texts, and members of JSON, are cut from the largest down, until it
 * fits; each says how much is missing and the hash of the whole. Deterministic: the same state gives the same
 * observation. What identifies, and every text that short, is never cut; JSON stays canonical JSON.
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
    let limit = FIRST_LIMIT / 2;
    limit >= MAX_IDENTIFIER_LENGTH && charactersOf(bounded) > most;
    limit /= 2
  )
    bounded = observations.map((one) => cutToTravel(one, remembered, limit));
  return bounded;
}

/** What no observation has room for. */
const FIRST_LIMIT = MAX_WATCHED_OBSERVATION_BYTES;

/** Cut by the limit, and by lower ones until it may travel. Undefined when no limit is low enough. */
function cutToTravel<O extends Observation>(
  observation: O,
  hash: HashText,
  from = FIRST_LIMIT,
): O | undefined {
  let bounded =
    from < FIRST_LIMIT ? { ...observation, columns: cutColumns(observation, from, hash) } : observation;
  // Each round cuts the observation as it came, not what the last round left: the result depends on the limit alone.
  for (let limit = from; isTooLarge(bounded); limit /= 2) {
    if (limit < MAX_IDENTIFIER_LENGTH) return undefined;
    bounded = { ...observation, columns: cutColumns(observation, limit, hash) };
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

function cutColumns({ table, columns }: Observation, limit: number, hash: HashText): Columns {
  const known = columnsByName(definitionOf(table));
  const cut = { text: (text: string) => cutText(text, limit, hash), limit, hash };
  return Object.fromEntries(
    Object.entries(columns).map(([name, value]) => [name, cutColumn(known.get(name), value, cut)]),
  );
}

interface Cut {
  readonly text: (text: string) => string;
  readonly limit: number;
  readonly hash: HashText;
}

/**
 * Only texts and JSON grow. A number, an instant and an identifier are short by their type, and a cut one would be wrong.
 */
function cutColumn(column: Column | undefined, value: string | boolean, cut: Cut): string | boolean {
  if (typeof value === 'boolean' || value.length <= MAX_IDENTIFIER_LENGTH) return value;
  if (column?.type === 'jsonb') return canonicalJson(cutJson(parseJson(value), cut));
  return column?.type === 'text' && column.identifier !== true ? cut.text(value) : value;
}

function cutJson(value: JsonValue, cut: Cut): JsonValue {
  if (typeof value === 'string') return cut.text(value);
  if (Array.isArray(value)) return cutList(value, cut);
  return isJsonObject(value) ? cutObject(value, cut) : value;
}

/** What a list loses it loses at its end, where a member says so. */
function cutList(list: readonly JsonValue[], cut: Cut): JsonValue[] {
  const items = list.map((item) => cutJson(item, cut));
  const fitting = countFitting(items.map(canonicalJson), cut.limit);
  if (fitting === items.length) return items;
  return [...items.slice(0, fitting), { _cut: missing(list.length - fitting, 'items', [...list], cut.hash) }];
}

/** An object keeps its smallest members: the keys of a map that is large as a whole matter more than one of its values. */
function cutObject(object: Readonly<Record<string, JsonValue>>, cut: Cut): JsonValue {
  const members = Object.entries(object)
    .map(([key, member]): [string, JsonValue] => [key, cutJson(member, cut)])
    .map((entry) => ({ entry, json: `${JSON.stringify(entry[0])}:${canonicalJson(entry[1])}` }))
    // Equal lengths are ordered by their text: the same state must always give the same observation.
    .sort((left, right) => left.json.length - right.json.length || (left.json < right.json ? -1 : 1));
  const fitting = countFitting(
    members.map(({ json }) => json),
    cut.limit,
  );
  const kept = members.slice(0, fitting).map(({ entry }) => entry);
  if (fitting === members.length) return Object.fromEntries(kept);
  const count = missing(members.length - fitting, 'members', { ...object }, cut.hash);
  return Object.fromEntries([...kept, ['_cut', count]]);
}

/** How many of the texts, from the first, fit into a container: bytes of UTF-8, without commas and brackets. */
function countFitting(texts: readonly string[], limit: number): number {
  let left = limit * TEXTS_PER_CONTAINER;
  const overflow = texts.findIndex((text) => (left -= utf8Length(text)) < 0);
  return overflow === -1 ? texts.length : overflow;
}

/**
 * What stands in the place of what was cut: how much, and a hash by which the whole can be proved, if
 * somebody kept it.
 */
function missing(count: number, what: string, whole: JsonValue, hash: HashText): string {
  return `${count} ${what} left out, sha256 of the whole ${hash(canonicalJson(whole))}`;
}

function cutText(text: string, limit: number, hash: HashText): string {
  if (text.length <= limit) return text;
  // Half of a character would be no text any more.
  const kept = text.slice(0, limit).replace(/[\ud800-\udbff]$/, '');
  return `${kept}… [cut: ${text.length - kept.length} of ${text.length} characters left out, sha256 of the whole ${hash(text)}]`;
}
