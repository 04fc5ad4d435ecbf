import type { HashText } from '../../domain/cut.ts';
import { instantOf } from '../../domain/instant.ts';
import type { JsonObject } from '../../domain/json.ts';
import { canonicalJson, isJsonObject, parseJson } from '../../domain/json.ts';
import type { Columns } from '../../domain/records/definition.ts';
import { boundObservation } from '../../kubernaut/bound-observation.ts';
import type { ResourceReading } from '../../kubernaut/observed-remediation.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { Tracked } from '../state/tracked.ts';
import type { PendingState } from './pending-states.ts';
import type { PreparedObservation } from './prepare-observation.ts';

/** More changes of one resource than this within the interval: it flaps. */
const MOST_CHANGES = 20;
/** With fewer than this within the interval it has come to rest; half, so that none begins and ends again and again. */
const FEW_CHANGES = 10;
/** States seen before the newest is remembered to be compared with the next: most resources never have so many at a time. */
const SEEN_BEFORE_COMPARING = 3;

interface FlappingOptions {
  readonly cluster: string;
  /** In which the changes are counted, in milliseconds. */
  readonly intervalMs: number;
  readonly logger: Logger;
  readonly metrics: WatcherMetrics;
}

/** What one more state of a resource is. */
interface StateSeen {
  readonly flaps: boolean;
  /** It differs from the one before, as far as that is known. */
  readonly isChange: boolean;
}

interface Lively {
  /** When the last changes were seen, in milliseconds since the epoch. */
  readonly changedAtMs: number[];
  states: number;
  latest: { readonly reading: ResourceReading; readonly phase: string | undefined } | undefined;
  /** Changes since it began to flap. */
  flappedChanges: number | undefined;
}

/** Notices resources whose status changes so often that each change by itself is no news, and says which they are. */
export class Flapping {
  readonly #options: FlappingOptions;
  /** Of those with one state so far, as most are, only when it was seen. */
  readonly #lively = new Map<Tracked, Lively | number>();

  constructor(options: FlappingOptions) {
    this.#options = options;
  }

  see(tracked: Tracked, { reading, phase, queuedAtMs }: PendingState): StateSeen {
    const known = this.#lively.get(tracked);
    if (known === undefined) {
      this.#lively.set(tracked, queuedAtMs);
      return { flaps: false, isChange: true };
    }
    const one = typeof known === 'number' ? newlyLively(known) : known;
    this.#lively.set(tracked, one);
    const { latest } = one;
    const isChange = latest?.phase !== phase || latest === undefined || !saysTheSame(latest.reading, reading);
    one.states += 1;
    if (one.states >= SEEN_BEFORE_COMPARING) one.latest = { reading, phase };
    if (isChange) this.#changed(tracked, one, queuedAtMs);
    return { flaps: one.flappedChanges !== undefined, isChange };
  }

  /** Called from time to time: what has come to rest is forgotten. */
  forgetQuiet(nowMs: number): void {
    for (const [tracked, known] of this.#lively) {
      const one = typeof known === 'number' ? newlyLively(known) : known;
      const recent = this.#recentOf(one, nowMs);
      if (one.flappedChanges !== undefined && (recent < FEW_CHANGES || tracked.seen.isGone))
        this.#ended(tracked, one);
      if (recent === 0 || tracked.seen.isGone) this.#lively.delete(tracked);
    }
  }

