import { instantOf } from '../../domain/instant.ts';
import type { KindCompleteness } from '../../domain/kind-completeness.ts';
import { SECOND_MS } from '../../domain/time.ts';
import type { WatcherMetrics } from '../../observability/watcher-metrics.ts';
import type { CoalescedStates } from '../delivery/pending-states.ts';
import type { Tracked } from './tracked.ts';
import { isEndSent, isRecorded, isSent, isWaiting } from './tracked.ts';

/** Why something that was seen is not in the record, or not yet. */
export const GAP_REASONS = [
  'not-sent',
  'not-recorded',
  'lost-run',
  'cannot-be-read',
  'flapping',
  'overdue',
] as const;
type GapReason = (typeof GAP_REASONS)[number];

interface Gap {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly reason: GapReason;
  readonly detail: string | undefined;
}

export interface Completeness {
  readonly cluster: string;
  readonly kinds: readonly KindCompleteness[];
  readonly gaps: readonly Gap[];
  readonly gapCounts: Readonly<Partial<Record<GapReason, number>>>;
  /** There are more gaps than are named. */
  readonly gapsLeftOut: number;
  /**
   * Until the first ended resource that is not recorded may be deleted by the cluster, in seconds; undefined when
   * everything that ended is recorded.
   */
  readonly leastRetentionSeconds: number | undefined;
}

interface CompletenessInput {
  readonly cluster: string;
  readonly kinds: readonly { readonly kind: string; readonly tracked: Iterable<Tracked> }[];
  /** The database answered. */
  readonly knowsRecorded: boolean;
  /** How long recording may take before it counts as a gap, in milliseconds. */
  readonly recordingGraceMs: number;
  readonly nowMs: number;
  /** The run that took what a remediation said and ended before it was recorded. Default: none did. */
  readonly lostRunOf?: (remediationUid: string | undefined) => string | undefined;
}

/** What waits for Temporal. */
interface WaitingStates {
  readonly depth: number;
  waiting(): Iterable<Tracked>;
}

const MOST_GAPS = 100;

/** What is in the cluster held against what is known to be recorded, each difference by name. */
export function completenessOf(input: CompletenessInput): Completeness {
  const gaps: Gap[] = [];
  const ended: Tracked[] = [];
  /** Of each remediation: what belongs to it goes with it. */
  const expiries = new Map<string | undefined, number>();
  const kinds = input.kinds.map(({ kind, tracked }) => {
    const count = { seen: 0, recorded: 0, open: 0, overdue: 0, waiting: 0 };
    for (const one of tracked) {
      const isDone = isDoneWith(one, input);
      const gap = gapOf(one, isDone, input);
      if (gap !== undefined) gaps.push(gap);
      const { isGone, isTerminal, remediation, retentionExpiresAtMs } = one.seen;
      if (isGone) continue;
      count.seen += 1;
      count.recorded += Number(isDone);
      count.open += Number(!isTerminal);
      count.waiting += Number(isWaiting(one));
      count.overdue += Number(gap?.reason === 'overdue');
      if (isTerminal && !isDone) ended.push(one);
      if (retentionExpiresAtMs !== undefined) expiries.set(remediation?.uid, retentionExpiresAtMs);
    }
    return { kind, ...count, recorded: input.knowsRecorded ? count.recorded : undefined };
  });
  const least = ended
    .map(
      ({ seen: { retentionExpiresAtMs, remediation } }) =>
        retentionExpiresAtMs ?? expiries.get(remediation?.uid),
    )
    .reduce(earlier, undefined);
  return {
    cluster: input.cluster,
    kinds,
    gaps: gaps.slice(0, MOST_GAPS),
    gapCounts: countBy(gaps),
    gapsLeftOut: Math.max(0, gaps.length - MOST_GAPS),
    leastRetentionSeconds: least === undefined ? undefined : (least - input.nowMs) / SECOND_MS,
  };
}

function isDoneWith(tracked: Tracked, { knowsRecorded }: CompletenessInput): boolean {
  return knowsRecorded && !isEndSent(tracked) ? isRecorded(tracked) : isSent(tracked);
}

function gapOf(tracked: Tracked, isDone: boolean, input: CompletenessInput): Gap | undefined {
  const gap = (reason: GapReason, detail?: string): Gap => gapIn(tracked, reason, detail);
  const { unread, remediation } = tracked.seen;
  if (unread !== undefined) return gap('cannot-be-read', unread);
  const lostRun = isDone ? undefined : input.lostRunOf?.(remediation?.uid);
  if (lostRun !== undefined) return gap('lost-run', `run ${lostRun}`);
  if (isWaiting(tracked)) {
    const coalesced = coalescedOf(tracked, input.nowMs);
    return coalesced === undefined ? gap('not-sent') : gap('flapping', coalescedText(coalesced));
  }
  return laterGapOf(tracked, isDone, input);
}

