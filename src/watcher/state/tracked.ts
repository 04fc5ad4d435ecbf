// What the watcher knows of one resource: three records with one owner each, and nothing of the resource itself, whose
// content travels in its readings. Everybody reads all three; the types let nobody but the owner write.
//
// seen       owner: KindObserver. What the cluster shows.
//              unseen    only the database names it: `collection` is undefined. Entered by `recall`.
//              observed  entered by the first list, event or probe that shows it; each newer version replaces the facts.
//              gone      entered by a DELETED event or a confirmed deletion; its deletion is offered for sending. Left for
//                        good by `forget`, once the end is recorded or cannot be; left to observed when the uid is seen
//                        again at a newer version.
// delivery   owner: delivery/delivery-record.ts. How far each of its states is on the way to the database.
//              pending   entered by `enqueueState`; left to sending, or for good when a newer state shows all it shows.
//              sending   entered by `startSending`; left to sent, or by `putBack` to pending, in front.
//              sent      Temporal has it durably; only its hash remains. `forgetSent` takes that back: the run was lost, or
//                        the database does not show the state in time. Then the next observation sends it again.
//              recorded  the database shows the hash of the newest state that was sent.
// finalizer  owner: strict/finalizer.ts. Only for kinds in strict mode.
//              free      as created, and after a release. Left to held when an observation or our own write shows our finalizer.
//              held      the API server keeps the resource for us. Left to free by our release once its end is sent, or to
//                        taken away when somebody else removed the finalizer before the end.
//              deleted   held, with a deletionTimestamp: it exists only because of us. Left by the release.
//              taken away  nothing is written any more.
//
// What must stay true: the states of one resource are sent in the order they were observed, `sending` before `pending`.
// A state that shows a phase or a block first is never dropped while it waits. `sentHash` names a state of which Temporal
// has every observation. A resource that is gone stays here until its end is recorded, or too many others ended later.
import type { WorkflowChoice } from '../../kubernaut/chosen-workflow.ts';
import type { RemediationReference } from '../../kubernaut/observed-remediation.ts';
import type { PendingState } from '../delivery/pending-states.ts';
import type { SentObservations } from '../delivery/sent-observations.ts';
import { NOTHING_SENT } from '../delivery/sent-observations.ts';
import { ownText, sharedText } from './kept-facts.ts';

export interface Tracked {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly seen: ReadOnly<Seen>;
  readonly delivery: ReadOnly<Delivery>;
  /** Undefined for kinds that are not in strict mode. */
  readonly finalizer: ReadOnly<FinalizerState> | undefined;
}

export interface Seen {
  /** Where it was seen; undefined as long as only the database knows it. */
  collection: string | undefined;
  /** Newest version seen; -1 when none was, or when versions went back. */
  version: bigint;
  /** The next observation of it is to be read even when its version is known. */
  mustReread: boolean;
  /** The newest version seen, as observations carry it. */
  sourceVersion: string;
  createdAt: string;
  phase: string | undefined;
  remediation: RemediationReference | undefined;
  /** Of an analysis: what it has chosen. */
  choice: WorkflowChoice | undefined;
  isTerminal: boolean;
  /** When the cluster may delete it, in milliseconds since the epoch. */
  retentionExpiresAtMs: number | undefined;
  /** When it should have ended. */
  deadlineAtMs: number | undefined;
  /** Why nothing of it can be recorded. */
  unread: string | undefined;
  /** Phases and blocks that some state queued so far has shown first. */
  shown: readonly string[];
  /** Its deletion was seen or concluded. */
  isGone: boolean;
  /** Its last state, if its deletion brought one, and its deletion: no list could show them again. */
  ending: readonly PendingState[];
}

export interface Delivery {
  /** States that wait to be sent to Temporal, oldest first. */
  pending: readonly PendingState[];
  /** The states that are being sent right now, oldest first; those that wait come after them. */
  sending: readonly PendingState[];
  /** What Temporal has of each observation. */
  sent: SentObservations;
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
}

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
  isEndSent: boolean;
  /** Somebody else took the finalizer away before the resource ended: it is not put back. */
  isTakenAway: boolean;
}

/** A record as everybody but its owner sees it. */
type ReadOnly<Owned> = { readonly [Field in keyof Owned]: Owned[Field] };

type TrackedIdentity = Pick<Tracked, 'kind' | 'namespace' | 'name' | 'uid'> & Pick<Seen, 'createdAt'>;

/** One for all: most resources have no states that wait, nor an end. */
export const NO_STATES: readonly PendingState[] = [];
const NOTHING_SHOWN: readonly string[] = [];

/** There is one for each resource of the cluster: what is kept here is as small as it can be. */
export function newTracked(
  { kind, namespace, name, uid, createdAt }: TrackedIdentity,
  finalizer?: FinalizerState,
): Tracked {
  const seen: Seen = {
    collection: undefined,
    version: -1n,
    mustReread: false,
    sourceVersion: '0',
    createdAt: ownText(createdAt),
    phase: undefined,
    remediation: undefined,
    choice: undefined,
    isTerminal: false,
    retentionExpiresAtMs: undefined,
    deadlineAtMs: undefined,
    unread: undefined,
    shown: NOTHING_SHOWN,
    isGone: false,
    ending: NO_STATES,
  };
  const delivery: Delivery = {
    pending: NO_STATES,
    sending: NO_STATES,
    sent: NOTHING_SENT,
    sentHash: undefined,
    sentAtMs: undefined,
    sentToRun: undefined,
    recordedHash: undefined,
    resends: 0,
  };
  return { kind, namespace: sharedText(namespace), name, uid, seen, delivery, finalizer };
}

/** It has a state that Temporal does not have yet. */
export function isWaiting({ delivery: { pending, sending } }: Tracked): boolean {
  return pending.length > 0 || sending.length > 0;
}

/** Temporal has its newest state. */
export function isSent(tracked: Tracked): boolean {
  return !isWaiting(tracked) && tracked.delivery.sentHash !== undefined;
}

/** Temporal has its deletion, and it is still there: the database does not show it among the open ones any more. */
export function isEndSent({ finalizer }: Tracked): boolean {
  return finalizer?.isEndSent === true;
}

/** The database has its newest state. */
export function isRecorded(tracked: Tracked): boolean {
  const { sentHash, recordedHash } = tracked.delivery;
  return isSent(tracked) && sentHash === recordedHash;
}
