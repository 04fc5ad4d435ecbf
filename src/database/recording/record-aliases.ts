import type pg from 'pg';

import type { Aliases } from '../../identity/own-keys.ts';
import { hasKeyOfResource } from '../../identity/own-keys.ts';
import { arrayLiteral } from './array-parameter.ts';
import type { PreparedObservation } from './prepared-observation.ts';

const RESOLVE_RECORDS = `
  select nth, id
  from audit_resolve_records($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::boolean[])`;

interface ResolvedRow {
  /** From 1. */
  nth: string;
  id: string;
}

type Named = PreparedObservation & { readonly aliases: Aliases };

/**
 * The same observations, each with the id of the record that it is about: another one than its key gives where the record is known
 * by another name already. Observations without other names cost nothing, and most batches have none.
 */
export async function resolveRecords(
  client: pg.ClientBase,
  prepared: readonly PreparedObservation[],
): Promise<readonly PreparedObservation[]> {
  const named = prepared.filter(isNamed);
  if (named.length === 0) return prepared;
  const { rows } = await client.query<ResolvedRow>({
    name: 'resolve-records',
    text: RESOLVE_RECORDS,
    values: arraysOfNames(named),
  });
  const resolved = new Map(rows.map(({ nth, id }) => [named[Number(nth) - 1], id]));
  return prepared.map((one) => {
    const id = isNamed(one) ? resolved.get(one) : undefined;
    return id === undefined || id === one.id ? one : { ...one, id };
  });
}

/** The parameters of `audit_resolve_records`. */
export function arraysOfNames(prepared: readonly PreparedObservation[]): string[] {
  const named = prepared.filter(isNamed);
  const ofEach = (value: (one: Named) => string | boolean | undefined): string =>
    arrayLiteral(named.map(value));
  return [
    ofEach(({ observation }) => observation.table),
    ofEach(({ id }) => id),
    ofEach(({ aliases }) => aliases.started),
    ofEach(({ aliases }) => aliases.named),
    ofEach(({ aliases }) => aliases.client),
    ofEach(({ aliases }) => aliases.since),
    ofEach(({ observation }) => hasKeyOfResource(observation)),
  ];
}

function isNamed(one: PreparedObservation): one is Named {
  return one.aliases !== undefined;
}
