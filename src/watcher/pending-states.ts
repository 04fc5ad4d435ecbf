import type { PendingState } from './tracked.ts';

/** Of one resource. A phase that flaps for hours while Temporal is away must not fill the memory. */
const MAX_PENDING = 64;

/**
 * Puts a state behind those that wait. One that the newest supersedes goes: it showed nothing first, and all it shows
 * the newest shows too. A block is erased when it ends, so its last state is not superseded by what follows it.
 * Returns how many states went.
 */
export function enqueue(pending: PendingState[], state: PendingState): number {
  const last = pending.at(-1);
  pending.push(state);
  if (last !== undefined && isSuperseded(last, state)) {
    pending.splice(-2, 1);
    return 1;
  }
  if (pending.length <= MAX_PENDING) return 0;
  const expendable = pending.findIndex(({ isFirst, isDeletion }) => !isFirst && !isDeletion);
  pending.splice(Math.max(expendable, 0), 1);
  return 1;
}

function isSuperseded(earlier: PendingState, later: PendingState): boolean {
  // A deletion says no more than that, except of a remediation, and of what is still there.
  const isEnd = earlier.isDeletion || later.isDeletion;
  if (earlier.isFirst || (isEnd && !(earlier.isKept && later.isKept))) return false;
  return earlier.shows.every((shown) => later.shows.includes(shown));
}
