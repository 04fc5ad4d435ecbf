import type pg from 'pg';

import type { Aliases } from '../../identity/own-keys.ts';
import { hasKeyOfResource } from '../../identity/own-keys.ts';
import { arrayLiteral } from './array-parameter.ts';
import type { PreparedObservation } from './prepared-observation.ts';

const RESOLVE_RECORDS = `
  select nth, id
  from audit_resolve_records($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::boolean[],
    $8::boolean[])`;

interface ResolvedRow {
  /** From 1. */
  nth: string;
  id: string;
}

type Named = PreparedObservation & { readonly aliases: Aliases };

/** Observations that say the same of one record: they are asked for once. */
interface SameNames {
  readonly observations: Named[];
  readonly one: Named;
  /** Whether others have one of these names as well. Then the database decides them one after the other. */
  isShared: boolean;
}

/**
 * The same observations, each with the id of the record that it is about: another one than its key gives where the record is known
 * by another name already.
 */
export async function resolveRecords(
  client: pg.ClientBase,
  prepared: readonly PreparedObservation[],
): Promise<readonly PreparedObservation[]> {
  const names = distinctNames(prepared);
  if (names.length === 0) return prepared;
  const { rows } = await client.query<ResolvedRow>({
    name: 'resolve-records',
    text: RESOLVE_RECORDS,
    values: arraysOf(names),
  });
  const elsewhere = new Map<PreparedObservation, string>();
  for (const { nth, id } of rows)
    for (const one of names[Number(nth) - 1]?.observations ?? []) elsewhere.set(one, id);
  return prepared.map((one) => {
    const id = elsewhere.get(one);
    return id === undefined ? one : { ...one, id };
  });
}

/** The parameters of `audit_resolve_records`. Observations without other names are not among them. */
export function arraysOfNames(prepared: readonly PreparedObservation[]): string[] {
  return arraysOf(distinctNames(prepared));
}

function distinctNames(prepared: readonly PreparedObservation[]): readonly SameNames[] {
  const distinct = new Map<string, SameNames>();
  const ofName = new Map<string, SameNames>();
  for (const one of prepared.filter(isNamed)) {
    const { id, aliases, observation } = one;
    const { started, named, client, since } = aliases;
    const all = [id, started, named, client, since, hasKeyOfResource(observation)];
    const key = `${observation.table} ${all.join(' ')}`;
    const known = distinct.get(key);
    if (known !== undefined) {
      known.observations.push(one);
      continue;
    }
    const same: SameNames = { observations: [one], one, isShared: false };
    distinct.set(key, same);
    for (const name of [id, started, named, client]) {
      if (name === undefined) continue;
      const other = ofName.get(`${observation.table} ${name}`) ?? same;
      if (other !== same) other.isShared = same.isShared = true;
      ofName.set(`${observation.table} ${name}`, same);
    }
  }
  return [...distinct.values()];
}

function arraysOf(names: readonly SameNames[]): string[] {
  const ofEach = (value: (one: Named) => string | boolean | undefined): string =>
    arrayLiteral(names.map(({ one }) => value(one)));
  return [
    ofEach(({ observation }) => observation.table),
    ofEach(({ id }) => id),
    ofEach(({ aliases }) => aliases.started),
    ofEach(({ aliases }) => aliases.named),
    ofEach(({ aliases }) => aliases.client),
    ofEach(({ aliases }) => aliases.since),
    ofEach(({ observation }) => hasKeyOfResource(observation)),
    arrayLiteral(names.map(({ isShared }) => isShared)),
  ];
}

function isNamed(one: PreparedObservation): one is Named {
  return one.aliases !== undefined;
}
