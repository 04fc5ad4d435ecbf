import type { ListOrder, Position } from '../database/reading/record-query.ts';

/**
 * Negative when the first comes before the second in a list of that order. Instants are compared as text:
 * all have the same length and six digits of a second.
 */
export function comparePositions(order: ListOrder, left: Position, right: Position): number {
  const sign = order === 'newest' ? -1 : 1;
  if (left.createdAt !== right.createdAt) return left.createdAt < right.createdAt ? -sign : sign;
  if (left.id === right.id) return 0;
  return left.id < right.id ? -sign : sign;
}

/** Bounds of ids at one instant: ids are compared as text, and all are lower-case UUIDs. */
const LEAST_ID = '00000000-0000-0000-0000-000000000000';
const GREATEST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** The position between everything before an instant and everything from then on, whatever the order is. */
export function positionAt(instant: string | undefined): Position | undefined {
  return instant === undefined ? undefined : { createdAt: instant, id: LEAST_ID };
}

/** Instants from the first to the last, both included. */
export interface Times {
  readonly first: string;
  readonly last: string;
}

/** The position before everything of these times in a list of that order. */
export function startOf(order: ListOrder, { first, last }: Times): Position {
  return order === 'newest' ? { createdAt: last, id: GREATEST_ID } : { createdAt: first, id: LEAST_ID };
}

/** The position behind everything of these times in a list of that order. */
export function endOf(order: ListOrder, { first, last }: Times): Position {
  return order === 'newest' ? { createdAt: first, id: LEAST_ID } : { createdAt: last, id: GREATEST_ID };
}
