import type { RemediationReference, ResourceReading } from '../../kubernaut/observed-remediation.ts';
import type { FinalizerState } from '../strict/finalizer.ts';

/** What the watcher knows of one resource. The resource itself is not kept: what it says travels in its readings. */
export interface Tracked {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Where it was seen; undefined as long as only the database knows it. */
  collection: string | undefined;
  /** Newest version seen; -1 when none was, or when versions went back. */
  version: bigint;
  /** The next sight of it is to be read even when its version is known. */
  mustReread: boolean;
  /** The newest version seen, as observations carry it. */
  sourceVersion: string;
  createdAt: string;
  phase: string | undefined;
  remediation: RemediationReference | undefined;
  isTerminal: boolean;
  /** When the cluster may delete it, in milliseconds since the epoch. */
  retentionExpiresAtMs: number | undefined;
  /** When it should have ended. */
  deadlineAtMs: number | undefined;
  /** Why nothing of it can be recorded. */
  unread: string | undefined;
  /** Phases and blocks that some state queued so far has shown first. */
  readonly shown: Set<string>;
  /** States that wait to be sent to Temporal, oldest first. */
  readonly pending: PendingState[];
  /** The states that are on their way right now, oldest first; those that wait come after them. */
  sending: PendingState[];
  /** Hash of what Temporal has, by observation. */
  readonly sent: Map<string, string>;
  /** Hash of the last state that Temporal has completely. */
  sentHash: string | undefined;
  /** When Temporal last took something new of it, in milliseconds since the epoch. */
  sentAtMs: number | undefined;
  /** The run that took it. */
  sentToRun: string | undefined;
  /** Hash of the last state that the database has. */
  recordedHash: string | undefined;
  /** How often it was sent again because the database did not show it. */
  resends: number;
  /** Its deletion was seen or concluded. */
  isGone: boolean;
  /** In strict mode, from the first sight on. */
  finalizer: FinalizerState | undefined;
  /** Its last state, if its deletion brought one, and its deletion: no list could tell them again. */
  ending: readonly PendingState[];
}

export interface PendingState {
  readonly reading: ResourceReading;
  readonly phase: string | undefined;
  /** What it shows and a later state may erase: its phase, its blocks. */
  readonly shows: readonly string[];
  /** It shows something no earlier state has shown: it is sent by itself, whatever comes after it. */
  readonly isFirst: boolean;
  readonly isDeletion: boolean;
  /** A deletion of something that is still there, because strict mode keeps it. */
  readonly isKept: boolean;
  /** Its phase is one after which nothing more happens. */
  readonly isTerminal: boolean;
  /** It is sent at once, however lively its remediation is. */
  readonly isUrgent: boolean;
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

type TrackedIdentity = Pick<Tracked, 'kind' | 'namespace' | 'name' | 'uid' | 'createdAt'>;

export function newTracked(identity: TrackedIdentity): Tracked {
  return {
    ...identity,
    collection: undefined,
    version: -1n,
    mustReread: false,
    sourceVersion: '0',
    phase: undefined,
    remediation: undefined,
    isTerminal: false,
    retentionExpiresAtMs: undefined,
    deadlineAtMs: undefined,
    unread: undefined,
    shown: new Set(),
    pending: [],
    sending: [],
    sent: new Map(),
    sentHash: undefined,
    sentAtMs: undefined,
    sentToRun: undefined,
    recordedHash: undefined,
    resends: 0,
    isGone: false,
    finalizer: undefined,
    ending: [],
  };
}

/** Makes all that Temporal has of it be sent again at the next sight of it. */
export function forgetSent(tracked: Tracked): void {
  tracked.mustReread = true;
  tracked.sent.clear();
  tracked.sentHash = undefined;
  tracked.recordedHash = undefined;
}

/** It has a state that Temporal does not have yet. */
export function isWaiting({ pending, sending }: Tracked): boolean {
  return pending.length > 0 || sending.length > 0;
}

/** Temporal has its newest state. */
export function isSent(tracked: Tracked): boolean {
  return !isWaiting(tracked) && tracked.sentHash !== undefined;
}

/** Temporal has its deletion, and it is still there: the database does not show it among the open ones any more. */
export function isEndTold({ finalizer }: Tracked): boolean {
  return finalizer?.isEndTold === true;
}

/** The database has its newest state. */
export function isRecorded(tracked: Tracked): boolean {
  return isSent(tracked) && tracked.sentHash === tracked.recordedHash;
}
