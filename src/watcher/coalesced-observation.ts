import { instantOf } from '../domain/instant.ts';
import type { JsonObject } from '../domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../domain/json.ts';
import type { Columns } from '../domain/records/definition.ts';
import type { HashText } from '../kubernaut/bound-observation.ts';
import { boundObservation } from '../kubernaut/bound-observation.ts';
import type { PreparedObservation } from './prepare-observation.ts';
import type { PendingState } from './tracked.ts';

interface CoalescedParts {
  /** Of the newest state. */
  readonly prepared: readonly PreparedObservation[];
  /** Of these, what differs from what was said before. */
  readonly changed: readonly PreparedObservation[];
  /** Of the oldest of the states that it stands for. */
  readonly first: readonly PreparedObservation[];
  readonly state: PendingState;
  readonly hash: HashText;
}

/**
 * What the newest of several states says for all of them: in `extra.coalesced` how many changes they were, from when to
 * when, and what the oldest said otherwise. The hashes stay those of the newest state by itself.
 */
export function withCoalesced({
  prepared,
  changed,
  first,
  state,
  hash,
}: CoalescedParts): PreparedObservation[] {
  const oldest = new Map(first.map((each) => [each.name, each]));
  const isAffected = (each: PreparedObservation): boolean =>
    changed.includes(each) || (oldest.get(each.name)?.hash ?? each.hash) !== each.hash;
  const affected = prepared.filter(isAffected);
  // Neither the newest nor the oldest differs from what was said; something between them did.
  const told = affected.length === 0 ? prepared.slice(0, 1) : affected;
  return told.map((each) => {
    const before = oldest.get(each.name)?.observation.columns ?? each.observation.columns;
    const coalesced = coalescedOf(state, before, each.observation.columns);
    const columns = { ...each.observation.columns, extra: extraWith(each.observation.columns, coalesced) };
    return {
      ...each,
      observation: {
        ...each.observation,
        ...boundObservation({ ...each.observation, columns }, hash),
        resource: each.observation.resource,
      },
    };
  });
}

function coalescedOf({ coalesced, queuedAtMs }: PendingState, before: Columns, now: Columns): JsonObject {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  const differing = names.filter((name) => before[name] !== now[name]);
  return {
    changes: coalesced?.changes ?? 1,
    from: instantOf(coalesced?.first.queuedAtMs ?? queuedAtMs),
    to: instantOf(queuedAtMs),
    first: Object.fromEntries(differing.map((name) => [name, before[name] ?? null])),
  };
}

function extraWith({ extra }: Columns, coalesced: JsonObject): string {
  const known = typeof extra === 'string' ? parseJson(extra) : {};
  return canonicalJson({ ...(isJsonObject(known) ? known : {}), coalesced });
}
