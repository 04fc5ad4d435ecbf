import { instantOf, parseInstant } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { GoneResource } from '../../kubernaut/kinds.ts';
import type { ReadingContext, ResourceReading, Unread } from '../../kubernaut/observed-remediation.ts';
import { isUnread, sourceVersion } from '../../kubernaut/observed-remediation.ts';
import { textAt } from '../../kubernaut/resource.ts';
import { carriesFinalizer, isKeptFromGoing } from '../strict/finalizer.ts';
import type { FinalizerKeeper } from '../strict/finalizer-reconciler.ts';
import type { Collection, WatchedKind } from '../watched-kind.ts';
import { holdsNamespace } from '../watched-kind.ts';
import type { RecordedResource } from '../watcher-options.ts';
import { factsOf, isTerminalPhase, readKeptResource } from './read-resource.ts';
import type { ReadingReport } from './reading-report.ts';
import type { PendingState, Tracked } from './tracked.ts';
import { forgetSent, newTracked } from './tracked.ts';

/** A stream may repeat what it said of a resource after its end; so many ends are remembered. */
const MAX_ENDS = 10_000;
/** Resources that are gone and whose end is not known to be recorded; of more the oldest are let go. */
const MAX_UNRECORDED_ENDS = 5_000;

export interface KindObserverOptions {
  readonly kind: WatchedKind;
  readonly cluster: string;
  readonly epoch: () => bigint;
  /** Of a remediation that was seen, for resources that name theirs without its uid. */
  readonly remediationUid: (namespace: string, name: string) => string | undefined;
  /** Of a resource that was seen as part of that remediation. */
  readonly siblingCreatedAt?: ReadingContext['siblingCreatedAt'];
  readonly offer: (tracked: Tracked, state: PendingState) => void;
  /** Strict mode, for kinds that are in it. */
  readonly keeper?: Pick<FinalizerKeeper, 'note' | 'consider'> | undefined;
  readonly report: ReadingReport;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

interface Sight {
  readonly tracked: Tracked;
  /** It was not known yet, or not at so new a version. */
  readonly isNews: boolean;
  /** What it tells that is to be sent. */
  readonly state: PendingState | undefined;
}

/**
 * The state of one kind, over all places where it is kept: which resources there are, at which version, and what of them
 * has still to be told. Knows nothing of requests; lists, watches and single looks all end here.
 */
export class KindObserver {
  readonly kind: WatchedKind;
  readonly #options: KindObserverOptions;
  readonly #tracked = new Map<string, Tracked>();
  /** Version under which a resource ended. */
  readonly #ends = new Map<string, bigint>();
  /** With Temporal, oldest first, and perhaps not recorded. */
  readonly #gone = new Set<Tracked>();
  /** Of the last resource of each name: names were used again in older generations. */
  readonly #uidByName = new Map<string, string>();

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
    return this.#uidByName.get(nameKey(namespace, name));
  }

  /** When the resource was created that last had a name and belongs to a remediation, if it was seen there. */
  createdAtOf(namespace: string, name: string, remediationUid: string): string | undefined {
    const tracked = this.#tracked.get(this.uidOf(namespace, name) ?? '');
    const isSeen = tracked?.collection !== undefined && tracked.unread === undefined && !tracked.isGone;
    return isSeen && tracked.remediation?.uid === remediationUid ? tracked.createdAt : undefined;
  }

  /** Whether a sight of a resource would tell anything that is not known. */
  wouldTell(resource: JsonObject): boolean {
    const identity = identify(resource);
    if (identity === undefined) return false;
    const known = this.#tracked.get(identity.uid)?.version ?? this.#ends.get(identity.uid) ?? -1n;
    return identity.version > known;
  }

  /** The resource, if a list shows it at an older version than one that was seen and that the list must know. */
  seenAheadOf(resource: JsonObject, listVersion: bigint): Tracked | undefined {
    const identity = identify(resource);
    if (identity === undefined) return undefined;
    const tracked = this.#tracked.get(identity.uid);
    if (tracked === undefined || tracked.version > listVersion) return undefined;
    return identity.version < tracked.version ? tracked : undefined;
  }

