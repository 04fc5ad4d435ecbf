/*
 * What the record lacks, for views. Finding it takes longer the more there is that may be missing, and a view that follows what is
 * recorded asks for it again and again.
 *
 * What must stay true: counting takes at most a fifth of the time, however many views are open (a count, and one for those who
 * asked meanwhile); a view knows of when its count is, and when there may be a newer one.
 */
import type { RecordState } from '../database/reading/completeness.ts';
import { MINUTE_MS } from '../domain/time.ts';

interface CountedCompleteness {
  readonly completeness: RecordState;
  /** When counting began, in milliseconds since 1970. */
  readonly countedAtMs: number;
  /** When to ask for a newer one; undefined where this one was counted for whoever asked. */
  readonly newerInMs?: number;
}

export type RecentCompleteness = () => Promise<CountedCompleteness>;

/** An answer is used again for so many times as long as counting took: of 20 ms for a fifth of a second, of 3 s for half a minute. */
const USED_AGAIN = 9;
/** Nobody waits longer than that for a count while there is one of the last minutes. */
const LONGEST_WAIT_MS = 200;
const OLDEST_MS = 10 * MINUTE_MS;

interface Counted {
  readonly completeness: RecordState;
  readonly countedAtMs: number;
  /** On the clock of `performance`. */
  readonly begunAt: number;
  readonly tookMs: number;
}

export function createRecentCompleteness(count: () => Promise<RecordState>): RecentCompleteness {
  let last: Counted | undefined;
  let counting: Promise<Counted> | undefined;

  const countNow = async (): Promise<Counted> => {
    const [countedAtMs, begunAt] = [Date.now(), performance.now()];
    const completeness = await count();
    last = { completeness, countedAtMs, begunAt, tookMs: performance.now() - begunAt };
    return last;
  };
  const countOnce = (): Promise<Counted> =>
    (counting ??= countNow().finally(() => {
      counting = undefined;
    }));
  const usedAgain = ({ completeness, countedAtMs }: Counted, newerInMs: number): CountedCompleteness => ({
    ...{ completeness, countedAtMs },
    newerInMs: Math.ceil(newerInMs),
  });

  return async () => {
    const ageMs = last === undefined ? Infinity : performance.now() - last.begunAt;
    if (last !== undefined) {
      const leftMs = (1 + USED_AGAIN) * last.tookMs - ageMs;
      if (leftMs > 0) return usedAgain(last, leftMs);
      if (last.tookMs > LONGEST_WAIT_MS && ageMs < OLDEST_MS) {
        // Whoever asks for the newer one learns why there is none.
        countOnce().catch(() => undefined);
        return usedAgain(last, last.tookMs);
      }
    }
    // One that is under way began before this question; whoever asks meanwhile shares the next.
    await counting?.catch(() => undefined);
    const { completeness, countedAtMs } = await countOnce();
    return { completeness, countedAtMs };
  };
}