/** Of what Temporal has. */
function laterGapOf(tracked: Tracked, isDone: boolean, input: CompletenessInput): Gap | undefined {
  if (!isDone && isLate(tracked, input)) return gapIn(tracked, 'not-recorded');
  return isOverdue(tracked, input) ? gapIn(tracked, 'overdue') : undefined;
}

function gapIn({ kind, namespace, name, uid }: Tracked, reason: GapReason, detail?: string): Gap {
  return { kind, namespace, name, uid, reason, detail };
}

/** All that waits is the newest state of a resource that flaps, which waits on purpose until it is due. */
function coalescedOf(
  { delivery: { pending, sending } }: Tracked,
  nowMs: number,
): CoalescedStates | undefined {
  const [only] = pending;
  if (only?.coalesced === undefined || pending.length > 1 || sending.length > 0) return undefined;
  return nowMs < only.coalesced.dueAtMs ? only.coalesced : undefined;
}

function coalescedText({ changes, first, dueAtMs }: CoalescedStates): string {
  return `changes all the time, ${changes} times since ${instantOf(first.queuedAtMs)}; its newest state is sent at ${instantOf(dueAtMs)}`;
}

function isLate(
  { delivery: { sentAtMs } }: Tracked,
  { nowMs, recordingGraceMs }: CompletenessInput,
): boolean {
  return nowMs - (sentAtMs ?? nowMs) > recordingGraceMs;
}

function isOverdue({ seen }: Tracked, { nowMs }: CompletenessInput): boolean {
  const { isGone, isTerminal, deadlineAtMs } = seen;
  return !isGone && !isTerminal && (deadlineAtMs ?? Infinity) < nowMs;
}

function countBy(gaps: readonly Gap[]): Completeness['gapCounts'] {
  const counts: Partial<Record<GapReason, number>> = {};
  for (const { reason } of gaps) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}

/** What is alarmed on. */
export function publishCompleteness(
  { cluster, kinds, gapCounts, leastRetentionSeconds }: Completeness,
  dispatcher: WaitingStates,
  metrics: WatcherMetrics,
): void {
  for (const { kind, ...states } of kinds) {
    for (const [state, count] of Object.entries(states)) {
      if (count !== undefined) metrics.resources.set({ cluster, kind, state }, count);
    }
  }
  for (const reason of GAP_REASONS) metrics.gaps.set({ cluster, reason }, gapCounts[reason] ?? 0);
  if (leastRetentionSeconds === undefined) metrics.leastRetention.remove({ cluster });
  else metrics.leastRetention.set({ cluster }, leastRetentionSeconds);
  metrics.signalQueue.set({ cluster }, dispatcher.depth);
  metrics.signalQueueAge.set({ cluster }, (Date.now() - (oldestOf(dispatcher) ?? Date.now())) / SECOND_MS);
}

/** What strict mode holds in the cluster, and for how long already. */
export function publishHeld(
  cluster: string,
  kinds: readonly { readonly kind: string; readonly tracked: Iterable<Tracked> }[],
  metrics: WatcherMetrics,
): void {
  let oldestMs = Date.now();
  for (const { kind, tracked } of kinds) {
    const held = [...tracked].flatMap(({ finalizer, seen }) =>
      finalizer?.isHeld && !seen.isGone ? [finalizer] : [],
    );
    const deleted = held.flatMap(({ deletedAtMs }) => deletedAtMs ?? []);
    metrics.heldResources.set({ cluster, kind, state: 'open' }, held.length - deleted.length);
    metrics.heldResources.set({ cluster, kind, state: 'deleted' }, deleted.length);
    for (const deletedAtMs of deleted) oldestMs = Math.min(oldestMs, deletedAtMs);
  }
  metrics.heldDeletionAge.set({ cluster }, (Date.now() - oldestMs) / SECOND_MS);
}

function oldestOf(dispatcher: WaitingStates): number | undefined {
  let oldest: number | undefined;
  for (const { delivery } of dispatcher.waiting()) {
    const [first] = delivery.pending;
    if (first !== undefined && first.queuedAtMs < (oldest ?? Infinity)) oldest = first.queuedAtMs;
  }
  return oldest;
}
