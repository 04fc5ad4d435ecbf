import type { Tracked } from '../state/tracked.ts';
import { isSent } from '../state/tracked.ts';

export type FinalizerAction = 'add' | 'release' | 'release-unrecorded';

interface FinalizerFacts {
  /** The resource is a remediation: its closure is told when it reaches its last phase, not only when it is deleted. */
  readonly isRemediation: boolean;
  /** Something that belongs to it waits for Temporal, and would go with it. */
  readonly isWaitedFor: () => boolean;
  readonly nowMs: number;
  /** How long after its deletion a resource may be kept. */
  readonly holdMs: number;
}

/** What a process that starts late tries before it gives anything up, and what a wrong clock costs at most. */
const LEAST_TRY_MS = 30_000;
/** An ended remediation is told at once: only one that has waited so long for Temporal is worth two writes. */
const LATE_MS = 5_000;

/** What is to be done with our finalizer on one resource, as far as is known now. */
export function finalizerAction(tracked: Tracked, facts: FinalizerFacts): FinalizerAction | undefined {
  const { finalizer: state } = tracked;
  if (state === undefined || tracked.isGone || tracked.collection === undefined) return undefined;
  if (!state.isHeld) return isToBeHeld(tracked, facts) ? 'add' : undefined;
  if (isDurable(tracked, facts) && !facts.isWaitedFor()) return 'release';
  return isOverdue(tracked, facts) ? 'release-unrecorded' : undefined;
}

/** Everything that its end says is with Temporal. */
function isDurable(tracked: Tracked, { isRemediation }: FinalizerFacts): boolean {
  const hasEnded = tracked.finalizer?.isEndTold === true || (isRemediation && tracked.isTerminal);
  return hasEnded && tracked.unread === undefined && isSent(tracked);
}

function isToBeHeld(tracked: Tracked, { isRemediation, nowMs }: FinalizerFacts): boolean {
  const { finalizer, isTerminal, pending } = tracked;
  if (finalizer === undefined || finalizer.deletedAtMs !== undefined || finalizer.isTakenAway) return false;
  if (!isRemediation || !isTerminal) return true;
  return nowMs - (pending[0]?.queuedAtMs ?? nowMs) > LATE_MS;
}

function isOverdue({ finalizer }: Tracked, { nowMs, holdMs }: FinalizerFacts): boolean {
  if (finalizer?.deletedAtMs === undefined || finalizer.deletionSeenAt === undefined) return false;
  const triedMs = performance.now() - finalizer.deletionSeenAt;
  return nowMs - finalizer.deletedAtMs >= holdMs && triedMs >= Math.min(holdMs, LEAST_TRY_MS);
}
