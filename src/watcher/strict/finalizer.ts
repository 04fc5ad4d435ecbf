import { millisecondsOf, parseInstant } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import { at, textAt } from '../../kubernaut/resource.ts';
import type { FinalizerState, Tracked } from '../state/tracked.ts';
import { isSent } from '../state/tracked.ts';

// The only writer of `Tracked.finalizer`, and the decision what is to be done with it. `tracked.ts` names the states.

/** Holds a deleted resource in the cluster until Temporal has what is known of it. Stored in clusters: never renamed. */
export const FINALIZER = 'remediation-audit/recording';
/** Owns the finalizer in `metadata.managedFields`. Stored in clusters: never renamed. */
export const FIELD_MANAGER = 'remediation-audit';

export function newFinalizerState(): FinalizerState {
  return {
    isHeld: false,
    version: -1n,
    deletedAtMs: undefined,
    deletionSeenAt: undefined,
    isEndSent: false,
    isTakenAway: false,
  };
}

const own = (tracked: Tracked): FinalizerState | undefined => tracked.finalizer;

/** Takes in what one observation of a resource says of the finalizer. */
export function observeFinalizer(tracked: Tracked, resource: JsonObject): void {
  const state = own(tracked);
  if (state === undefined) return;
  observeDeletion(state, parseInstant(textAt(resource, 'metadata.deletionTimestamp') ?? ''));
  const { version, isTerminal } = tracked.seen;
  // Older than our own last write: it does not know of it yet.
  if (version < state.version) return;
  const isHeld = carriesFinalizer(resource);
  // No watcher ever releases what goes on.
  const isOpen = !isTerminal && state.deletedAtMs === undefined;
  state.isTakenAway ||= isOpen && state.isHeld && !isHeld;
  state.isHeld = isHeld;
  state.version = version;
}

function observeDeletion(state: FinalizerState, deletedAt: string | undefined): void {
  if (deletedAt === undefined) {
    state.deletedAtMs = undefined;
    state.deletionSeenAt = undefined;
    state.isEndSent = false;
    return;
  }
  state.deletedAtMs = millisecondsOf(deletedAt);
  state.deletionSeenAt ??= performance.now();
}

/** Takes in what the API server answered to a write. */
export function finalizerWritten(
  tracked: Tracked,
  { isHeld, version }: Pick<FinalizerState, 'isHeld' | 'version'>,
): void {
  const state = own(tracked);
  if (state === undefined || version < state.version) return;
  state.isHeld = isHeld;
  state.version = version;
}

/** Temporal has its deletion, although it is still there. */
export function endSent(tracked: Tracked): void {
  const state = own(tracked);
  if (state !== undefined) state.isEndSent = true;
}

/** The server's versions went back: any observation is newer than what is known. */
export function forgetFinalizerVersion(tracked: Tracked): void {
  const state = own(tracked);
  if (state !== undefined) state.version = -1n;
}

/** It is deleted, and there only because our finalizer holds it. */
export function isHeldDeleted({ finalizer }: Tracked): boolean {
  return finalizer?.isHeld === true && finalizer.deletedAtMs !== undefined;
}

export function carriesFinalizer(resource: JsonObject): boolean {
  return finalizersOf(resource).includes(FINALIZER);
}

export function finalizersOf(resource: JsonObject): readonly string[] {
  const finalizers = at(resource, 'metadata.finalizers');
  return Array.isArray(finalizers) ? finalizers.filter((one) => typeof one === 'string') : [];
}

export type FinalizerAction = 'add' | 'release' | 'release-unrecorded';

interface FinalizerFacts {
  /** The resource is a remediation: its closure is sent when it reaches its last phase, not only when it is deleted. */
  readonly isRemediation: boolean;
  /** Something that belongs to it waits for Temporal, and would go with it. */
  readonly isWaitedFor: () => boolean;
  readonly nowMs: number;
  /** How long after its deletion a resource may be held. */
  readonly holdMs: number;
}

/** What a process that starts late tries before it gives anything up, and what a wrong clock costs at most. */
const LEAST_TRY_MS = 30_000;
/** An ended remediation is sent at once: only one that has waited so long for Temporal is worth two writes. */
const LATE_MS = 5_000;

/** What is to be done with our finalizer on one resource, as far as is known now. */
export function finalizerAction(tracked: Tracked, facts: FinalizerFacts): FinalizerAction | undefined {
  const { finalizer: state, seen } = tracked;
  if (state === undefined || seen.isGone || seen.collection === undefined) return undefined;
  if (!state.isHeld) return isToBeHeld(tracked, facts) ? 'add' : undefined;
  if (isDurable(tracked, facts) && !facts.isWaitedFor()) return 'release';
  return isOverdue(tracked, facts) ? 'release-unrecorded' : undefined;
}

/** Everything that its end says is with Temporal. */
function isDurable(tracked: Tracked, { isRemediation }: FinalizerFacts): boolean {
  const { finalizer, seen } = tracked;
  const hasEnded = finalizer?.isEndSent === true || (isRemediation && seen.isTerminal);
  return hasEnded && seen.unread === undefined && isSent(tracked);
}

function isToBeHeld(tracked: Tracked, { isRemediation, nowMs }: FinalizerFacts): boolean {
  const { finalizer, seen, delivery } = tracked;
  if (finalizer === undefined || finalizer.deletedAtMs !== undefined || finalizer.isTakenAway) return false;
  if (!isRemediation || !seen.isTerminal) return true;
  return nowMs - (delivery.pending[0]?.queuedAtMs ?? nowMs) > LATE_MS;
}

function isOverdue({ finalizer }: Tracked, { nowMs, holdMs }: FinalizerFacts): boolean {
  if (finalizer?.deletedAtMs === undefined || finalizer.deletionSeenAt === undefined) return false;
  const triedMs = performance.now() - finalizer.deletionSeenAt;
  return nowMs - finalizer.deletedAtMs >= holdMs && triedMs >= Math.min(holdMs, LEAST_TRY_MS);
}
