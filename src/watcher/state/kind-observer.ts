import { instantOf, parseInstant } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { WorkflowChoice } from '../../kubernaut/chosen-workflow.ts';
import type { GoneResource } from '../../kubernaut/kind.ts';
import type {
  ReadingContext,
  ResourceReading,
  SiblingName,
  Unread,
} from '../../kubernaut/observed-remediation.ts';
import { isUnread, sourceVersion } from '../../kubernaut/observed-remediation.ts';
import { textAt } from '../../kubernaut/resource.ts';
import { forgetSent, stateRecorded, withdraw } from '../delivery/delivery-record.ts';
import type { PendingState } from '../delivery/pending-states.ts';
import type { FinalizerReconciler } from '../strict/finalizer-reconciler.ts';
import { carriesFinalizer, isHeldDeleted, newFinalizerState } from '../strict/finalizer.ts';
import type { Collection, WatchedKind } from '../watched-kind.ts';
import { holdsNamespace } from '../watched-kind.ts';
import type { RecordedResource } from '../watcher-options.ts';
import { EndedResources } from './ended-resources.ts';
import { keptReference, keptText, UidByName, withShown } from './kept-facts.ts';
import { factsOf, identify, isAwaited, isTerminalPhase, readHeldResource, shownBy } from './read-resource.ts';
import type { ReadingReport } from './reading-report.ts';
import type { Seen, Tracked } from './tracked.ts';
import { newTracked } from './tracked.ts';

/** What is known of the other kinds of the cluster. */
export interface KnownResources {
  readonly epoch: bigint;
  /** Of a remediation that was seen, for resources that name theirs without its uid. */
  uidOfRemediation(namespace: string, name: string): string | undefined;
  /** Of a resource that was seen as part of that remediation. */
  createdAtOf(sibling: SiblingName, remediationUid: string): string | undefined;
  /** Of an analysis that was seen as part of that remediation. */
  choiceOf(analysis: SiblingName, remediationUid: string): WorkflowChoice | undefined;
}

interface KindObserverOptions {
  readonly kind: WatchedKind;
  readonly cluster: string;
  readonly known: KnownResources;
  /** Takes what is to be sent. */
  readonly dispatcher: { offer(tracked: Tracked, state: PendingState): void };
  /** Strict mode, for kinds that are in it. */
  readonly finalizers?: Pick<FinalizerReconciler, 'observed' | 'forgetVersion'> | undefined;
  readonly report: ReadingReport;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Observed {
  readonly tracked: Tracked;
  /** It was not known yet, or not at so new a version. */
  readonly isNews: boolean;
  /** What it says that is to be sent. */
  readonly state: PendingState | undefined;
}

/**
 * The state of one kind, over all collections that hold it: which resources there are, at which version, and what of them
 * has still to be sent. Comes in: objects of lists, watches and probes, deletions, and what the database shows. Goes out: states
 * to the dispatcher. What must stay true: a version is read once; an older one than was seen changes nothing; an end is final for
 * its version. The states of a resource are in `tracked.ts`.
 */
export class KindObserver {
  readonly kind: WatchedKind;
  readonly #options: KindObserverOptions;
  readonly #tracked = new Map<string, Tracked>();
  readonly #ended = new EndedResources();
  /** Of the last resource of each name: names were used again in older generations. */
  readonly #uidByName = new UidByName();

  constructor(options: KindObserverOptions) {
    this.kind = options.kind;
    this.#options = options;
  }

  tracked(): IterableIterator<Tracked> {
    return this.#tracked.values();
  }

  find(uid: string): Tracked | undefined {
    return this.#tracked.get(uid);
  }

  /** The uid that a name last had. */
  uidOf(namespace: string, name: string): string | undefined {
    return this.#uidByName.get({ namespace, name });
  }

  /** When the resource was created that last had a name and belongs to a remediation, if it was seen there. */
  createdAtOf(namespace: string, name: string, remediationUid: string): string | undefined {
    return this.#seenAs(namespace, name, remediationUid)?.createdAt;
  }

