import type { Collection } from '../watched-kind.ts';
import type { Tracked } from './tracked.ts';

/** Of one collection and round: the API server has others to serve. The next round takes the next. */
const MOST_PROBES = 100;
/** Of the time between two lists: what is deleted sooner may be gone before a list can show it. */
const LISTS_AHEAD = 2;

interface DueOptions {
  /** Between two complete lists, in milliseconds. */
  readonly reconcileMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Finds the resources whose silence is suspicious or whose time is short: open beyond their deadline, or soon to be
 * deleted by the cluster. Each is due once between two lists.
 */
export class DueForProbe {
  readonly #options: DueOptions;
  readonly #dueAtMs = new WeakMap<Tracked, number>();

  constructor(options: DueOptions) {
    this.#options = options;
  }

  /** Those that are due, the longest due first; they are due again after a while. */
  take(tracked: Iterable<Tracked>, { path }: Collection): readonly Tracked[] {
    const nowMs = this.#options.now();
    const due = (one: Tracked): number => this.#dueAtMs.get(one) ?? 0;
    const chosen = [...tracked]
      .filter(
        (one) =>
          one.seen.collection === path && !one.seen.isGone && due(one) <= nowMs && this.#isDue(one, nowMs),
      )
      .sort((one, other) => due(one) - due(other))
      .slice(0, MOST_PROBES);
    for (const one of chosen) this.#dueAtMs.set(one, nowMs + this.#options.reconcileMs);
    return chosen;
  }

  #isDue({ seen: { isTerminal, deadlineAtMs, retentionExpiresAtMs } }: Tracked, nowMs: number): boolean {
    const soonMs = nowMs + LISTS_AHEAD * this.#options.reconcileMs;
    if (retentionExpiresAtMs !== undefined && retentionExpiresAtMs < soonMs) return true;
    return !isTerminal && deadlineAtMs !== undefined && deadlineAtMs < nowMs;
  }
}