  /** Takes in one sight of a resource; undefined when it tells nothing, because it is over or cannot be identified. */
  observe(resource: JsonObject, collection: Collection): Sight | undefined {
    const identity = identify(resource);
    if (identity === undefined) {
      this.#options.report.unread(this.kind.kind, 'no-identity', '');
      return undefined;
    }
    const { uid, version } = identity;
    if (version <= (this.#ends.get(uid) ?? -1n)) return undefined;
    const tracked = this.#tracked.get(uid) ?? this.#begin(identity);
    // Known from the database only, it had the time at which it was first seen.
    tracked.createdAt = parseInstant(identity.creationTimestamp) ?? tracked.createdAt;
    if (tracked.version < 0n) this.#uidByName.set(nameKey(identity.namespace, identity.name), uid);
    const isNews = version > tracked.version;
    const isToRead = isNews || (tracked.mustReread && version === tracked.version);
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
    tracked.collection = collection.path;
    tracked.version = version;
    tracked.sourceVersion = sourceVersion(context, String(version)) ?? tracked.sourceVersion;
    tracked.mustReread = false;
    tracked.isGone = false;
    this.#gone.delete(tracked);
    Object.assign(tracked, factsOf(resource, this.kind));
    return this.#keep(tracked, resource) ?? this.#take(tracked, this.kind.read(resource, context), STAYS);
  }

  /** Strict mode: what it keeps is deleted all the same, and its end is told while it is still there. */
  #keep(tracked: Tracked, resource: JsonObject): PendingState | undefined {
    const { keeper, report } = this.#options;
    if (keeper === undefined) {
      if (carriesFinalizer(resource)) report.leftHeld(this.kind.kind, tracked);
      return undefined;
    }
    keeper.note(tracked, resource);
    keeper.consider(tracked);
    if (tracked.finalizer === undefined || !isKeptFromGoing(tracked.finalizer)) return undefined;
    const gone = this.#goneResource(tracked, resource);
    return this.#take(tracked, readKeptResource(this.kind, gone, this.#context()), IS_KEPT);
  }

  /** A deletion that was watched: its event carries the last state, which may be the only sight of it. */
  deleted(resource: JsonObject, collection: Collection): void {
    const sight = this.observe(resource, collection);
    if (sight !== undefined) this.#end(sight.tracked, resource, sight.state);
  }

  /** A deletion that was concluded: the resource is neither listed nor found by its name. Answers whether that is news. */
  vanished(tracked: Tracked): boolean {
    const isNews = !tracked.isGone;
    this.#end(tracked);
    return isNews;
  }

  /** What the database has. A resource of it that no list shows any more is asked for by its name. */
  recall(recorded: RecordedResource): void {
    const known = this.#tracked.get(recorded.uid);
    // Its end was told and recorded while the database was asked.
    if (known === undefined && this.#ends.has(recorded.uid)) return;
    const tracked = known ?? newTracked({ ...recorded, kind: this.kind.kind, createdAt: recorded.firstSeen });
    if (known === undefined) {
      tracked.phase = recorded.phase;
      tracked.isTerminal = isTerminalPhase(recorded.phase, this.kind);
      tracked.remediation = recorded.remediation;
      tracked.sourceVersion = recorded.sourceVersion;
      this.#tracked.set(recorded.uid, tracked);
      const name = nameKey(recorded.namespace, recorded.name);
      if (!this.#uidByName.has(name)) this.#uidByName.set(name, recorded.uid);
    }
    tracked.recordedHash = recorded.projectionHash;
  }

  /** Resources that a complete list of the collection should have shown and did not. */
  missingFrom(collection: Collection, listed: ReadonlySet<string>, listVersion: bigint): Tracked[] {
    return [...this.#tracked.values()].filter(
      (tracked) =>
        !listed.has(tracked.uid) &&
        !tracked.isGone &&
        tracked.version <= listVersion &&
        (tracked.collection === undefined
          ? holdsNamespace(collection, tracked.namespace)
          : tracked.collection === collection.path),
    );
  }

  /** The server's versions went back: what was seen says nothing about what is newer. */
  forgetVersions(): void {
    for (const tracked of this.#tracked.values()) {
      tracked.version = -1n;
      if (tracked.finalizer !== undefined) tracked.finalizer.version = -1n;
    }
    this.#ends.clear();
  }

  /** What was sent so far belongs to an epoch that is over. */
  forgetAllSent(): void {
    for (const tracked of this.#tracked.values()) forgetSent(tracked);
    this.#ends.clear();
  }

  /** Its end is with Temporal, which may lose it before it is recorded: it is kept until `forget`. */
  keepGone(tracked: Tracked): void {
    this.#gone.add(tracked);
    const [oldest] = this.#gone;
    if (this.#gone.size > MAX_UNRECORDED_ENDS && oldest !== undefined) this.forget(oldest);
  }

  gone(): readonly Tracked[] {
    return [...this.#gone];
  }

  /** Tells the end of a resource again, from its last state on. */
  tellEndAgain(tracked: Tracked): void {
    const { pending, ending } = tracked;
    this.#gone.delete(tracked);
    pending.splice(0, pending.length, ...pending.filter((state) => !ending.includes(state)));
    for (const state of ending) this.#options.offer(tracked, state);
  }

  /** Its end is recorded, or as good as: nothing more is to be told. */
  forget(tracked: Tracked): void {
    this.#tracked.delete(tracked.uid);
    this.#gone.delete(tracked);
    const name = nameKey(tracked.namespace, tracked.name);
    if (this.#uidByName.get(name) === tracked.uid) this.#uidByName.delete(name);
  }

  #begin({ uid, namespace, name, creationTimestamp }: Identity): Tracked {
    const begun = parseInstant(creationTimestamp) ?? instantOf(this.#options.now());
    const tracked = newTracked({ kind: this.kind.kind, uid, namespace, name, createdAt: begun });
    this.#tracked.set(uid, tracked);
    return tracked;
  }

  #end(tracked: Tracked, lastState?: JsonObject, lastTold?: PendingState): void {
    if (tracked.isGone) return;
    tracked.isGone = true;
    this.#rememberEnd(tracked.uid, tracked.version);
    this.#options.report.gone(this.kind.kind, lastState !== undefined);
    const reading = this.kind.readDeletion(this.#goneResource(tracked, lastState), this.#context());
    const deletion = this.#take(tracked, reading, IS_GONE);
    tracked.ending = [lastTold, deletion].filter((state) => state !== undefined);
    // One that was never understood: nothing can be said of its end either.
    if (tracked.pending.length === 0 || isUnread(reading)) this.forget(tracked);
  }

  #goneResource(tracked: Tracked, lastState: JsonObject | undefined): GoneResource {
    const { namespace, name, uid, createdAt, sourceVersion: version, phase, remediation } = tracked;
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
    if (isUnread(reading)) {
      tracked.unread = reading.unread;
      // Its remediation may only have been seen later: the next list reads it again.
      tracked.mustReread = reading.unread === 'no-remediation' && !end.isDeletion;
      this.#options.report.unread(this.kind.kind, reading.unread, tracked.uid);
      return undefined;
    }
    tracked.unread = undefined;
    tracked.remediation = reading.remediation;
    this.#options.report.read(this.kind.kind, reading);
    const shows = shownBy(tracked, reading);
    const isFirst = shows.some((shown) => !tracked.shown.has(shown));
    for (const shown of shows) tracked.shown.add(shown);
    const state: PendingState = {
      ...{ reading, shows, isFirst, ...end, phase: tracked.phase, isTerminal: tracked.isTerminal },
      isUrgent: end.isDeletion || (isFirst && isAwaited(tracked, reading)),
      queuedAtMs: this.#options.now(),
    };
    this.#options.offer(tracked, state);
    return state;
  }

  #rememberEnd(uid: string, version: bigint): void {
    this.#ends.set(uid, version);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > MAX_ENDS && oldest !== undefined) this.#ends.delete(oldest);
  }

  #context(): ReadingContext {
    const { cluster, epoch, now, remediationUid, siblingCreatedAt } = this.#options;
    return {
      ...{ cluster, epoch: epoch(), observedAt: instantOf(now()), remediationUid },
      ...(siblingCreatedAt === undefined ? {} : { siblingCreatedAt }),
    };
  }
}

/** Whether a state is the last one, and whether the resource is there all the same. */
type End = Pick<PendingState, 'isDeletion' | 'isKept'>;
const STAYS: End = { isDeletion: false, isKept: false };
const IS_GONE: End = { isDeletion: true, isKept: false };
const IS_KEPT: End = { isDeletion: true, isKept: true };

/** What a later state may erase: the phase, whose beginning only its first state tells, and each block. */
function shownBy({ phase }: Tracked, { observations }: ResourceReading): string[] {
  const blocks = observations
    .filter((observation) => observation.phase === 'skip')
    .map(({ key }) => `block ${key}`);
  return [`phase ${phase ?? ''}`, ...blocks];
}

/** Somebody may act on it now: the end of a resource, a block, an approval. */
function isAwaited({ isTerminal }: Tracked, { observations }: ResourceReading): boolean {
  return isTerminal || observations.some(({ phase }) => phase === 'skip' || phase === 'approval');
}

const nameKey = (namespace: string, name: string): string => `${namespace}/${name}`;

interface Identity {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: bigint;
  readonly creationTimestamp: string;
}

function identify(resource: JsonObject): Identity | undefined {
  const [uid, name] = [textAt(resource, 'metadata.uid'), textAt(resource, 'metadata.name')];
  const version = textAt(resource, 'metadata.resourceVersion') ?? '';
  if (uid === undefined || name === undefined || !/^\d+$/.test(version)) return undefined;
  return {
    uid,
    name,
    namespace: textAt(resource, 'metadata.namespace') ?? '',
    version: BigInt(version),
    creationTimestamp: textAt(resource, 'metadata.creationTimestamp') ?? '',
  };
}
