/** Lengths of time in milliseconds. A day is 24 hours: instants are in UTC. */
export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export interface BackoffPace {
  /** First pause; the next ones double. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The pause after so many failures in a row, from 1. */
export function backoffMs({ firstMs, longestMs, random }: BackoffPace, failures: number): number {
  return jittered(Math.min(firstMs * 2 ** (failures - 1), longestMs), random);
}

/** Up to half of a pause is left to chance: those who failed together must not come back together. */
export function jittered(pauseMs: number, random: () => number): number {
  return pauseMs * (0.5 + random() / 2);
}
