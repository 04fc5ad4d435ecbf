import { millisecondsOf, parseInstant } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import { at, textAt } from '../../kubernaut/resource.ts';

/** Keeps a resource there, once it is deleted, until what is known of it is with Temporal. Stored in clusters: never renamed. */
export const FINALIZER = 'remediation-audit/recording';
/** Owns the finalizer in `metadata.managedFields`. Stored in clusters: never renamed. */
export const FIELD_MANAGER = 'remediation-audit';

/** What strict mode knows of one resource. */
export interface FinalizerState {
  /** It carries our finalizer. */
  isHeld: boolean;
  /** Version of the resource that showed so; -1 when none did. */
  version: bigint;
  /** When it was deleted, while it is still there. */
  deletedAtMs: number | undefined;
  /** When this process first saw that, on the clock of `performance`. */
  deletionSeenAt: number | undefined;
  /** Temporal has its deletion, although it is still there. */
  isEndTold: boolean;
  /** Somebody else took the finalizer away before the resource ended: it is not put back. */
  isTakenAway: boolean;
}

export function newFinalizerState(): FinalizerState {
  return {
    isHeld: false,
    version: -1n,
    deletedAtMs: undefined,
    deletionSeenAt: undefined,
    isEndTold: false,
    isTakenAway: false,
  };
}

/** Takes in what one sight of a resource says of the finalizer. */
export function noteSight(
  state: FinalizerState,
  resource: JsonObject,
  { version, isTerminal }: { readonly version: bigint; readonly isTerminal: boolean },
): void {
  noteDeletion(state, parseInstant(textAt(resource, 'metadata.deletionTimestamp') ?? ''));
  // Older than our own last write: it does not know of it yet.
  if (version < state.version) return;
  const isHeld = carriesFinalizer(resource);
  // No watcher ever releases what goes on.
  const isOpen = !isTerminal && state.deletedAtMs === undefined;
  state.isTakenAway ||= isOpen && state.isHeld && !isHeld;
  state.isHeld = isHeld;
  state.version = version;
}

function noteDeletion(state: FinalizerState, deletedAt: string | undefined): void {
  if (deletedAt === undefined) {
    state.deletedAtMs = undefined;
    state.deletionSeenAt = undefined;
    state.isEndTold = false;
    return;
  }
  state.deletedAtMs = millisecondsOf(deletedAt);
  state.deletionSeenAt ??= performance.now();
}

/** It is deleted, and there only because our finalizer keeps it. */
export function isKeptFromGoing({ isHeld, deletedAtMs }: FinalizerState): boolean {
  return isHeld && deletedAtMs !== undefined;
}

export function carriesFinalizer(resource: JsonObject): boolean {
  return finalizersOf(resource).includes(FINALIZER);
}

export function finalizersOf(resource: JsonObject): readonly string[] {
  const finalizers = at(resource, 'metadata.finalizers');
  return Array.isArray(finalizers) ? finalizers.filter((one) => typeof one === 'string') : [];
}
