import type { ResourceReading } from '../../kubernaut/observed-remediation.ts';

/** Of one resource. Up to so many states wait each by itself: a later one may lack a field that an earlier one has. */
const FEW_PENDING = 20;
/** Of one resource. A phase that changes for hours while Temporal is away must not fill the memory. */
const MAX_PENDING = 64;

export interface PendingState {
  readonly reading: ResourceReading;
  readonly phase: string | undefined;
  /** What it shows and a later state may erase: its phase, its blocks. */
  readonly shows: readonly string[];
  /** It shows something no earlier state has shown: it is sent by itself, whatever comes after it. */
  readonly isFirst: boolean;
  readonly isDeletion: boolean;
  /** A deletion of something that is still there, because strict mode holds it. */
  readonly isHeld: boolean;
  /** Its phase is one after which nothing more happens. */
  readonly isTerminal: boolean;
  /** It is sent soon, however lively its remediation is. */
  readonly isDueSoon: boolean;
  readonly queuedAtMs: number;
  /** Of a resource that flaps: the states that this one stands for. */
  readonly coalesced?: CoalescedStates;
}

export interface CoalescedStates {
  /** The oldest of them. */
  readonly first: PendingState;
  /** How many changes they were, the newest included. */
  readonly changes: number;
  /** When the newest is sent, in milliseconds since the epoch. */
  readonly dueAtMs: number;
}

export interface EnqueueOptions {
  /** So much waits in all that memory counts: even the second state of a resource supersedes the first. */
  readonly isOverloaded?: boolean;
  /** The resource flaps: how long its states are coalesced, in milliseconds, and whether this one is a change. */
  readonly flapping?: { readonly coalesceMs: number; readonly isChange: boolean } | undefined;
}

/**
 * Appends a state to those that wait. Where many wait, one that the newest supersedes goes: it showed nothing first, and
 * all it shows the newest shows too. A block is erased when it ends, so its last state is not superseded by what follows
 * it. Returns how many states went.
 */
export function enqueue(
  pending: PendingState[],
  state: PendingState,
  { isOverloaded = false, flapping }: EnqueueOptions = {},
): number {
  if (flapping !== undefined && isExpendable(state)) return coalesce(pending, state, flapping);
  const last = pending.at(-1);
  pending.push(state);
  if (!isOverloaded && pending.length <= FEW_PENDING) return 0;
  if (last !== undefined && isSuperseded(last, state)) {
    pending.splice(-2, 1);
    return 1;
  }
  return pending.length <= MAX_PENDING ? 0 : dropExpendable(pending);
}

function dropExpendable(pending: PendingState[]): number {
  pending.splice(Math.max(pending.findIndex(isExpendable), 0), 1);
  return 1;
}

function isExpendable({ isFirst, isDeletion }: PendingState): boolean {
  return !isFirst && !isDeletion;
}

/** The newest takes the place of the coalesced one that waits, with the first and the number of all of them. */
function coalesce(
  pending: PendingState[],
  state: PendingState,
  { coalesceMs, isChange }: NonNullable<EnqueueOptions['flapping']>,
): number {
  const before = pending.at(-1)?.coalesced;
  if (before === undefined) {
    pending.push({
      ...state,
      coalesced: { first: state, changes: 1, dueAtMs: state.queuedAtMs + coalesceMs },
    });
    return 0;
  }
  pending[pending.length - 1] = {
    ...state,
    coalesced: { ...before, changes: before.changes + Number(isChange) },
  };
  return 1;
}

function isSuperseded(earlier: PendingState, later: PendingState): boolean {
  // A deletion says no more than that, except of a remediation, and of what is still there.
  const isEnd = earlier.isDeletion || later.isDeletion;
  if (earlier.isFirst || earlier.coalesced !== undefined) return false;
  if (isEnd && !(earlier.isHeld && later.isHeld)) return false;
  return earlier.shows.every((shown) => later.shows.includes(shown));
}
