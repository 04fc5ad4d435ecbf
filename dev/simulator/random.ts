import { randomInt } from 'node:crypto';

/** Repeatable randomness: the same seed gives the same simulation. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** In [low, high). */
  between(low: number, high: number): number;
  pick<T>(choices: readonly [T, ...T[]]): T;
  /** Lower-case hexadecimal digits. */
  hex(length: number): string;
}

const TWO_TO_32 = 2 ** 32;
export const MAX_SEED = 2 ** 31;
/** Spreads neighbouring seeds and indices apart; an odd constant near 2³² divided by the golden ratio. */
const GOLDEN = 0x9e3779b1;

export const chooseSeed = (): number => randomInt(MAX_SEED);

/** An own stream for each remediation of a seed, so that playing them at the same time changes none of them. */
export const createRandomFor = (seed: number, index: number): Random =>
  createRandom(Math.imul(seed ^ Math.imul(index + 1, GOLDEN), GOLDEN));

/** The mulberry32 generator: small, fast, and even enough for a play. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / TWO_TO_32;
  };
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    pick: (choices) => choices[Math.floor(next() * choices.length)] ?? choices[0],
    hex: (length) => Array.from({ length }, () => Math.floor(next() * 16).toString(16)).join(''),
  };
}
