import { MAX_SIGNAL_BYTES, MAX_SIGNAL_OBSERVATIONS } from '../../domain/limits.ts';
import type { Tracked } from '../state/tracked.ts';
import { putBack, startSending } from './delivery-record.ts';
import type { PendingState } from './pending-states.ts';

/** A state on its way to Temporal, and what it is a state of. */
export interface WaitingState {
  readonly tracked: Tracked;
  readonly state: PendingState;
}

interface GatherRules {
  readonly nowMs: number;
  /** When the last signal to the remediation was sent; undefined when it is long ago. */
  readonly sentAtMs: number | undefined;
  /** Shortest time between two signals. */
  readonly gatherMs: number;
  /** How long what is due soon waits for what comes with it. */
  readonly briefGatherMs: number;
  /** The first lists are being read: what belongs together may come from several of them. */
  readonly isListing: boolean;
  /** Nothing more is waited for. */
  readonly isStopping: boolean;
}

/** The states of all resources of one remediation that wait for Temporal. */
export class RemediationQueue {
  readonly uid: string;
  /** Resources of the remediation with states that wait. */
  readonly members = new Set<Tracked>();
  /** Refused as a whole until then, in milliseconds since the epoch. */
  refusedUntilMs = 0;
  /** Of these one state was refused: they wait by themselves. */
  readonly #refused = new Map<Tracked, number>();

  constructor(uid: string) {
    this.uid = uid;
  }

  get isEmpty(): boolean {
    return this.members.size === 0;
  }

  refuse(tracked: Tracked, untilMs: number): void {
    this.#refused.set(tracked, untilMs);
  }

  /** When its next signal is to be sent; undefined when nothing waits. */
  dueAtMs(rules: GatherRules): number | undefined {
    if (this.isEmpty) return undefined;
    const isFull = this.#isFull(rules.nowMs);
    const dues = [...this.members].map((tracked) =>
      Math.max(isFull ? rules.nowMs : this.#dueOf(tracked, rules), this.#refused.get(tracked) ?? 0),
    );
    return Math.max(Math.min(...dues), this.refusedUntilMs);
  }

  /** What goes in the next signal, in order; more than one signal's worth waits for the next round. */
  take({ nowMs, isStopping }: Pick<GatherRules, 'nowMs' | 'isStopping'>): WaitingState[] {
    const ready = [...this.members].flatMap((tracked) => {
      if ((this.#refused.get(tracked) ?? 0) > nowMs) return [];
      this.#refused.delete(tracked);
      return [{ tracked, states: this.#readyOf(tracked, isStopping ? Infinity : nowMs) }];
    });
    const taken = withinSignal(inOrder(ready));
    for (const { tracked, state } of taken) startSending(tracked, state);
    return taken;
  }

  /** What was not sent waits again, before whatever came meanwhile. */
  putBack(those: readonly WaitingState[]): void {
    for (const { tracked, state } of those.toReversed()) putBack(tracked, state);
  }

  /** Lets go of what has no more states here. */
  release(): void {
    for (const tracked of this.members)
      if (!this.#belongs(tracked.delivery.pending[0])) this.members.delete(tracked);
    for (const tracked of this.#refused.keys()) if (!this.members.has(tracked)) this.#refused.delete(tracked);
  }

  #belongs(state: PendingState | undefined): boolean {
    return state?.reading.remediation.uid === this.uid;
  }

  #dueOf({ delivery: { pending } }: Tracked, rules: GatherRules): number {
    // No list could show the last state of what is gone, so a crash must not lose it.
    if (rules.isStopping || pending.some(({ isDeletion }) => isDeletion)) return rules.nowMs;
    const soonAtMs = pending.find(({ isDueSoon }) => isDueSoon)?.queuedAtMs ?? Infinity;
    return Math.min(soonAtMs + rules.briefGatherMs, this.#gatheredAtMs(pending, rules));
  }

  #gatheredAtMs(
    pending: readonly PendingState[],
    { sentAtMs = -Infinity, gatherMs, briefGatherMs, isListing }: GatherRules,
  ): number {
    const [oldest] = pending;
    if (oldest === undefined) return Infinity;
    if (pending.length === 1 && oldest.coalesced !== undefined) return oldest.coalesced.dueAtMs;
    return Math.max(sentAtMs + gatherMs, oldest.queuedAtMs + (isListing ? gatherMs : briefGatherMs));
  }

  /** A coalesced state that is not due yet goes only before one that comes after it. */
  #readyOf({ delivery: { pending } }: Tracked, nowMs: number): PendingState[] {
    const last = pending.at(-1);
    const isEarly = last?.coalesced !== undefined && last.coalesced.dueAtMs > nowMs;
    const those = isEarly ? pending.slice(0, -1) : [...pending];
    const others = those.findIndex((state) => !this.#belongs(state));
    return others === -1 ? those : those.slice(0, others);
  }

  #isFull(nowMs: number): boolean {
    let [observations, characters] = [0, 0];
    for (const tracked of this.members) {
      if ((this.#refused.get(tracked) ?? 0) > nowMs) continue;
      for (const { reading, coalesced } of tracked.delivery.pending) {
        if (coalesced !== undefined) continue;
        observations += reading.observations.length;
        characters += charactersOf(reading.observations);
      }
    }
    return observations >= MAX_SIGNAL_OBSERVATIONS || characters >= MAX_SIGNAL_BYTES;
  }
}

/** By when they were seen, and those of one resource in their order whatever the clock said. */
function inOrder(
  those: readonly { readonly tracked: Tracked; readonly states: PendingState[] }[],
): WaitingState[] {
  const ordered: WaitingState[] = [];
  const left = those.map(({ tracked, states }) => ({ tracked, states, next: 0 }));
  for (;;) {
    let oldest: { one: (typeof left)[number]; state: PendingState } | undefined;
    for (const one of left) {
      const state = one.states[one.next];
      if (state === undefined) continue;
      if (oldest === undefined || state.queuedAtMs < oldest.state.queuedAtMs) oldest = { one, state };
    }
    if (oldest === undefined) return ordered;
    ordered.push({ tracked: oldest.one.tracked, state: oldest.state });
    oldest.one.next += 1;
  }
}

function withinSignal(those: readonly WaitingState[]): WaitingState[] {
  let observations = 0;
  const rest = those.findIndex(
    ({ state }) => (observations += state.reading.observations.length) > MAX_SIGNAL_OBSERVATIONS,
  );
  return those.slice(0, rest === -1 ? those.length : Math.max(rest, 1));
}

/** About: names and marks of JSON are left out. */
function charactersOf(observations: PendingState['reading']['observations']): number {
  let characters = 0;
  for (const { columns } of observations)
    for (const value of Object.values(columns)) characters += String(value).length;
  return characters;
}