  /** What the analysis has chosen that last had a name and belongs to a remediation, if it was seen there. */
  choiceOf(namespace: string, name: string, remediationUid: string): WorkflowChoice | undefined {
    return this.#seenAs(namespace, name, remediationUid)?.choice;
  }

  #seenAs(namespace: string, name: string, remediationUid: string): Tracked['seen'] | undefined {
    const seen = this.#tracked.get(this.uidOf(namespace, name) ?? '')?.seen;
    if (seen?.collection === undefined || seen.unread !== undefined || seen.isGone) return undefined;
    return seen.remediation?.uid === remediationUid ? seen : undefined;
  }

  /** The newest version that was seen of a resource, also of one that ended; -1 when none was. */
  versionOf(uid: string): bigint {
    return this.#tracked.get(uid)?.seen.version ?? this.#ended.versionOf(uid) ?? -1n;
  }

  /** Whether an observation of a resource would say anything that is not known. */
  isNews(resource: JsonObject): boolean {
    const identity = identify(resource);
    return identity !== undefined && identity.version > this.versionOf(identity.uid);
  }

  /** The resource, if a list shows it at an older version than one that was seen and that the list must know. */
  seenAheadOf(resource: JsonObject, listVersion: bigint): Tracked | undefined {
    const identity = identify(resource);
    if (identity === undefined) return undefined;
    const tracked = this.#tracked.get(identity.uid);
    if (tracked === undefined || tracked.seen.version > listVersion) return undefined;
    return identity.version < tracked.seen.version ? tracked : undefined;
  }

  /** Takes in one observation of a resource; undefined when it says nothing, because it is over or cannot be identified. */
  observe(resource: JsonObject, collection: Collection): Observed | undefined {
    const identity = identify(resource);
    if (identity === undefined) {
      this.#options.report.unread(this.kind.kind, 'no-identity', '');
      return undefined;
    }
    const { uid, version } = identity;
    if (version <= (this.#ended.versionOf(uid) ?? -1n)) return undefined;
    const createdAt = parseInstant(identity.creationTimestamp);
    const tracked = this.#tracked.get(uid) ?? this.#begin(identity, createdAt);
    // Known from the database only, it had the time at which it was first seen.
    const seen = own(tracked);
    seen.createdAt = keptText(seen.createdAt, createdAt);
    if (seen.version < 0n) this.#uidByName.set(identity, uid);
    const isNews = version > seen.version;
    const isToRead = isNews || (seen.mustReread && version === seen.version);
    const state = isToRead ? this.#read(tracked, resource, { collection, version }) : undefined;
    return { tracked, isNews, state };
  }

  #read(
    tracked: Tracked,
    resource: JsonObject,
    { collection, version }: { readonly collection: Collection; readonly version: bigint },
  ): PendingState | undefined {
    resource['kind'] ??= this.kind.kind;
    resource['apiVersion'] ??= collection.apiVersion;
    const context = this.#context();
    const seen = own(tracked);
    seen.collection = collection.path;
    seen.version = version;
    seen.sourceVersion = sourceVersion(context, String(version)) ?? seen.sourceVersion;
    seen.mustReread = false;
    seen.isGone = false;
    this.#ended.deleteUnrecorded(tracked);
    Object.assign(seen, factsOf(resource, this.kind));
    return this.#readHeld(tracked, resource) ?? this.#take(tracked, this.kind.read(resource, context), STAYS);
  }

  /** Strict mode: what it holds is deleted all the same, and its end is sent while it is still there. */
  #readHeld(tracked: Tracked, resource: JsonObject): PendingState | undefined {
    const { finalizers, report } = this.#options;
    if (finalizers === undefined) {
      if (carriesFinalizer(resource)) report.leftHeld(this.kind.kind, tracked);
      return undefined;
    }
    finalizers.observed(tracked, resource);
    if (!isHeldDeleted(tracked)) return undefined;
    const gone = this.#goneResource(tracked, resource);
    return this.#take(tracked, readHeldResource(this.kind, gone, this.#context()), IS_HELD);
  }