  #changed(tracked: Tracked, one: Lively, nowMs: number): void {
    one.changedAtMs.push(nowMs);
    if (one.changedAtMs.length > MOST_CHANGES + 1) one.changedAtMs.shift();
    const recent = this.#recentOf(one, nowMs);
    if (one.flappedChanges !== undefined) {
      one.flappedChanges += 1;
      if (recent < FEW_CHANGES) this.#ended(tracked, one);
    } else if (recent > MOST_CHANGES) this.#began(tracked, one);
  }

  #recentOf({ changedAtMs }: Lively, nowMs: number): number {
    return changedAtMs.filter((atMs) => nowMs - atMs < this.#options.intervalMs).length;
  }

  #began(tracked: Tracked, one: Lively): void {
    const { cluster, logger, intervalMs } = this.#options;
    const { kind, namespace, name, uid } = tracked;
    one.flappedChanges = one.changedAtMs.length;
    this.#options.metrics.flapping.inc({ cluster, kind });
    logger.warn(
      { cluster, kind, namespace, name, uid },
      `a resource changes more than ${MOST_CHANGES} times in ${intervalMs / 1_000} s: until it comes to rest its newest state is recorded once in that time, with the number of changes; check the controller that writes it`,
    );
  }

  #ended(tracked: Tracked, one: Lively): void {
    const { cluster, logger } = this.#options;
    const { kind, namespace, name, uid } = tracked;
    const changes = one.flappedChanges;
    one.flappedChanges = undefined;
    this.#options.metrics.flapping.dec({ cluster, kind });
    logger.info(
      { cluster, kind, namespace, name, uid, changes },
      'a resource has come to rest: each of its states is recorded again',
    );
  }
}

/** After its first state. */
function newlyLively(seenAtMs: number): Lively {
  return { changedAtMs: [seenAtMs], states: 1, latest: undefined, flappedChanges: undefined };
}

/** Compared as it was read: nothing of it is redacted or hashed before it is sent. */
function saysTheSame(one: ResourceReading, other: ResourceReading): boolean {
  if (one.observations.length !== other.observations.length) return false;
  return one.observations.every((observation, index) => {
    const beside = other.observations[index];
    return (
      beside?.key === observation.key &&
      beside.phase === observation.phase &&
      beside.resource?.deletedAt === observation.resource?.deletedAt &&
      haveSameValues(beside.columns, observation.columns)
    );
  });
}

function haveSameValues(one: Columns, other: Columns): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

interface CoalescedParts {
  /** Of the newest state. */
  readonly prepared: readonly PreparedObservation[];
  /** Of these, what differs from what was said before. */
  readonly changed: readonly PreparedObservation[];
  /** Of the oldest of the states that it stands for. */
  readonly first: readonly PreparedObservation[];
  readonly state: PendingState;
  readonly hash: HashText;
}

/**
 * What the newest of several states says for all of them: in `extra.coalesced` how many changes they were, from when to
 * when, and what the oldest said otherwise. The hashes stay those of the newest state by itself.
 */
export function withCoalesced({
  prepared,
  changed,
  first,
  state,
  hash,
}: CoalescedParts): PreparedObservation[] {
  const oldest = new Map(first.map((each) => [each.name, each]));
  const isAffected = (each: PreparedObservation): boolean =>
    changed.includes(each) || (oldest.get(each.name)?.hash ?? each.hash) !== each.hash;
  const affected = prepared.filter(isAffected);
  // Neither the newest nor the oldest differs from what was said; something between them did.
  const sent = affected.length === 0 ? prepared.slice(0, 1) : affected;
  return sent.map((each) => {
    const before = oldest.get(each.name)?.observation.columns ?? each.observation.columns;
    const coalesced = coalescedOf(state, before, each.observation.columns);
    const columns = { ...each.observation.columns, extra: extraWith(each.observation.columns, coalesced) };
    return {
      ...each,
      observation: {
        ...each.observation,
        ...boundObservation({ ...each.observation, columns }, hash),
        resource: each.observation.resource,
      },
    };
  });
}

function coalescedOf({ coalesced, queuedAtMs }: PendingState, before: Columns, now: Columns): JsonObject {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  const differing = names.filter((name) => before[name] !== now[name]);
  return {
    changes: coalesced?.changes ?? 1,
    from: instantOf(coalesced?.first.queuedAtMs ?? queuedAtMs),
    to: instantOf(queuedAtMs),
    first: Object.fromEntries(differing.map((name) => [name, before[name] ?? null])),
  };
}

function extraWith({ extra }: Columns, coalesced: JsonObject): string {
  const known = typeof extra === 'string' ? parseJson(extra) : {};
  return canonicalJson({ ...(isJsonObject(known) ? known : {}), coalesced });
}
