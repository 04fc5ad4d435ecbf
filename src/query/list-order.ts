import type { ListOrder, Position } from '../database/reading/record-query.ts';

/** Negative when the first comes before the second in a list of that order. */
export function comparePlaces(order: ListOrder, left: Position, right: Position): number {
  const sign = order === 'newest' ? -1 : 1;
  if (left.createdAt !== right.createdAt) return left.createdAt < right.createdAt ? -sign : sign;
  if (left.id === right.id) return 0;
  return left.id < right.id ? -sign : sign;
}

/** Of several places at which something ended the first one; undefined when nothing ended. */
export function firstOf(order: ListOrder, places: readonly (Position | undefined)[]): Position | undefined {
  return places
    .filter((place) => place !== undefined)
    .reduce<Position | undefined>(
      (first, place) => (first === undefined || comparePlaces(order, place, first) < 0 ? place : first),
      undefined,
    );
}

const LEAST_ID = '00000000-0000-0000-0000-000000000000';
const GREATEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The place behind everything of a time, where the times from `first` to `last` end. */
export function endOf(
  order: ListOrder,
  { first, last }: { readonly first: string; readonly last: string },
): Position {
  return order === 'newest' ? { createdAt: first, id: LEAST_ID } : { createdAt: last, id: GREATEST_ID };
}