  /** A deletion that was watched: its event carries the last state, which may be the only one that is ever seen. */
  deleted(resource: JsonObject, collection: Collection): void {
    const observed = this.observe(resource, collection);
    if (observed !== undefined) this.#end(observed.tracked, resource, observed.state);
  }

  /** A deletion that was concluded: the resource is neither listed nor found by its name. Answers whether that is news. */
  vanished(tracked: Tracked): boolean {
    const isNews = !tracked.seen.isGone;
    this.#end(tracked);
    return isNews;
  }

  /** What the database has. A resource of it that no list shows any more is probed by its name. */
  recall(recorded: RecordedResource): void {
    const known = this.#tracked.get(recorded.uid);
    // Its end was sent and recorded while the database was read.
    if (known === undefined && this.#ended.versionOf(recorded.uid) !== undefined) return;
    stateRecorded(known ?? this.#beginRecorded(recorded), recorded.projectionHash);
  }

  #beginRecorded(recorded: RecordedResource): Tracked {
    const { uid, namespace, name, firstSeen, phase, remediation, sourceVersion: version } = recorded;
    const tracked = this.#begin({ uid, namespace, name }, firstSeen);
    const isTerminal = isTerminalPhase(phase, this.kind);
    Object.assign(own(tracked), { phase, isTerminal, remediation, sourceVersion: version });
    if (this.#uidByName.get(tracked) === undefined) this.#uidByName.set(tracked, uid);
    return tracked;
  }

  /** Resources that a complete list of the collection should have shown and did not. */
  missingFrom(collection: Collection, listed: ReadonlySet<string>, listVersion: bigint): Tracked[] {
    return [...this.#tracked.values()].filter(
      (tracked) =>
        !listed.has(tracked.uid) &&
        !tracked.seen.isGone &&
        tracked.seen.version <= listVersion &&
        (tracked.seen.collection === undefined
          ? holdsNamespace(collection, tracked.namespace)
          : tracked.seen.collection === collection.path),
    );
  }

  /** The server's versions went back: what was seen says nothing about what is newer. */
  forgetVersions(): void {
    for (const tracked of this.#tracked.values()) {
      own(tracked).version = -1n;
      this.#options.finalizers?.forgetVersion(tracked);
    }
    this.#ended.forgetVersions();
  }

  /** What was sent so far belongs to an epoch that is over. */
  forgetAllSent(): void {
    for (const tracked of this.#tracked.values()) this.#forgetSent(tracked);
    this.#ended.forgetVersions();
  }

  /** What was sent of a resource may be lost: its next observation is sent whole, and its end at once. */
  sendAgain(tracked: Tracked): void {
    this.#forgetSent(tracked);
    if (tracked.seen.isGone) this.#offerEnd(tracked);
  }

  #forgetSent(tracked: Tracked): void {
    own(tracked).mustReread = true;
    forgetSent(tracked);
  }

  /** Its end is with Temporal, which may lose it before it is recorded: it is remembered until `forget`. */
  rememberGone(tracked: Tracked): void {
    const oldest = this.#ended.addUnrecorded(tracked);
    if (oldest !== undefined) this.forget(oldest);
  }

  gone(): readonly Tracked[] {
    return this.#ended.unrecorded();
  }

  /** The end of a resource once more, from its last state on. */
  #offerEnd(tracked: Tracked): void {
    const { ending } = tracked.seen;
    this.#ended.deleteUnrecorded(tracked);
    withdraw(tracked, ending);
    for (const state of ending) this.#options.dispatcher.offer(tracked, state);
  }

  /** Its end is recorded, or as good as: nothing more is to be sent. */
  forget(tracked: Tracked): void {
    this.#tracked.delete(tracked.uid);
    this.#ended.deleteUnrecorded(tracked);
    this.#uidByName.delete(tracked, tracked.uid);
  }

  #begin(
    { uid, namespace, name }: Pick<Tracked, 'uid' | 'namespace' | 'name'>,
    createdAt = instantOf(this.#options.now()),
  ): Tracked {
    const finalizer = this.#options.finalizers === undefined ? undefined : newFinalizerState();
    const tracked = newTracked({ kind: this.kind.kind, uid, namespace, name, createdAt }, finalizer);
    this.#tracked.set(uid, tracked);
    return tracked;
  }

  #end(tracked: Tracked, lastState?: JsonObject, lastOffered?: PendingState): void {
    const seen = own(tracked);
    if (seen.isGone) return;
    seen.isGone = true;
    this.#ended.add(tracked.uid, seen.version);
    this.#options.report.gone(this.kind.kind, lastState !== undefined);
    const reading = this.kind.readDeletion(this.#goneResource(tracked, lastState), this.#context());
    const deletion = this.#take(tracked, reading, IS_GONE);
    seen.ending = [lastOffered, deletion].filter((state) => state !== undefined);
    // One that was never understood: nothing can be said of its end either.
    if (tracked.delivery.pending.length === 0 || isUnread(reading)) this.forget(tracked);
  }

  #goneResource(tracked: Tracked, lastState: JsonObject | undefined): GoneResource {
    const { namespace, name, uid } = tracked;
    const { createdAt, sourceVersion: version, phase, remediation } = tracked.seen;
    const deletedAt = parseInstant(textAt(lastState, 'metadata.deletionTimestamp') ?? '');
    return {
      ...{ namespace, name, uid, createdAt, sourceVersion: version },
      deletedAt: deletedAt ?? instantOf(this.#options.now()),
      ...(lastState === undefined ? {} : { lastState }),
      ...(phase === undefined ? {} : { phase }),
      ...(remediation === undefined ? {} : { remediation }),
    };
  }

  #take(tracked: Tracked, reading: ResourceReading | Unread, end: End): PendingState | undefined {
    const seen = own(tracked);
    if (isUnread(reading)) {
      seen.unread = reading.unread;
      // Its remediation may only have been seen later: the next list reads it again.
      seen.mustReread = reading.unread === 'no-remediation' && !end.isDeletion;
      this.#options.report.unread(this.kind.kind, reading.unread, tracked.uid);
      return undefined;
    }
    seen.unread = undefined;
    seen.remediation = keptReference(seen.remediation, reading.remediation, this.#options.known);
    seen.choice = reading.choice ?? seen.choice;
    this.#options.report.read(this.kind.kind, reading);
    const shows = shownBy(seen, reading);
    const isFirst = shows.some((shown) => !seen.shown.includes(shown));
    if (isFirst) seen.shown = withShown(seen.shown, shows);
    const state: PendingState = {
      ...{ reading, shows, isFirst, ...end, phase: seen.phase, isTerminal: seen.isTerminal },
      isDueSoon: end.isDeletion || (isFirst && isAwaited(seen, reading)),
      queuedAtMs: this.#options.now(),
    };
    this.#options.dispatcher.offer(tracked, state);
    return state;
  }

  #context(): ReadingContext {
    const { cluster, known, now } = this.#options;
    return {
      ...{ cluster, epoch: known.epoch, observedAt: instantOf(now()) },
      remediationUid: (namespace, name) => known.uidOfRemediation(namespace, name),
      siblingCreatedAt: (sibling, remediationUid) => known.createdAtOf(sibling, remediationUid),
      choiceOf: (analysis, remediationUid) => known.choiceOf(analysis, remediationUid),
    };
  }
}

const own = (tracked: Tracked): Seen => tracked.seen;

/** Whether a state is the last one, and whether the resource is there all the same. */
type End = Pick<PendingState, 'isDeletion' | 'isHeld'>;
const STAYS: End = { isDeletion: false, isHeld: false };
const IS_GONE: End = { isDeletion: true, isHeld: false };
const IS_HELD: End = { isDeletion: true, isHeld: true };
