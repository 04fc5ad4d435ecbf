import type pg from 'pg';

import { monthOf } from '../../domain/instant.ts';
import { isPosted } from '../../domain/observation.ts';
import type { Poster } from '../months/partitions.ts';
import { arrayLiteral } from './array-parameter.ts';
import type { PreparedObservation } from './prepared-observation.ts';
import type { Locations } from './record-location.ts';

/** For whom a month is made: the first poster whose record goes there; nobody when a resource needs it too. */
export function posterOf(
  month: string,
  prepared: readonly PreparedObservation[],
  locations: Locations,
  mostPerDay: number,
): Poster | undefined {
  const inMonth = prepared.filter((one) => monthIn(one, locations) === month);
  const [first] = inMonth;
  if (first === undefined || !inMonth.every(({ observation }) => isPosted(observation))) return undefined;
  const { actor, backfill = false } = first.observation;
  return { name: actor, mayRevive: backfill, mostPerDay };
}

function monthIn({ id, observation }: PreparedObservation, locations: Locations): string {
  return monthOf(locations.get(id) ?? observation.createdAt);
}

/**
 * Refuses what posts would write into an archived month, unless their caller may: it would be in no archive, make the month
 * live again and void its approval. The month in which a post was accepted is open; nearly all go there, without a query.
 */
export function checkOfMonths(
  prepared: readonly PreparedObservation[],
  locations: Locations,
): pg.QueryConfig[] {
  const months = new Set<string>();
  for (const one of prepared) {
    const { observation } = one;
    if (!isPosted(observation) || observation.backfill === true) continue;
    const month = monthIn(one, locations);
    if (month !== monthOf(observation.observedAt)) months.add(month);
  }
  if (months.size === 0) return [];
  return [
    {
      name: 'require-open-months',
      text: 'select audit_require_open_months($1::date[])',
      values: [arrayLiteral([...months])],
    },
  ];
}
